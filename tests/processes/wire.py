"""A client of a real `tts-supervisor serve --stdio` that says whatever bytes it likes and believes nothing.

`serving.py` has one that asks properly; this one is for what goes over the pipes itself.
"""

import itertools
import json
import subprocess
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar, cast

from tests.processes.narration import PATIENCE_S, Task

Json = dict[str, object]
T = TypeVar("T")


def fields(value: object) -> Json:
    """What is said to be an object."""
    assert isinstance(value, dict), value
    return cast("Json", value)


def request(method: str, identity: object, **params: object) -> bytes:
    """A request's line, without its end."""
    asked: Json = {"jsonrpc": "2.0", "id": identity, "method": method}
    return json.dumps(asked | ({"params": params} if params else {})).encode()


class Wire:
    """One service and the two pipes to it; a thread reads, so that neither end waits for the other.

    Attributes:
        heard: Every line that it wrote, in order.
        stray: Bytes on its standard output that are no message of JSON-RPC 2.0.
    """

    def __init__(self, task: Task, *, log_level: str = "info") -> None:
        self.stderr = task.state.parent / "serve.err"
        with self.stderr.open("ab") as errors:
            self._popen = subprocess.Popen(
                task.words("serve", "--stdio", level=log_level),
                env=task.whole_env(),
                cwd=task.text.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self.pid = self._popen.pid
        self.heard: list[Json] = []
        self.stray: list[bytes] = []
        self._ended = False
        self._news = threading.Condition()
        self._numbers = itertools.count(1)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)
        for stream in (self._popen.stdin, self._popen.stdout):
            if stream is not None and not stream.closed:
                stream.close()

    # ------------------------------------------------------------------ saying

    def say(self, data: bytes) -> None:
        """Write bytes as they are, at once."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(data)
        self._popen.stdin.flush()

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

    # ------------------------------------------------------------------ ending

    def end(self) -> int:
        """End its input; return how it ended."""
        assert self._popen.stdin is not None
        self._popen.stdin.close()
        return self.exit_code()

    def exit_code(self) -> int:
        code = self._popen.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)
        return code

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            said = _message(line)
            with self._news:
                if said is None:
                    self.stray.append(line)
                else:
                    self.heard.append(said)
                self._news.notify_all()
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
