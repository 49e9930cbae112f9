"""A client of a real `tts-supervisor serve --stdio` that says whatever bytes it likes and believes nothing.

`serving.py` has one that asks properly; this one is for what goes over the pipes itself.
"""

import itertools
import json
import threading
from collections.abc import Callable
from typing import TypeVar, cast

from tests.processes.narration import PATIENCE_S, Task
from tests.processes.piped import Json, Piped, fields

T = TypeVar("T")


def request(method: str, identity: object, **params: object) -> bytes:
    """A request's line, without its end."""
    asked: Json = {"jsonrpc": "2.0", "id": identity, "method": method}
    return json.dumps(asked | ({"params": params} if params else {})).encode()


class Wire(Piped):
    """One service and the two pipes to it.

    Attributes:
        heard: Every line that it wrote, in order.
    """

    def __init__(self, task: Task, *, log_level: str = "info") -> None:
        self.heard: list[Json] = []
        self._ended = False
        self._news = threading.Condition()
        self._numbers = itertools.count(1)
        super().__init__(task, log_level=log_level)

    # ------------------------------------------------------------------ saying

    def begin(self, method: str, **params: object) -> str:
        """Ask under an id of its own, and do not wait."""
        identity = f"q{next(self._numbers)}"
        self.say(request(method, identity, **params) + b"\n")
        return identity

    def notify(self, method: str, **params: object) -> None:
        """Say what is not answered."""
        self.say(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode() + b"\n")

    # ------------------------------------------------------------------ hearing

    def seen(self, look: Callable[[list[Json]], T | None]) -> T:
        """Wait until a look at all that was heard finds something."""
        with self._news:
            found: T | None = None

            def looked() -> bool:
                nonlocal found
                found = look(self.heard)
                return found is not None or self._ended

            assert self._news.wait_for(looked, PATIENCE_S), "not heard in time"
            assert found is not None, f"its output ended:\n{self.stderr.read_text('utf-8')[-2000:]}"
            return found

    def answer(self, identity: object) -> Json:
        """Wait for the answer to a request, which must be the only one."""

        def look(heard: list[Json]) -> Json | None:
            found = [line for line in heard if "method" not in line and line["id"] == identity]
            assert len(found) < 2, found
            return found[0] if found else None

        return self.seen(look)

    def ask(self, method: str, **params: object) -> object:
        """Ask, and wait for the result."""
        answer = self.answer(self.begin(method, **params))
        assert "result" in answer, answer
        return answer["result"]

    def refused(self, method: str, **params: object) -> Json:
        """Ask, and wait for the error."""
        return self.error(self.begin(method, **params))

    def error(self, identity: object) -> Json:
        """Wait for the error that answers a request."""
        answer = self.answer(identity)
        assert "error" in answer, answer
        return fields(answer["error"])

    def told(self, method: str) -> list[Json]:
        """The params of every such notification so far."""
        with self._news:
            return [fields(line["params"]) for line in self.heard if line.get("method") == method]

    def note(self, method: str, wanted: Callable[[Json], bool] = lambda _: True) -> Json:
        """Wait for a notification."""

        def look(heard: list[Json]) -> Json | None:
            told = (fields(line["params"]) for line in heard if line.get("method") == method)
            return next(filter(wanted, told), None)

        return self.seen(look)

    def ready(self) -> Json:
        """Wait for the first child."""
        return self.note("child/state", lambda told: told["state"] == "ready")

    # ------------------------------------------------------------------ within

    def _took(self, line: bytes) -> None:
        said = _message(line)
        with self._news:
            if said is None:
                self.stray.append(line)
            else:
                self.heard.append(said)
            self._news.notify_all()

    def _over(self) -> None:
        with self._news:
            self._ended = True
            self._news.notify_all()


def _message(line: bytes) -> Json | None:
    """What a line says, if it is one object of JSON-RPC 2.0, whole and no longer than a line may be."""
    try:
        said: object = json.loads(line.decode("utf-8"))
    except ValueError:
        return None
    if not isinstance(said, dict) or not line.endswith(b"\n") or len(line) > (1 << 20) + 1:
        return None
    message = cast("Json", said)
    kinds = [kind for kind in ("result", "error", "method") if kind in message]
    return message if message.get("jsonrpc") == "2.0" and len(kinds) == 1 else None
