"""A real HTTP server with the few endpoints of a model hub, and of the place where the code lies.

It can break a connection after so many bytes, stop in the middle until it is told to go on, give other
bytes than it promised, and not know of ranges: what a long download meets.
"""

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_REPOSITORY = "zai-org/GLM-TTS"
_LARGE = (".safetensors", ".pt", ".ckpt")


@dataclass(slots=True, kw_only=True)
class Request:
    """One that came.

    Attributes:
        method: "GET" or "HEAD".
        path: Asked for.
        first: Of the bytes that were asked for.
    """

    method: str
    path: str
    first: int


@dataclass(slots=True, kw_only=True)
class Faults:
    """What goes wrong, by path.

    Attributes:
        breaks: The connection is cut after so many bytes; each happens once.
        stops: After so many bytes nothing comes any more until `go_on` is set.
        lies: These bytes come instead.
        without_ranges: Whether every answer is the whole file.
    """

    breaks: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    stops: dict[str, int] = field(default_factory=dict[str, int])
    lies: dict[str, bytes] = field(default_factory=dict[str, bytes])
    without_ranges: bool = False


class SmallHub:
    """Serves a folder as the model's repository, and another as the code's, until it is left.

    Args:
        published: The model's files.
        code: Files of the code's repository, by path.
    """

    def __init__(self, published: Path, code: Mapping[str, bytes]) -> None:
        files = (path for path in published.rglob("*") if path.is_file())
        self.files = {path.relative_to(published).as_posix(): path.read_bytes() for path in sorted(files)}
        self.code = dict(code)
        self.faults = Faults()
        self.requests: list[Request] = []
        self.stopped, self.go_on = threading.Event(), threading.Event()
        hub = self

        class _Answer(_Handler):
            server_of = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Of the hub; the code's files lie under it at `raw`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def asked(self, path: str) -> Sequence[int]:
        """Return the first bytes of the requests for a file's content, in order."""
        return [one.first for one in self.requests if one.method == "GET" and one.path.endswith(f"/{path}")]

    def about(self) -> bytes:
        """Return what the repository says of itself, with the metadata of its files."""
        siblings = [_sibling(path, content) for path, content in self.files.items()]
        return json.dumps({"id": _REPOSITORY, "sha": COMMIT, "siblings": siblings}).encode()

    def content(self, path: str) -> tuple[str, bytes] | None:
        """Return the name and the content that a path of ours stands for."""
        if path.startswith(f"/api/models/{_REPOSITORY}"):
            return "", self.about()
        for prefix, files in (
            (f"/{_REPOSITORY}/resolve/{COMMIT}/", self.files),
            (f"/raw/{_REPOSITORY}/main/", self.code),
        ):
            name = path.removeprefix(prefix)
            if name != path and name in files:
                return name, self.faults.lies.get(name, files[name])
        return None


def _sibling(path: str, content: bytes) -> dict[str, object]:
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    about: dict[str, object] = {"rfilename": path, "size": len(content), "blobId": blob}
    if path.endswith(_LARGE):
        sha256 = hashlib.sha256(content).hexdigest()
        about["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 130}
    return about


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: SmallHub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server calls it
        pass

    def _answer(self) -> None:
        hub = self.server_of
        asked = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0]
        first = 0 if hub.faults.without_ranges else int(asked)
        hub.requests.append(Request(method=self.command, path=self.path.partition("?")[0], first=first))
        found = hub.content(self.path.partition("?")[0])
        if found is None:
            self._begin(404, 0, 0, 0)
            return
        name, content = found
        if first >= len(content) > 0:
            self._begin(416, 0, 0, 0)
            return
        self._begin(206 if first else 200, first, len(content), len(content) - first)
        if self.command == "GET":
            self._send(name, content, first)

    def _begin(self, status: int, first: int, total: int, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("ETag", '"of-no-matter"')
        self.send_header("X-Repo-Commit", COMMIT)
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
        self.end_headers()

    def _send(self, name: str, content: bytes, first: int) -> None:
        hub = self.server_of
        breaks, stop = hub.faults.breaks.get(name), hub.faults.stops.pop(name, None)
        end = breaks.pop(0) if breaks else len(content) if stop is None else stop
        self.wfile.write(content[first:end])
        if stop is not None:
            self.wfile.flush()
            hub.stopped.set()
            hub.go_on.wait(20)
        if end < len(content):
            self.close_connection = True
