"""Audio that waits for a client that reads slowly: some in memory, the rest in a file without a name.

The file is written through the page cache, a segment at a time: about a millisecond for 30 s of speech.
It has no name from the start, so that nothing of it outlives the process, whatever ends it.
"""

import errno
import os
from collections import deque
from pathlib import Path
from typing import Final

#: What file systems say that have no files without names: NFS, some overlays; kernels before 3.11 the second.
_NO_UNNAMED: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)


class Room:
    """Memory that several backlogs share.

    Args:
        most_bytes: That they may hold together.
    """

    def __init__(self, most_bytes: int) -> None:
        self._left_bytes = most_bytes

    def took(self, count: int) -> bool:
        """Take so many bytes of it, or nothing if there are fewer left."""
        if count > self._left_bytes:
            return False
        self._left_bytes -= count
        return True

    def give_back(self, count: int) -> None:
        """Give back what was taken."""
        self._left_bytes += count

    @property
    def left_bytes(self) -> int:
        """How much there is left."""
        return self._left_bytes


class Backlog:
    """Bytes in, the same bytes out in the same order.

    Args:
        room: In memory; what finds none in it goes into a file.
        folder: Where that file lies.
    """

    def __init__(self, room: Room, folder: Path) -> None:
        self._room = room
        self._folder = folder
        self._kept: deque[memoryview] = deque()
        self._file = -1
        self._read_bytes = 0
        self._written_bytes = 0
        self._waiting_bytes = 0

    @property
    def waiting_bytes(self) -> int:
        """How much is in it."""
        return self._waiting_bytes

    @property
    def filed_bytes(self) -> int:
        """How much of it is in the file."""
        return self._written_bytes - self._read_bytes

    def put(self, data: bytes) -> None:
        """Take bytes in.

        Raises:
            OSError: If they find no room in memory and the file cannot be written; none is kept then.
        """
        # Once there is a file, what comes later goes behind it.
        if not self.filed_bytes and self._room.took(len(data)):
            self._kept.append(memoryview(data))
        else:
            self._write(data)
        self._waiting_bytes += len(data)

    def take(self, most_bytes: int) -> bytes:
        """Give the next bytes out, at most so many; none only if there are none.

        Raises:
            OSError: If the file cannot be read.
        """
        data = self._next_kept(most_bytes) if self._kept else self._next_filed(most_bytes)
        self._waiting_bytes -= len(data)
        return data

    def close(self) -> None:
        """Forget what is left; again, nothing happens."""
        self._room.give_back(sum(map(len, self._kept)))
        self._kept.clear()
        self._waiting_bytes = 0
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self._read_bytes = self._written_bytes = 0

    def _next_kept(self, most_bytes: int) -> bytes:
        first = self._kept.popleft()
        if len(first) > most_bytes:
            self._kept.appendleft(first[most_bytes:])
        data = bytes(first[:most_bytes])
        self._room.give_back(len(data))
        return data

    def _next_filed(self, most_bytes: int) -> bytes:
        if not self.filed_bytes:
            return b""
        data = os.pread(self._file, min(most_bytes, self.filed_bytes), self._read_bytes)
        if not data:
            raise OSError(errno.EIO, "the file is shorter than it was")
        self._read_bytes += len(data)
        if not self.filed_bytes:
            os.ftruncate(self._file, 0)
            self._read_bytes = self._written_bytes = 0
        return data

    def _write(self, data: bytes) -> None:
        if self._file < 0:
            self._file = open_unnamed(self._folder)
        rest, at = memoryview(data), self._written_bytes
        while rest:
            count = os.pwrite(self._file, rest, at)
            rest, at = rest[count:], at + count
        self._written_bytes = at


def open_unnamed(folder: Path) -> int:
    """Open a file that has no name and is gone when it is closed.

    Raises:
        OSError: If it cannot be made.
    """
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in _NO_UNNAMED:
            raise
    path = folder / f".spill-{os.getpid()}-{os.urandom(6).hex()}"
    opened = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    path.unlink()
    return opened
