"""Whether this process may be forked from: one thread, and nothing of CUDA begun.

A fork has one thread alone, and whatever locks the others held stay locked in it; and a driver
that was initialised before a fork answers "not initialised" ever after in the fork.
"""

import os
import sys
import time
from pathlib import Path

_TASKS = Path("/proc/self/task")
_DESCRIPTORS = Path("/proc/self/fd")
_MAPS = Path("/proc/self/maps")

#: The driver's own devices; NVML opens them as well.
_DEVICES = "/dev/nvidia"

#: A thread that was joined is counted for some microseconds more.
_THREAD_PATIENCE_S = 0.1


def why_not() -> str | None:
    """Return in words why a fork of this process could not work; None if it can."""
    threads = _threads()
    if threads > 1:
        return f"{threads} threads run in the template, and a fork has only one of them"
    return _why_cuda()


def _threads() -> int:
    until_s = time.monotonic() + _THREAD_PATIENCE_S
    while (threads := len(os.listdir(_TASKS))) > 1 and time.monotonic() < until_s:  # noqa: PTH208 -- its length alone
        time.sleep(0.001)
    return threads


def _why_cuda() -> str | None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "torch has initialised CUDA in the template"
    device = _open_device()
    return None if device is None else f"the template holds {device} open: a driver was initialised in it"


def _open_device() -> str | None:
    for entry in _DESCRIPTORS.iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue  # the one of the listing itself is gone
        if target.startswith(_DEVICES):
            return target
    mapped = [line for line in _MAPS.read_text(errors="replace").splitlines() if _DEVICES in line]
    return mapped[0].split()[-1] if mapped else None
