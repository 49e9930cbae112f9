"""Descriptors that are read and written as the loop finds time: pipes, sockets, terminals, and files.

No thread waits on them. A file cannot be watched, and need not: it is ready at each turn of the loop.
"""

import asyncio
import contextlib
import os
import select
import stat
from collections.abc import Callable
from typing import Final

#: That is read, and written, in one go: what a pipe holds.
PIECE_BYTES: Final = 64 * 1024

#: A socket holds some 200 KiB; who writes meanwhile is not read for ever.
_PIECES_OF_A_SOCKET: Final = 8


class Inlet:
    """Reads a descriptor as the loop finds time.

    Args:
        fd: Does not block, or is a file.
        feed: Takes what was read.
        end: Called once, at its end.
    """

    def __init__(self, fd: int, feed: Callable[[bytes], None], end: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._fd = fd
        self._feed = feed
        self._end = end
        self._watch = Watch(fd, self._loop.add_reader, self._loop.remove_reader, self._read)
        self._is_open = True

    def resume(self) -> None:
        """Read from now on; again, nothing happens."""
        if self._is_open:
            self._watch.on()

    def pause(self) -> None:
        """Read no more for now; again, nothing happens."""
        self._watch.off()

    def close(self) -> None:
        """Read no more; the descriptor is the caller's."""
        self._is_open = False
        self._watch.off()

    def _read(self) -> None:
        try:
            data = os.read(self._fd, PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # a terminal that was hung up
        if data:
            self._feed(data)
        else:
            self.close()
            self._end()


class Outlet:
    """Writes to a descriptor as fast as it is read.

    Args:
        fd: Does not block, or is a file.
        pull: Gives what is to be written, about so many bytes.
        broke: Called once if it cannot be written to any more.
    """

    def __init__(self, fd: int, pull: Callable[[int], bytes], broke: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._fd = fd
        self._pull = pull
        self._broke = broke
        self._writing = Watch(fd, self._loop.add_writer, self._loop.remove_writer, self._write)
        self._leaving = Watch(fd, self._loop.add_reader, self._loop.remove_reader, self._look)
        self._left = memoryview(b"")
        self._is_open = True
        self._idle: asyncio.Future[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether all that was pulled is written."""
        return not self._left or not self._is_open

    def wake(self) -> None:
        """Write in the next turn of the loop: what is said in one turn goes out together."""
        if self._is_open:
            self._writing.on()

    def watch(self) -> None:
        """Find out if the reader leaves while there is nothing to write."""
        if self._is_open and stat.S_IFMT(os.fstat(self._fd).st_mode) in (stat.S_IFIFO, stat.S_IFSOCK):
            self._leaving.on()

    async def drained(self, limit_s: float) -> None:
        """Wait until all is written, at most so long."""
        if self._writing.is_on and self._is_open:
            self._idle = self._loop.create_future()
            await asyncio.wait([self._idle], timeout=limit_s)

    def close(self) -> None:
        """Write no more; the descriptor is the caller's."""
        self._is_open = False
        self._writing.off()
        self._leaving.off()

    def _write(self) -> None:
        if not self._left:
            self._left = memoryview(self._pull(PIECE_BYTES))
        if not self._left:
            self._writing.off()
            self._rest()
            return
        try:
            written = os.write(self._fd, self._left)
        except BlockingIOError:
            return
        except OSError:
            self._break()
            return
        self._left = self._left[written:]

    def _look(self) -> None:
        poll = select.poll()
        poll.register(self._fd, 0)
        if any(events & (select.POLLHUP | select.POLLERR) for _, events in poll.poll(0)):
            self._break()
        else:
            self._leaving.off()  # the client writes to what it should read: that is its own affair

    def _break(self) -> None:
        self._left = memoryview(b"")
        self.close()
        self._rest()
        self._broke()

    def _rest(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)


def drop_unread(fd: int) -> None:
    """Read and forget what waits in a socket that is about to be closed, as far as there is an end to it.

    Closed with something unread it is reset, and its other end hears of an error instead of the end.
    """
    with contextlib.suppress(OSError):
        for _ in range(_PIECES_OF_A_SOCKET):
            if not os.read(fd, PIECE_BYTES):
                return


class Watch:
    """Calls back while a descriptor is ready: one that cannot be watched, a file, is ready at each turn.

    Args:
        fd: The descriptor.
        add: The loop's, to watch it.
        remove: The loop's, to watch it no more.
        ready: Is called.
    """

    def __init__(
        self,
        fd: int,
        add: Callable[[int, Callable[[], None]], None],
        remove: Callable[[int], bool],
        ready: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._fd = fd
        self._add = add
        self._remove = remove
        self._ready = ready
        self._turn: asyncio.Handle | None = None
        self.is_on = False

    def on(self) -> None:
        """Call back from now on; again, nothing happens."""
        if self.is_on:
            return
        self.is_on = True
        try:
            self._add(self._fd, self._ready)
        except PermissionError:  # epoll's word for a file
            self._turn = self._loop.call_soon(self._again)

    def off(self) -> None:
        """Call back no more; again, nothing happens."""
        if not self.is_on:
            return
        self.is_on = False
        if self._turn is None:
            self._remove(self._fd)
        else:
            self._turn.cancel()
            self._turn = None

    def _again(self) -> None:
        self._turn = self._loop.call_soon(self._again)
        self._ready()
