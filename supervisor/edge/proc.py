"""Read what the kernel says of a process under /proc; a process that is gone gives None."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_PROC = Path("/proc")

#: Of the times in /proc/PID/stat.
_TICKS_HZ = os.sysconf("SC_CLK_TCK")

#: One letter as in proc(5), for the states that matter here; any other means that it runs.
State = Literal["running", "sleeping", "uninterruptible", "stopped", "zombie"]

_STATES: dict[str, State] = {
    "S": "sleeping",
    "I": "sleeping",
    "D": "uninterruptible",
    "T": "stopped",
    "t": "stopped",
    "Z": "zombie",
    "X": "zombie",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """Memory of one process that ends with it, from smaps_rollup.

    Attributes:
        anonymous_bytes: Its proportional part of written memory: pages that a fork shares count by half.
        clean_file_bytes: Unwritten pages of files that nobody else maps.
        swap_bytes: Its proportional part of what was swapped out.
        private_bytes: Written memory that it shares with nobody.
        shared_bytes: Written memory that it shares, counted in full.
    """

    anonymous_bytes: int
    clean_file_bytes: int
    swap_bytes: int
    private_bytes: int
    shared_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Who a process is, as the kernel keeps it even of the dead.

    Attributes:
        name: What it named itself, at most 15 bytes.
        state: Of its main thread.
        session: Number of its session: the pid of who began it.
    """

    name: str
    state: State
    session: int


def standing(pid: int) -> Standing | None:
    """Return who the process is."""
    text = "".join(_lines(_PROC / str(pid) / "stat"))
    before, _, after = text.rpartition(")")
    fields = after.split()
    if not fields:
        return None
    return Standing(
        name=before.partition("(")[2], state=_STATES.get(fields[0], "running"), session=int(fields[3])
    )


def state(pid: int) -> State | None:
    """Return the state of the process' main thread."""
    return _state_of(_PROC / str(pid) / "stat")


def cpu_s(pid: int) -> float:
    """Return the processor time that the process has used; of one that is gone, none."""
    fields = _after_name(_PROC / str(pid) / "stat")
    return sum(map(int, fields[11:13])) / _TICKS_HZ if fields else 0.0


def is_uninterruptible(pid: int) -> bool:
    """Say whether any thread is inside the kernel where no signal reaches it, SIGKILL included.

    Looks at every thread: after a SIGKILL the main thread is a zombie already while another
    still sits in a driver call and keeps the whole process.
    """
    threads = (_PROC / str(pid) / "task").glob("*/stat")
    try:
        return any(_state_of(thread) == "uninterruptible" for thread in threads)
    except OSError:
        return False


def catches(pid: int, signal_number: int) -> bool:
    """Say whether the process has a function of its own for a signal."""
    for line in _lines(_PROC / str(pid) / "status"):
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (signal_number - 1) & 1)
    return False


def children(pid: int) -> list[int]:
    """Return its children, the dead that are not reaped yet among them."""
    tasks = _PROC / str(pid) / "task"
    try:
        threads = list(tasks.iterdir())
    except OSError:
        return []
    return [
        int(child) for thread in threads for line in _lines(thread / "children") for child in line.split()
    ]


def descendants(pid: int) -> list[int]:
    """Return all that the process started or forked, and they in turn, as far as they still live."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        those = children(waiting.pop())
        found += those
        waiting += those
    return found


def mapped(pid: int) -> Mapped | None:
    """Return the memory of one process; None also if the kernel does not say (before 5.4)."""
    figures = dict(_kilobytes(line) for line in _lines(_PROC / str(pid) / "smaps_rollup"))
    if "Pss_Anon" not in figures:
        return None
    return Mapped(
        anonymous_bytes=figures["Pss_Anon"],
        clean_file_bytes=figures.get("Private_Clean", 0),
        swap_bytes=figures.get("SwapPss", 0),
        private_bytes=figures.get("Private_Dirty", 0) + figures.get("Private_Hugetlb", 0),
        shared_bytes=figures.get("Shared_Dirty", 0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the kernel counts along of a process' memory; off by some pages for each processor.

    What is mapped from files is not in it: weights that are read there come and go with the page cache.

    Attributes:
        anonymous_bytes: Written memory, in memory and in swap, shared with forks or not.
        shared_bytes: Memory that was mapped to be shared.
    """

    anonymous_bytes: int
    shared_bytes: int


def held(pid: int) -> Held | None:
    """Return what the process has at this moment; None = gone. Costs microseconds whatever the size."""
    lines = _lines(_PROC / str(pid) / "status")
    figures = dict(_kilobytes(line) for line in lines if line.startswith(("Vm", "Rss")))
    if "VmRSS" not in figures:
        return None
    return Held(
        # Before Linux 4.5 there is only the sum of all kinds.
        anonymous_bytes=figures.get("RssAnon", figures["VmRSS"]) + figures.get("VmSwap", 0),
        shared_bytes=figures.get("RssShmem", 0),
    )


def environment(pid: int) -> frozenset[bytes]:
    """Return the `NAME=value` entries the process was started with; empty if we may not look."""
    try:
        return frozenset((_PROC / str(pid) / "environ").read_bytes().split(b"\0"))
    except OSError:
        return frozenset()


def pids_of_user(uid: int) -> list[int]:
    """Return the processes that belong to a user."""
    return [int(entry.name) for entry in os.scandir(_PROC) if entry.name.isdecimal() and _owner(entry) == uid]


def parent(pid: int) -> int | None:
    """Return the pid of the parent; None at the top."""
    fields = _after_name(_PROC / str(pid) / "stat")
    return int(fields[1]) or None if fields else None


def command(pid: int) -> str:
    """Return the command line for people, at most 200 characters."""
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ""
    return words.replace(b"\0", b" ").decode(errors="replace").strip()[:200]


def _state_of(stat: Path) -> State | None:
    fields = _after_name(stat)
    return _STATES.get(fields[0], "running") if fields else None


def _after_name(stat: Path) -> list[str]:
    """Split a stat file behind the program's name, which may hold spaces and brackets itself."""
    text = "".join(_lines(stat))
    return text.rpartition(")")[2].split()


def _kilobytes(line: str) -> tuple[str, int]:
    name, _, rest = line.partition(":")
    amount = rest.split()
    return name, int(amount[0]) * 1024 if len(amount) == 2 else 0  # noqa: PLR2004 -- a number and its unit


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:  # gone, or not ours to look at
        return []


def _owner(entry: os.DirEntry[str]) -> int | None:
    try:
        return entry.stat().st_uid
    except OSError:
        return None
