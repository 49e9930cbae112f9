"""Pipes that never block the parent: what cannot be written waits here, within a bound.

No waiting and no decisions: the loop watches the descriptors and calls `send`, `flush`
and `read_some`; a full pipe, a peer that is gone and the end of a stream are values.
"""

import contextlib
import fcntl
import os
import socket
from dataclasses import dataclass
from typing import Literal

#: 20 s of audio wait here while the parent is at something else.
PIPE_BYTES = 1024 * 1024

#: Segments are short; a backlog over this means that the peer reads nothing any more.
BACKLOG_BYTES = 8 * 1024 * 1024

#: One turn of the loop reads at most so much, so that no peer can starve the others: two frames of audio.
READ_BYTES = 256 * 1024

SendState = Literal[
    "sent",  # nothing waits any more
    "waiting",  # the pipe is full: call `flush` when it can be written again
    "full",  # refused: the backlog would pass its bound; nothing of this was kept
    "broken",  # the peer closed its end
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a read gave.

    Attributes:
        data: Bytes that had arrived; empty when there was nothing.
        ended: The other end is closed and everything was read.
    """

    data: bytes
    ended: bool


class PipeWriter:
    """Writes to one non-blocking descriptor, keeping in order what does not fit. Owns nothing."""

    def __init__(self, fd: int, *, backlog_bytes: int = BACKLOG_BYTES) -> None:
        self._fd = fd
        self._limit_bytes = backlog_bytes
        self._waiting = bytearray()
        self._broken = False

    @property
    def waiting_bytes(self) -> int:
        """Bytes accepted but not yet written; the descriptor must be watched while there are any."""
        return len(self._waiting)

    def send(self, data: bytes) -> SendState:
        """Write `data` now or later, whole and after all that was sent before."""
        if self._broken:
            return "broken"
        if len(self._waiting) + len(data) > self._limit_bytes:
            return "full"
        self._waiting += data
        return self.flush()

    def flush(self) -> SendState:
        """Write as much as fits now."""
        while self._waiting and not self._broken:
            try:
                written = os.write(self._fd, self._waiting)
            except BlockingIOError:
                return "waiting"
            except BrokenPipeError:
                self._broken = True
                self._waiting.clear()
            else:
                del self._waiting[:written]
        return "broken" if self._broken else "sent"


def read_some(fd: int, limit_bytes: int = READ_BYTES) -> Received:
    """Read what has arrived on a non-blocking descriptor, at most `limit_bytes` of it."""
    pieces: list[bytes] = []
    left = limit_bytes
    while left > 0:
        try:
            piece = os.read(fd, left)
        except BlockingIOError:
            break
        if not piece:
            return Received(data=b"".join(pieces), ended=True)
        pieces.append(piece)
        left -= len(piece)
    return Received(data=b"".join(pieces), ended=False)


def open_pipe(*, parent_reads: bool) -> tuple[int, int]:
    """Open a pipe as (the parent's end, the child's end); the parent's end never blocks.

    Both ends close on exec; the child's is passed by name when it is started.

    Raises:
        OSError: If there are no descriptors left.
    """
    read_fd, write_fd = (_above_stdio(fd) for fd in os.pipe2(os.O_CLOEXEC))
    # Best effort: a user may be out of pipe pages, and 64 KiB work as well, only slower.
    with contextlib.suppress(OSError):
        fcntl.fcntl(read_fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    ours, theirs = (read_fd, write_fd) if parent_reads else (write_fd, read_fd)
    os.set_blocking(ours, False)
    return ours, theirs


def open_sockets() -> tuple[socket.socket, socket.socket]:
    """Open two joined sockets for packets as (the parent's end, the other's); the parent's never blocks.

    Raises:
        OSError: If there are no descriptors left.
    """
    ours, theirs = (
        socket.socket(fileno=_above_stdio(one.detach()))
        for one in socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    )
    ours.setblocking(False)
    return ours, theirs


def _above_stdio(fd: int) -> int:
    """Move a descriptor out of 0..2: it lands there when we were started with those closed."""
    if fd > 2:  # noqa: PLR2004 -- stderr
        return fd
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(fd)
    return moved
