"""A real `tts-supervisor serve --stdio`, a pipe at each end; a thread reads: neither waits for the other."""

import os
import signal
import subprocess
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self, cast

from tests.processes.narration import PATIENCE_S, Task

Json = dict[str, object]


def fields(value: object) -> Json:
    """What is said to be an object."""
    assert isinstance(value, dict), value
    return cast("Json", value)


class Piped(ABC):
    """One service, from its start to its end.

    Attributes:
        pid: Of the parent.
        stderr: Its log.
        stray: Lines on its standard output that are none of the protocol.
    """

    def __init__(self, task: Task, *more: str, log_level: str = "info", **env: str) -> None:
        """Start it; what is read is given to `_took` from here on."""
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
        self.stray: list[bytes] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
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

    def say(self, data: bytes) -> None:
        """Write bytes as they are, at once."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(data)
        self._popen.stdin.flush()

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

    @abstractmethod
    def _took(self, line: bytes) -> None:
        """Take a line of its standard output; on the thread that reads."""

    @abstractmethod
    def _over(self) -> None:
        """Take that there will be no more lines; likewise."""

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self._took(line)
        self._over()
