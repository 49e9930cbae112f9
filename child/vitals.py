"""What this process holds, and giving back what it can."""

import ctypes
import gc
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor.wire.messages import Vitals

_ROLLUP = Path("/proc/self/smaps_rollup")
_STATUS = Path("/proc/self/status")

#: A walk over the pages of a process with gigabytes takes 30 ms; one that takes less than this is
#: simply done each time.
_CHEAP_WALK_S: Final = 0.002

#: Of a processor, for walks over the pages of a large process.
_WALK_SHARE: Final = 0.01


def host_vitals() -> Vitals:
    """Return the private host memory of this process; an engine without torch has no more."""
    return Vitals(host_private_bytes=private_bytes())


def private_bytes() -> int:
    """Return Private_Clean + Private_Dirty of this process, in bytes; 0 where /proc lacks it.

    In a large process that is a walk over its pages now and then; in between, and in a fork of one
    until its first walk, the figure moves with the kernel's own count of anonymous memory.
    """
    return _own.read()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """An exact figure, the kernel's count at that moment, and until when they are the base."""

    pid: int
    private_bytes: int
    counted_bytes: int
    took_s: float
    until_s: float


class _OwnMemory:
    """Walks seldom where a walk is dear."""

    def __init__(self) -> None:
        self._walk: _Walk | None = None

    def forget(self) -> None:
        self._walk = None

    def read(self) -> int:
        walk = self._walk
        if walk is not None and walk.took_s >= _CHEAP_WALK_S:
            if walk.pid != os.getpid():
                walk = self._walk = _at_birth(walk)
            if time.monotonic() < walk.until_s:
                return max(0, walk.private_bytes + _counted_bytes() - walk.counted_bytes)
        self._walk = walk = _walked()
        return walk.private_bytes


def _at_birth(template: _Walk) -> _Walk:
    """Return what a fork begins with: all is shared, as much as the template held when it was walked over."""
    return _Walk(
        pid=os.getpid(),
        private_bytes=0,
        counted_bytes=template.counted_bytes,
        took_s=template.took_s,
        until_s=time.monotonic() + template.took_s / _WALK_SHARE,
    )


def _walked() -> _Walk:
    began_s = time.thread_time()  # what others do with the processor meanwhile is not its price
    private = sum(_figures_bytes(_ROLLUP, (b"Private_Clean:", b"Private_Dirty:")))
    took_s = time.thread_time() - began_s
    return _Walk(
        pid=os.getpid(),
        private_bytes=private,
        counted_bytes=_counted_bytes(),
        took_s=took_s,
        until_s=time.monotonic() + took_s / _WALK_SHARE,
    )


def _counted_bytes() -> int:
    return sum(_figures_bytes(_STATUS, (b"RssAnon:", b"VmSwap:")))


def _figures_bytes(path: Path, names: tuple[bytes, ...]) -> list[int]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []  # hidepid, or a kernel before 4.14: the parent reads by psutil in any case
    return [1024 * int(line.split()[1]) for line in lines if line.startswith(names)]


_own: Final = _OwnMemory()


def read_exactly() -> None:
    """Have the next figure come from a walk, whatever that costs: somebody will compare it."""
    _own.forget()


def give_back_host_memory() -> None:
    """Collect garbage and hand the allocator's free pages back to the system."""
    gc.collect()
    read_exactly()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except AttributeError:
        return  # musl has no malloc_trim, and gives back by itself
