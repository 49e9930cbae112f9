"""`GET /`: the page, as its files are; they hold nothing of the service's, and ask for the key themselves.

All files of `supervisor/page/` are read when the door is made, and nothing else is ever sent from there: no
path of a request is looked for on a disk.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

FOLDER: Final = Path(__file__).parents[2] / "page"

_INDEX: Final = "index.html"

#: What the page is made of; whatever else lies there is not sent.
_MEDIA: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

#: From here alone, and nothing that stands in the page itself; audio may be made in it.
_POLICY: Final = (
    "default-src 'self'; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

_NOT_MODIFIED: Final = 304


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One file of the page.

    Attributes:
        path: That it is asked for at.
        body: Of the file.
        media: Its type.
        tag: Changes with it, in quotes.
    """

    path: str
    body: bytes
    media: str
    tag: str


def sheets(folder: Path = FOLDER) -> list[Sheet]:
    """Read the page."""
    found = sorted(one for one in folder.iterdir() if one.suffix in _MEDIA and one.is_file())
    return [_sheet(one.name, one.read_bytes()) for one in found]


def _sheet(name: str, body: bytes) -> Sheet:
    path = "/" if name == _INDEX else f"/{name}"
    media = _MEDIA[Path(name).suffix]
    return Sheet(path=path, body=body, media=media, tag=f'"{hashlib.sha256(body).hexdigest()[:20]}"')


def routes(page: Sequence[Sheet]) -> list[BaseRoute]:
    """Return what the files answer at."""
    return [_route(sheet) for sheet in page]


def _route(sheet: Sheet) -> Route:
    headers = {
        # Asked for anew each time, and answered in a word while it is the same: an update is seen at once.
        "cache-control": "no-cache",
        "etag": sheet.tag,
        "content-security-policy": _POLICY,
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }

    async def answer(request: Request) -> Response:
        if _has_it(request.headers.get("if-none-match", ""), sheet.tag):
            return Response(status_code=_NOT_MODIFIED, headers=headers)
        return Response(sheet.body, headers=headers, media_type=sheet.media)

    return Route(sheet.path, answer, include_in_schema=False)


def _has_it(given: str, tag: str) -> bool:
    """Say whether an `If-None-Match` names what there is."""
    named = [one.strip().removeprefix("W/") for one in given.split(",")]
    return tag in named or "*" in named
