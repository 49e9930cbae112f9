"""A program that looks on: `GET /api/events` of a real service, read by a thread."""

import http.client
import json
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, cast

from tests.processes.narration import PATIENCE_S
from tests.processes.serving import Json

#: A name, and what came with it.
Event = tuple[str, Json]


class Looking:
    """One, from when it begins to look until it leaves.

    Attributes:
        seen: Every event so far.
        raw: Every byte so far.
        is_over: Whether the stream ended as it should.
    """

    def __init__(self, port: int, **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        self._connection.request("GET", "/api/events", headers=headers)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200, self._answer.read()
        self.seen: list[Event] = []
        self.raw = b""
        self.is_over = False
        self._moved = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sock = self._connection.sock
        if sock is not None:
            sock.shutdown(2)
        self._thread.join(PATIENCE_S)
        self._connection.close()

    def until(self, name: str, is_wanted: Callable[[Json], bool] = lambda _: True, *, after: int = 0) -> Json:
        """Wait for an event, of those from `after` on, and return what came with it."""
        found: list[Json] = []

        def there() -> bool:
            found[:] = [content for one, content in self.seen[after:] if one == name and is_wanted(content)]
            return bool(found) or self.is_over

        with self._moved:
            assert self._moved.wait_for(there, PATIENCE_S), [one for one, _ in self.seen[-20:]]
            assert found, [one for one, _ in self.seen[-20:]]
        return found[0]

    def moments(self, kind: str) -> list[Json]:
        """Those of a kind, of the first event and of all since."""
        with self._moved:
            first = [
                one for name, content in self.seen if name == "all" for one in listed(content, "moments")
            ]
            since = [content for name, content in self.seen if name == "moment"]
        return [one for one in (*first, *since) if one["kind"] == kind]

    def _read(self) -> None:
        block: list[bytes] = []
        try:
            while line := self._answer.readline():
                with self._moved:
                    self.raw += line
                    if line == b"\n":
                        self._take(block)
                        block = []
                    else:
                        block.append(line.rstrip(b"\n"))
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            return  # it was left, or cut off
        with self._moved:
            self.is_over = True
            self._moved.notify_all()

    def _take(self, block: list[bytes]) -> None:
        if block and block[0].startswith(b"event: "):
            content = cast("Json", json.loads(block[1].removeprefix(b"data: ")))
            self.seen.append((block[0].removeprefix(b"event: ").decode(), content))
            self._moved.notify_all()


def listed(content: Json, name: str) -> list[Json]:
    return cast("list[Json]", content[name])
