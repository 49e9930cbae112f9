"""A real `tts-supervisor serve --stdio` and a client of it."""

import itertools
import json
import queue
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from tests.processes.narration import PATIENCE_S, Task
from tests.processes.piped import Json, Piped, fields


class Refused(Exception):
    """An error came for an answer.

    Attributes:
        kind: As in `data.kind`; empty for one of the standard codes.
        code: Its number.
    """

    def __init__(self, error: Json) -> None:
        super().__init__(str(error["message"]))
        self.code = error["code"]
        self.kind = str(fields(error["data"])["kind"]) if "data" in error else ""


class Serving(Piped):
    """One service, and a client that asks properly.

    Attributes:
        notices: Every notification so far.
    """

    def __init__(self, task: Task, *more: str, log_level: str = "info", **env: str) -> None:
        self.task = task
        self.notices: list[Json] = []
        self._numbers = itertools.count(1)
        self._answers: dict[int, queue.Queue[Json]] = {}
        self._may_read = threading.Event()
        self._may_read.set()
        super().__init__(task, *more, log_level=log_level, **env)

    # ------------------------------------------------------------------ asking

    def begin(self, method: str, params: Mapping[str, object] | None = None) -> int:
        """Ask, and do not wait."""
        number = next(self._numbers)
        self._answers[number] = queue.Queue()
        self._say({"jsonrpc": "2.0", "id": number, "method": method, "params": dict(params or {})})
        return number

    def notify(self, method: str, params: Mapping[str, object]) -> None:
        """Say something that is not answered."""
        self._say({"jsonrpc": "2.0", "method": method, "params": dict(params)})

    def _say(self, message: Json) -> None:
        self.say(json.dumps(message).encode() + b"\n")

    def answer(self, number: int, *, limit_s: float = PATIENCE_S) -> object:
        """Wait for an answer."""
        answer = self._answers[number].get(timeout=limit_s)
        assert self._answers[number].empty(), "answered twice"
        if "error" in answer:
            raise Refused(fields(answer["error"]))
        return answer["result"]

    def ask(self, method: str, **params: object) -> Json:
        """Ask, and wait for the answer."""
        return fields(self.answer(self.begin(method, params)))

    def jobs(self) -> list[Json]:
        return [fields(one) for one in cast("list[object]", self.answer(self.begin("jobs/list")))]

    def wait_for(self, job: str, *states: str) -> Json:
        """Wait until a job is in one of these states; every second look is at the notifications."""
        view = self.ask("jobs/get", job=job)
        while view["state"] not in states:
            self.moved.wait(1.0)
            self.moved.clear()
            view = self.ask("jobs/get", job=job)
        return view

    def child_pid(self) -> int:
        """Of the child that is ready."""
        while True:
            child = self.ask("status")["child"]
            if child is not None and fields(child)["ready"]:
                return cast("int", fields(child)["pid"])
            self.moved.wait(1.0)
            self.moved.clear()

    # ------------------------------------------------------------------ within

    moved = threading.Event()

    @contextmanager
    def unread(self) -> Generator[None]:
        """Read nothing of what it says meanwhile, but for one line that was under way."""
        self._may_read.clear()
        try:
            yield
        finally:
            self._may_read.set()

    def _took(self, line: bytes) -> None:
        self._may_read.wait()
        try:
            said = fields(json.loads(line))
        except (ValueError, AssertionError):
            self.stray.append(line)
            return
        number = said.get("id")
        if isinstance(number, int):
            self._answers[number].put(said)
        else:
            self.notices.append(said)
        self.moved.set()

    def _over(self) -> None:
        self.moved.set()

    def told(self, method: str) -> list[Json]:
        """The params of every such notification."""
        return [fields(one["params"]) for one in list(self.notices) if one["method"] == method]


def scripted_task(folder: Path, **sets: str) -> Task:
    """A service in a folder of its own, with the scripted engine."""
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    return Task(
        text=folder / "text.txt",
        output=folder / "out.wav",
        state=folder / "state",
        sets={"engine.name": '"scripted"', "engine.scripted.seconds_per_char": "0.01", **sets},
        env={"XDG_RUNTIME_DIR": str(runtime)},
    )
