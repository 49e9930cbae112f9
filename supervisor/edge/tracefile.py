"""Append what is read and decided to the trace that `memory.record` names.

Recording costs next to nothing and endangers nothing: lines are gathered for up to a second and
written at once; a disk that fills up, or any other refusal, is told once and ends the recording,
never the job. Several runs may follow one another in one file: the clock of each starts at 0, so
a clock that goes back is where the next run begins. Two at once would be unreadable: the file is
locked, and the second run does not record.
"""

import asyncio
import contextlib
import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from supervisor.core.traces import LifeEnded, Record, encode
from supervisor.edge.clock import monotonic_s
from supervisor.edge.disk import FULL_ERRNOS
from supervisor.errors import ConfigError

#: What a kill may cost.
FLUSH_S: Final = 1.0

#: A burst is written out earlier: the parent's memory stays small.
_MOST_WAITING_BYTES: Final = 2**18

#: A line cut short by a kill is looked for this far back; a line of a trace has some hundred bytes.
_LONGEST_TAIL_BYTES: Final = 2**16

#: How every line that we write begins.
_BEGINNING: Final = b'{"kind":"'


class TraceFile:
    """One run's part of a trace.

    Args:
        path: Of the file; made if it is not there. Its folder is not.
        tell: Takes the sentence for people that ends the recording, at most once.
        loop: Flushes a second after the first line that waits; without one, flushing happens as
            records come in.

    Raises:
        ConfigError: If the file cannot be opened; names memory.record.
    """

    def __init__(
        self, path: Path, *, tell: Callable[[str], None], loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self._path = path
        self._tell = tell
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._flushed_s = monotonic_s()
        self._began_s: float | None = None
        self._fd = self._open()

    @property
    def is_recording(self) -> bool:
        """Whether records are still taken."""
        return self._fd >= 0

    def take(self, record: Record) -> None:
        """Append a record; it is in the file a second later, and at once when a life has ended."""
        if self._fd < 0:
            return
        if self._began_s is None:
            self._began_s = record.t
        line = encode(_since(record, self._began_s))
        self._waiting.append(line)
        self._waiting_bytes += len(line)
        if isinstance(record, LifeEnded) or self._is_due():
            self.flush()
        elif self._loop is not None and self._timer is None:
            self._timer = self._loop.call_later(FLUSH_S, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        text = b"".join(self._waiting)
        self._forget()
        self._flushed_s = monotonic_s()
        if text and self._fd >= 0:
            self._write(text)

    def close(self) -> None:
        """Write what waits, and let go of the file. Nothing is taken after it."""
        self.flush()
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _is_due(self) -> bool:
        return self._waiting_bytes >= _MOST_WAITING_BYTES or monotonic_s() - self._flushed_s >= FLUSH_S

    def _forget(self) -> None:
        self._waiting.clear()
        self._waiting_bytes = 0

    # ------------------------------------------------------------------ the file

    def _open(self) -> int:
        # Whoever opens a FIFO waits for its reader: never, for this file.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            fd = os.open(self._path, flags, 0o644)
        except OSError as error:
            if error.errno in FULL_ERRNOS:
                self._refused(error)
                return -1
            raise _unusable(self._path, error.strerror or str(error)) from error
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise _unusable(self._path, "it is no plain file")
        return self._prepare(fd)

    def _prepare(self, fd: int) -> int:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            self._tell(f"{self._path}: another run records there; this one is not recorded")
            return -1
        with contextlib.suppress(OSError):  # it then ends where it ends: the next line is damaged, no more
            _mend_end(fd)
        return fd

    def _write(self, text: bytes) -> None:
        end = os.fstat(self._fd).st_size
        rest = memoryview(text)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            self._refused(error)
            with contextlib.suppress(OSError):  # half a line at the end is the worst that is left
                os.ftruncate(self._fd, end)
            os.close(self._fd)
            self._fd = -1

    def _refused(self, error: OSError) -> None:
        self._tell(
            f"{self._path}: cannot be written ({error.strerror or error}): the recording ends here, the work "
            "goes on. To record again: make room, or name another file in memory.record, and run again"
        )


def _since(record: Record, began_s: float) -> Record:
    # To the microsecond: what a clock gives beyond that is only long to read.
    return msgspec.structs.replace(record, t=round(record.t - began_s, 6))


def _unusable(path: Path, seen: str) -> ConfigError:
    return ConfigError(
        f"memory.record = {str(path)!r}: cannot be opened for writing ({seen}); name a file in a folder that "
        'is there and writable, or "" to record nothing'
    )


def _mend_end(fd: int) -> None:
    """Have the file end with a whole line: a run that was killed while it wrote may have left a part of one.

    Only what is surely a torn record is cut off. Any other file that ends without a line feed keeps
    all that it holds, and gets the line feed.
    """
    size = os.fstat(fd).st_size
    tail = os.pread(fd, _LONGEST_TAIL_BYTES, max(0, size - _LONGEST_TAIL_BYTES))
    torn = tail[tail.rfind(b"\n") + 1 :]
    if torn.startswith(_BEGINNING):
        os.ftruncate(fd, size - len(torn))
    elif torn:
        os.write(fd, b"\n")
