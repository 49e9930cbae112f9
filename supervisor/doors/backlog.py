"""What waits for clients that read slowly: a little of it in memory, the rest in a file without a name.

All clients of a service share both, so that what nobody reads costs a bounded memory, one descriptor, and
disk no more than waits at once. The file is written through the page cache, about a millisecond for 30 s of
speech. It has no name from the start, so that nothing of it outlives the process, whatever ends it.
"""

import errno
import heapq
import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: The file is dealt out in blocks of so many bytes, and so are takers: an `audio/chunk` is one at most.
BLOCK_BYTES: Final = 24 * 1024

#: Of the disk this is left to jobs, twice what they go on with once it was full: who reads nothing must not
#: stop the night's work.
SPARED_BYTES: Final = 16 * 1024 * 1024

#: What file systems say that have no files without names: NFS, some overlays; kernels before 3.11 the second.
_NO_UNNAMED: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)


class Spill:
    """Blocks of a file that is there while one of them is used; the lowest free one is dealt out first.

    Args:
        folder: Where the file lies.
        spared_bytes: Of its disk; with less than that free the file does not grow.
    """

    def __init__(self, folder: Path, *, spared_bytes: int = SPARED_BYTES) -> None:
        self._folder = folder
        self._spared_bytes = spared_bytes
        self._fd = -1
        self._count = 0  # blocks that the file has
        self._free: set[int] = set()
        self._lowest: list[int] = []  # a heap of them, and of some that are free no more

    @property
    def held_bytes(self) -> int:
        """How long the file is at most."""
        return self._count * BLOCK_BYTES

    def write(self, data: memoryview) -> int:
        """Keep up to a block of bytes; return its number.

        Raises:
            OSError: If that cannot be done; nothing is kept then.
        """
        if self._fd < 0:
            self._fd = open_unnamed(self._folder)
        block, rest = self._take(), data
        try:
            while rest:
                rest = rest[os.pwrite(self._fd, rest, block * BLOCK_BYTES + len(data) - len(rest)) :]
        except OSError:
            self.free(block)
            raise
        return block

    def read(self, block: int, begin: int, count: int) -> bytes:
        """Return bytes of a block.

        Raises:
            OSError: If they cannot be read.
        """
        data = os.pread(self._fd, count, block * BLOCK_BYTES + begin)
        if len(data) < count:
            raise OSError(errno.EIO, "the file is shorter than it was")
        return data

    def free(self, block: int) -> None:
        """Let a block go; what is free at the end of the file goes back to the disk."""
        self._free.add(block)
        heapq.heappush(self._lowest, block)
        if block != self._count - 1:
            return
        while self._count - 1 in self._free:
            self._count -= 1
            self._free.remove(self._count)
        if self._count:
            os.ftruncate(self._fd, self._count * BLOCK_BYTES)
        self._close_if_empty()

    def _may_grow(self) -> bool:
        disk = os.fstatvfs(self._fd)
        # Some network file systems do not know how large they are.
        return not disk.f_blocks or disk.f_bavail * disk.f_frsize >= self._spared_bytes

    def _close_if_empty(self) -> None:
        if not self._count:
            self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._count = -1, 0
        self._free.clear()
        self._lowest.clear()

    def _take(self) -> int:
        while self._lowest:
            block = heapq.heappop(self._lowest)
            if block in self._free:
                self._free.remove(block)
                return block
        if not self._may_grow():
            self._close_if_empty()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._count += 1
        return self._count - 1


class Allowance:
    """Memory that several may take of.

    Args:
        most_bytes: That they may hold together.
    """

    def __init__(self, most_bytes: int) -> None:
        self._left_bytes = most_bytes

    def took(self, count: int) -> bool:
        """Take so many bytes of memory, or nothing if there are fewer left."""
        if count > self._left_bytes:
            return False
        self._left_bytes -= count
        return True

    def give_back(self, count: int) -> None:
        """Give back what was taken."""
        self._left_bytes += count

    @property
    def left_bytes(self) -> int:
        """How much memory there is left."""
        return self._left_bytes


class Room(Allowance):
    """Memory that several backlogs share, and the file for what finds none.

    Args:
        most_bytes: That they may hold in memory together.
        folder: Where the file lies.
        spared_bytes: Of its disk, as `Spill` has it.
    """

    def __init__(self, most_bytes: int, folder: Path, *, spared_bytes: int = SPARED_BYTES) -> None:
        super().__init__(most_bytes)
        self.spill = Spill(folder, spared_bytes=spared_bytes)


@dataclass(slots=True, kw_only=True)
class _Piece:
    """Up to a block of bytes.

    Attributes:
        data: Where they are in memory; None = in the file.
        block: Of the file.
        begin: Those before it were taken.
        end: One past the last.
    """

    data: bytes | None
    block: int
    begin: int
    end: int


class Backlog:
    """Bytes in, the same bytes out in the same order.

    Args:
        room: What finds no memory there goes into its file.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._pieces: deque[_Piece] = deque()
        self._waiting_bytes = 0

    @property
    def waiting_bytes(self) -> int:
        """How much is in it."""
        return self._waiting_bytes

    def put(self, data: bytes) -> None:
        """Take bytes in.

        Raises:
            OSError: If they find no room in memory and the file cannot be written; none is kept then.
        """
        before, view = len(self._pieces), memoryview(data)
        try:
            for begin in range(0, len(data), BLOCK_BYTES):
                self._pieces.append(self._kept(view[begin : begin + BLOCK_BYTES]))
        except OSError:
            while len(self._pieces) > before:
                self._let_go(self._pieces.pop())
            raise
        self._waiting_bytes += len(data)

    def take(self, most_bytes: int) -> bytes:
        """Give the next bytes out, at most so many and a block; none only if there are none.

        Raises:
            OSError: If the file cannot be read.
        """
        if not self._pieces:
            return b""
        piece = self._pieces[0]
        count = min(most_bytes, piece.end - piece.begin)
        if piece.data is None:
            data = self._room.spill.read(piece.block, piece.begin, count)
        else:
            data = piece.data[piece.begin : piece.begin + count]
        piece.begin += count
        if piece.begin == piece.end:
            self._let_go(self._pieces.popleft())
        self._waiting_bytes -= count
        return data

    def take_whole(self, count: int) -> bytes:
        """Give exactly so many bytes out.

        Raises:
            OSError: If they cannot be read, or are not there.
        """
        pieces: list[bytes] = []
        while count:
            pieces.append(self.take(count))
            if not pieces[-1]:
                raise OSError(errno.EIO, "less is there than was put in")
            count -= len(pieces[-1])
        return b"".join(pieces)

    def close(self) -> None:
        """Forget what is left; again, nothing happens."""
        while self._pieces:
            self._let_go(self._pieces.pop())
        self._waiting_bytes = 0

    def _kept(self, data: memoryview) -> _Piece:
        if self._room.took(len(data)):
            return _Piece(data=bytes(data), block=-1, begin=0, end=len(data))
        return _Piece(data=None, block=self._room.spill.write(data), begin=0, end=len(data))

    def _let_go(self, piece: _Piece) -> None:
        if piece.data is None:
            self._room.spill.free(piece.block)
        else:
            self._room.give_back(piece.end)


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
