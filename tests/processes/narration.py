"""A real `tts-supervisor narrate`, followed through its log. Nothing of ours is replaced here."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import msgspec

from supervisor.wire.lifeline import STATE_VARIABLE
from tests.tree import ROOT

#: A machine that runs other things as well takes its time; a wait that lasts longer has failed.
PATIENCE_S = 60.0


class Event(msgspec.Struct, frozen=True):
    """A line of the log: what these tests look at."""

    event: str
    life: int = 0
    state: str = ""
    pid: int | None = None
    why: str | None = None
    signal: str | None = None
    stage: str = ""
    segment: int = -1
    message: str = ""
    what: str = ""
    text: str = ""
    exit_code: int | None = None

    def is_child(self, *states: str) -> bool:
        return self.event == "child.state" and self.state in states


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is narrated, where, and how.

    Attributes:
        text: Input file.
        output: Finished file or folder.
        state: State folder.
        sets: `--set` of each entry: key to TOML value.
        env: Added to the environment.
    """

    text: Path
    output: Path
    state: Path
    sets: Mapping[str, str] = field(default_factory=dict[str, str])
    env: Mapping[str, str] = field(default_factory=dict[str, str])

    def words(self, *command: str, level: str = "debug") -> list[str]:
        sets = {"log.level": f'"{level}"'} | dict(self.sets)
        given = [word for key, value in sets.items() for word in ("--set", f"{key}={value}")]
        return [
            *(sys.executable, "-m", "supervisor", "--state", str(self.state), "--log-format", "json"),
            *given,
            *command,
        ]

    def whole_env(self) -> dict[str, str]:
        # None of this machine's own configuration, and our packages whatever the cwd is.
        env = {key: value for key, value in os.environ.items() if not key.startswith("TTS_SUPERVISOR_")}
        found = os.pathsep.join(filter(None, [*self.env.get("PYTHONPATH", "").split(os.pathsep), str(ROOT)]))
        return env | dict(self.env) | {"PYTHONPATH": found}


class Narration:
    """One run of the command, from its start to its end.

    Attributes:
        pid: Of the parent.
        pidfd: Readable once it is dead.
        began_s: Monotonic, just before it was started.
        seen: Every event so far.
        lines: Every other line that it wrote on standard error.
    """

    def __init__(self, task: Task, *, level: str = "debug") -> None:
        command = ("narrate", str(task.text), "-o", str(task.output))
        self.began_s = time.monotonic()
        self._popen = subprocess.Popen(
            task.words(*command, level=level),
            env=task.whole_env(),
            cwd=task.text.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._popen.stderr is not None
        self._stderr_fd = self._popen.stderr.fileno()
        self.pid = self._popen.pid
        self.pidfd = os.pidfd_open(self.pid)
        self._rest = b""
        self._ended = False
        self._fresh: list[Event] = []
        self.seen: list[Event] = []
        self.lines: list[str] = []

    def __enter__(self) -> "Narration":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.communicate()
        os.close(self.pidfd)

    def next(self, limit_s: float = PATIENCE_S) -> Event | None:
        """The next event; None when `limit_s` is over or the log has ended."""
        until_s = time.monotonic() + limit_s
        while not self._fresh and not self._ended:
            if not readable(self._stderr_fd, until_s - time.monotonic()):
                return None
            self._read()
        if not self._fresh:
            return None
        event = self._fresh.pop(0)
        self.seen.append(event)
        return event

    def until(self, wanted: Callable[[Event], bool], limit_s: float = PATIENCE_S) -> Event | None:
        """The first event from now on that is wanted; None if the run ended without one."""
        until_s = time.monotonic() + limit_s
        while event := self.next(until_s - time.monotonic()):
            if wanted(event):
                return event
        assert self._ended, f"nothing such happened within {limit_s} s:\n{self.tail()}"
        return None

    def rest(self) -> Iterator[Event]:
        """Every event up to the end of the run."""
        while event := self.next():
            yield event
        assert self._ended, f"it stands still:\n{self.tail()}"

    def over_after(self, moment_s: float) -> bool:
        """Let a moment go by, or less if the run is over before; what happens in it stays to be read."""
        return readable(self.pidfd, moment_s)

    def exit_code(self, limit_s: float = PATIENCE_S) -> int:
        """Read to the end and return how the parent ended: below 0 by a signal."""
        self.until(lambda _: False, limit_s)
        return self._popen.wait(limit_s)

    @property
    def age_s(self) -> float:
        """Time since just before it was started."""
        return time.monotonic() - self.began_s

    def signal(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def kill(self) -> None:
        """SIGKILL to the parent, which is gone when this returns."""
        self._popen.kill()
        self._popen.wait(PATIENCE_S)

    def tail(self) -> str:
        return "\n".join([*map(str, self.seen[-12:]), *self.lines[-12:]])

    def _read(self) -> None:
        piece = os.read(self._stderr_fd, 1 << 16)
        self._ended = not piece
        *whole, self._rest = (self._rest + piece).split(b"\n")
        for line in whole:
            if line.startswith(b"{"):
                self._fresh.append(msgspec.json.decode(line, type=Event))
            else:
                self.lines.append(line.decode(errors="replace"))


def readable(fd: int, limit_s: float) -> bool:
    poll = select.poll()  # select.select refuses descriptors over 1023
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(max(0.0, limit_s) * 1000))


def narrate(task: Task, limit_s: float = PATIENCE_S) -> Narration:
    """Run it to its end, which must be exit 0."""
    with Narration(task, level="info") as run:
        assert run.exit_code(limit_s) == 0, run.tail()
    return run


def ask(task: Task, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run another command on the same state folder."""
    return subprocess.run(
        task.words(*command, level="error"),
        env=task.whole_env(),
        cwd=task.text.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


# ------------------------------------------------------------------ processes of ours


def ours(state: Path) -> list[int]:
    """Living processes that carry the marker of a state folder, found in /proc and nowhere else."""
    marker = os.fsencode(f"{STATE_VARIABLE}={os.path.realpath(state)}")
    return [pid for pid in _pids() if marker in _environment(pid)]


def ours_below(folder: Path) -> list[int]:
    """Likewise, of every state folder below a folder."""
    begin = os.fsencode(f"{STATE_VARIABLE}={os.path.realpath(folder)}/")
    return [pid for pid in _pids() if any(entry.startswith(begin) for entry in _environment(pid))]


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")  # empty for one that is dead already
    except OSError:
        return []


def survivors(state: Path, limit_s: float = 1.0) -> list[str]:
    """Who of ours still lives after `limit_s`; returns as soon as nobody does."""
    until_s = time.monotonic() + limit_s
    while pids := ours(state):
        if time.monotonic() >= until_s:
            return [f"{pid}: {_command(pid)}" for pid in pids]
        for pid in pids:
            _wait_for_the_end_of(pid, until_s)
    return []


def _wait_for_the_end_of(pid: int, until_s: float) -> None:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        readable(pidfd, until_s - time.monotonic())
    finally:
        os.close(pidfd)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "gone"


def paragraphs(count: int, words: Sequence[str] = ()) -> str:
    """A text of `count` paragraphs, each a segment of its own; `words` are put in the first ones."""
    marks = [*words, *[""] * count][:count]
    return "\n\n".join(
        f"Paragraph {number} of the long night tells how the ferry crossed the river {mark}".rstrip() + "."
        for number, mark in enumerate(marks)
    )


def tell(*lines: str) -> None:
    """Say what was measured; `pytest -s` shows it."""
    sys.stdout.write("\n".join(["", *lines, ""]))
