"""What this process holds, and giving back what it can."""

import ctypes
import gc
from pathlib import Path

from supervisor.wire.messages import Vitals

_ROLLUP = Path("/proc/self/smaps_rollup")


def host_vitals() -> Vitals:
    """Return the private host memory of this process; an engine without torch has no more."""
    return Vitals(host_private_bytes=private_bytes())


def private_bytes() -> int:
    """Return Private_Clean + Private_Dirty of this process, in bytes; 0 where /proc lacks it."""
    try:
        lines = _ROLLUP.read_bytes().splitlines()
    except OSError:
        return 0  # hidepid, or a kernel before 4.14: the parent reads by psutil in any case
    kib = (int(line.split()[1]) for line in lines if line.startswith((b"Private_Clean:", b"Private_Dirty:")))
    return 1024 * sum(kib)


def give_back_host_memory() -> None:
    """Collect garbage and hand the allocator's free pages back to the system."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except AttributeError:
        return  # musl has no malloc_trim, and gives back by itself
