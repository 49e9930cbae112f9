"""A real service with all of its doors open, and what it holds of the machine."""

import contextlib
import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.processes.narration import PATIENCE_S, Task, ours, readable
from tests.processes.serving import Json, Serving, fields, scripted_task

MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What it holds; equal before and after, if nothing leaks.

    Attributes:
        descriptors: Of the parent, by what they are.
        threads: Of the parent.
        processes: Of the service, the parent not among them: child, template, encoders.
        files: In the folder for temporary ones, and those in the state folder that are not finished.
    """

    descriptors: tuple[str, ...]
    threads: int
    processes: int
    files: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class EveryDoor:
    """The service.

    Attributes:
        stdio: Its client on standard input and output.
        task: As it was started.
        port: Of HTTP.
        tcp: Of Wyoming, likewise `unix`.
        control: Path of the control socket.
    """

    stdio: Serving
    task: Task
    port: int
    tcp: str
    unix: str
    control: str

    @property
    def pid(self) -> int:
        return self.stdio.pid

    @property
    def log(self) -> list[Json]:
        return _read_log(self.stdio.stderr)

    def faults(self) -> list[Json]:
        """Lines of the log that should not be there."""
        return [one for one in self.log if one.get("event") == "bug" or "stray" in one]

    def bytes_of(self, name: str) -> int:
        """A figure of the parent: VmHWM, VmRSS, ..."""
        found = Path(f"/proc/{self.pid}/status").read_text("ascii").split()
        return int(found[found.index(f"{name}:") + 1]) * 1024

    def held(self) -> Held:
        temporary = [str(path) for path in (self.task.state.parent / "tmp").rglob("*")]
        unfinished = [
            str(path) for path in self.task.state.rglob("*") if re.search(r"\.part|spill", path.name)
        ]
        return Held(
            descriptors=tuple(sorted(_kind(target) for target in self._targets())),
            threads=len(list(Path(f"/proc/{self.pid}/task").iterdir())),
            processes=len(set(ours(self.task.state)) - {self.pid}),
            files=tuple(map(str, (*temporary, *unfinished))),
        )

    def held_idle(self) -> Held:
        """What it holds with its child ready, no encoder that waits for work, and nobody asking."""
        for pid in self.encoders():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.stdio.child_pid()
        last: Held | None = None
        with pidfd_of(self.pid) as pidfd:
            # Twice the same in a row: what is going was gone.
            while (now := self.held()) != last and not readable(pidfd, 0.5):
                last = now
        return now

    def held_again(self, before: Held) -> Held:
        """Likewise, once that is no more than before, or at the end of our patience."""
        until_s = time.monotonic() + PATIENCE_S
        while (now := self.held_idle()) != before and time.monotonic() < until_s:
            pass
        return now

    def unnamed_bytes(self) -> int:
        """How long the files are that have no name any more."""
        found = [path for path in Path(f"/proc/{self.pid}/fd").iterdir() if "(deleted)" in _target(path)]
        return sum(path.stat().st_size for path in found if str(self.task.state) in _target(path))

    def encoders(self) -> list[int]:
        """Processes that encode, or wait to."""
        return [pid for pid in ours(self.task.state) if b"supervisor.encoding" in _command(pid)]

    def lives(self) -> "Counter[str]":
        """Child lives so far, by how they ended."""
        ended = [one for one in self.log if one.get("event") == "child.state" and one.get("state") == "gone"]
        return Counter(str(one.get("ending")) for one in ended)

    def _targets(self) -> list[str]:
        return [_target(path) for path in Path(f"/proc/{self.pid}/fd").iterdir()]


@contextmanager
def pidfd_of(pid: int) -> Generator[int]:
    pidfd = os.pidfd_open(pid)
    try:
        yield pidfd
    finally:
        os.close(pidfd)


def _target(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""  # of the folder's own listing


def _kind(target: str) -> str:
    return re.sub(r":\[\d+\]|\d+", "", target)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _read_log(path: Path) -> list[Json]:
    found: list[Json] = []
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            found.append(fields(json.loads(line)))
        except (ValueError, AssertionError):
            found.append({"stray": line})
    return found


@contextmanager
def every_door(folder: Path, *more: str, **sets: str) -> Generator[EveryDoor]:
    """Start one, and wait until all its doors are open and its child is ready."""
    task = scripted_task(folder, **sets)
    (folder / "tmp").mkdir()
    unix = f"unix://{folder}/w.sock"
    doors = ("--http", "127.0.0.1:0", "--wyoming", "tcp://127.0.0.1:0", "--wyoming", unix, *more)
    with Serving(task, *doors, TMPDIR=str(folder / "tmp")) as stdio:
        stdio.child_pid()
        opened = [str(one["where"]) for one in _read_log(stdio.stderr) if one.get("event") == "door.open"]
        http, tcp = (next(one for one in opened if one.startswith(kind)) for kind in ("http:", "tcp:"))
        yield EveryDoor(
            stdio=stdio,
            task=task,
            port=int(http.rpartition(":")[2]),
            tcp=tcp,
            unix=unix,
            control=next(one for one in opened if one.startswith("/")),
        )
