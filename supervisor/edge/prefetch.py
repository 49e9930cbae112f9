"""Have the kernel read files ahead, so that the next child finds them in memory.

On a thread of its own: a slow disk or a network file system may hold up whoever asks it.
"""

import contextlib
import os
import threading
from collections.abc import Sequence
from typing import Final

#: The kernel reads ahead no more than this for one request, however much is asked (read_ahead_kb).
_STEP_BYTES: Final = 128 * 1024


class Prefetcher:
    """Reads ahead one list of files at a time; asked meanwhile, it does nothing."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def fetch(self, paths: Sequence[str]) -> None:
        """Begin to read; returns at once. A file that cannot be read is nobody's trouble here."""
        if not paths or self.is_busy:
            return
        self._thread = threading.Thread(target=_fetch, args=(tuple(paths),), name="prefetch", daemon=True)
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether an earlier request is in hand."""
        return self._thread is not None and self._thread.is_alive()


def _fetch(paths: tuple[str, ...]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            _ask_for(path)


def _ask_for(path: str) -> None:
    # Never waits for a FIFO, and a device is not read.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        for at in range(0, os.fstat(fd).st_size, _STEP_BYTES):
            os.posix_fadvise(fd, at, _STEP_BYTES, os.POSIX_FADV_WILLNEED)
    finally:
        os.close(fd)
