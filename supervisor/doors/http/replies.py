"""Whole answers, of JSON mostly."""

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from supervisor.doors.http.refusals import JSON, Refusal


def json_reply(content: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer of JSON; nothing between keeps it."""
    return raw_reply(msgspec.json.encode(content), status=status, headers=headers)


def raw_reply(
    text: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None, media: str = JSON
) -> Response:
    """Return an answer of text that is made already."""
    told = {"cache-control": "no-store"} | dict(headers or {})
    return Response(text, status_code=status, headers=told, media_type=media)


def refusal_reply(refusal: Refusal) -> Response:
    """Return the answer that says why not."""
    headers = {"cache-control": "no-store"} | refusal.headers
    return Response(refusal.body, status_code=refusal.status, headers=headers)
