"""A real `tts-supervisor serve --stdio` and a client of it."""

import itertools
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import cast

from tests.processes.narration import PATIENCE_S, Task

Json = dict[str, object]


def fields(value: object) -> Json:
    """What is said to be an object."""
    assert isinstance(value, dict), value
    return cast("Json", value)


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


class Serving:
    """One service, from its start to its end; a thread reads what it writes.

    Attributes:
        notices: Every notification so far.
        stray: Whatever else stood on its standard output.
    """

    def __init__(self, task: Task, *more: str, log_level: str = "info", **env: str) -> None:
        self.task = task
        self.stderr = task.state.parent / "serve.err"
        with self.stderr.open("ab") as errors:
            self._popen = subprocess.Popen(
                task.words("serve", "--stdio", *more, level=log_level),
                env=task.whole_env() | env,
                cwd=task.text.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self.pid = self._popen.pid
        self.notices: list[Json] = []
        self.stray: list[bytes] = []
        self._numbers = itertools.count(1)
        self._answers: dict[int, queue.Queue[Json]] = {}
        self._may_read = threading.Event()
        self._may_read.set()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Serving":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)
        for stream in (self._popen.stdin, self._popen.stdout):
            if stream is not None:
                stream.close()

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
        assert self._popen.stdin is not None
        self._popen.stdin.write(json.dumps(message).encode() + b"\n")
        self._popen.stdin.flush()

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

    # ------------------------------------------------------------------ ending

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait(PATIENCE_S)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def hang_up(self) -> int:
        """End its input, and return how it ended."""
        assert self._popen.stdin is not None
        self._popen.stdin.close()
        return self.exit_code()

    def exit_code(self) -> int:
        code = self._popen.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)
        return code

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

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self._may_read.wait()
            try:
                said = fields(json.loads(line))
            except (ValueError, AssertionError):
                self.stray.append(line)
                continue
            number = said.get("id")
            if isinstance(number, int):
                self._answers[number].put(said)
            else:
                self.notices.append(said)
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
