"""Standard output of a Piper program: bytes that wait for a reader who may be as slow as a loudspeaker."""

import asyncio
from pathlib import Path
from typing import Final

from supervisor.doors.backlog import Backlog, Room
from supervisor.doors.fds import Outlet

#: Kept in memory; what is more lies in a file without a name.
_ROOM_BYTES: Final = 1024 * 1024


class Stdout:
    """Takes bytes at once, and writes them as they are read."""

    def __init__(self, fd: int, folder: Path) -> None:
        """Begin with nothing.

        Args:
            fd: Does not block, or is a file.
            folder: Where the file lies.
        """
        self._backlog = Backlog(Room(_ROOM_BYTES, folder))
        self._outlet = Outlet(fd, self._pull, self._break)
        self._moved = asyncio.Event()
        self._is_written = True
        self.broken = False

    def put(self, data: bytes) -> None:
        """Take bytes; nothing happens when the reader has left.

        Raises:
            OSError: If they must wait on disk and cannot.
        """
        if self.broken:
            return
        self._is_written = False
        self._backlog.put(data)
        self._outlet.wake()

    async def below(self, most_bytes: int) -> None:
        """Wait until no more than so much waits, or nobody reads any more."""
        while self._backlog.waiting_bytes > most_bytes and not self.broken:
            self._moved.clear()
            await self._moved.wait()

    async def written(self) -> None:
        """Wait until all of it is written, or nobody reads any more."""
        while not self._is_written and not self.broken:
            self._moved.clear()
            await self._moved.wait()

    def close(self) -> None:
        """Forget what is not written."""
        self._outlet.close()
        self._backlog.close()

    def _pull(self, most_bytes: int) -> bytes:
        data = self._backlog.take(most_bytes)
        self._is_written = not data  # it is asked for more once the last is written
        self._moved.set()
        return data

    def _break(self) -> None:
        self.broken = True
        self._moved.set()
