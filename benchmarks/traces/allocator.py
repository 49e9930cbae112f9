"""A model of PyTorch's native caching allocator on one stream, fast enough for millions of segments.

After `c10/cuda/CUDACachingAllocator.cpp`, in words of our own: sizes are rounded to 512 bytes; up to
1 MiB comes from blocks of 2 MiB, up to 10 MiB from blocks of 20 MiB, more from a block of its own
(rounded to 2 MiB); the best fit is taken and split where the rest is worth it; a freed part joins free
neighbours; where the driver has no room, all blocks that are wholly free go back and it is tried
once more; then it is out of memory.

What is simpler than the real one: one stream, no private pools, no expandable segments, no garbage
collection threshold, no memory of addresses (two blocks of one size are taken oldest first). A caller
asks for a few large parts where a model asks for thousands of tensors, so fragmentation is coarser.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Final

MIB: Final = 2**20

_ROUND: Final = 512
_SMALL: Final = MIB
_SMALL_BLOCK: Final = 2 * MIB
_LARGE: Final = 10 * MIB
_LARGE_BLOCK: Final = 20 * MIB
_OWN_ROUND: Final = 2 * MIB


class OutOfMemory(Exception):
    """The card has no room, even after everything that is free went back."""


class Part:
    """A part of a block that the driver gave: in use or free, between its neighbours.

    Attributes:
        size: Bytes.
        offset: Bytes from the start of its block.
        is_free: Whether nobody uses it.
        before: The part below it in the same block.
        after: The part above it.
        serial: Order of birth: parts of one size are taken oldest first.
    """

    __slots__ = ("after", "before", "is_free", "offset", "serial", "size")

    def __init__(self, size: int, offset: int, serial: int) -> None:
        self.size = size
        self.offset = offset
        self.serial = serial
        self.is_free = False
        self.before: Part | None = None
        self.after: Part | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the part is all of its block."""
        return self.before is None and self.after is None


#: Free parts of one pool, smallest first, then oldest.
_Pool = list[tuple[int, int, Part]]


class Allocator:
    """Give parts of blocks, and blocks by the driver's leave.

    Args:
        take: Asks the driver for so many bytes; False where there is no room.
        give_back: Gives so many bytes back to the driver.

    Attributes:
        live: Bytes in use.
        reserved: Bytes that the driver gave.
        peak: Most bytes in use since it was set.
        retries: How often everything free went back because there was no room.
    """

    def __init__(self, take: Callable[[int], bool], give_back: Callable[[int], None]) -> None:
        self._take = take
        self._give_back = give_back
        self._small: _Pool = []
        self._large: _Pool = []
        self._serial = 0
        self._whole_free = 0
        self.live = 0
        self.reserved = 0
        self.peak = 0
        self.retries = 0

    @property
    def inactive_split(self) -> int:
        """Free bytes in blocks that are partly in use: what a release cannot give back."""
        return self.reserved - self.live - self._whole_free

    def take(self, size: int) -> Part:
        """Give a part of at least so many bytes.

        Raises:
            OutOfMemory: If the card has no room for it.
        """
        size = -(-max(size, 1) // _ROUND) * _ROUND
        is_small = size <= _SMALL
        pool = self._small if is_small else self._large
        at = bisect_left(pool, (size,))
        if at < len(pool):
            part = pool.pop(at)[2]
            if part.before is None and part.after is None:
                self._whole_free -= part.size
        else:
            part = self._new_block(size)
        rest = part.size - size
        if rest >= _ROUND if is_small else rest > _SMALL:
            self._split(part, size, pool)
        part.is_free = False
        self.live += part.size
        self.peak = max(self.peak, self.live)
        return part

    def free(self, part: Part) -> None:
        """Take a part back; it joins its free neighbours and stays reserved."""
        assert not part.is_free
        self.live -= part.size
        pool = self._pool_of(part)
        after, before = part.after, part.before
        if after is not None and after.is_free:
            self._forget(pool, after)
            part.size += after.size
            part.after = after.after
            if part.after is not None:
                part.after.before = part
        if before is not None and before.is_free:
            self._forget(pool, before)
            part.size += before.size
            part.offset = before.offset
            part.before = before.before
            if part.before is not None:
                part.before.after = part
        self._keep_free(pool, part)

    def empty(self) -> int:
        """Give back every block that is wholly free; return the bytes."""
        freed = 0
        for pool in (self._small, self._large):
            freed += sum(size for size, _, part in pool if part.is_whole)
            pool[:] = [entry for entry in pool if not entry[2].is_whole]
        self._whole_free -= freed
        self.reserved -= freed
        self._give_back(freed)
        return freed

    def orphan(self, size: int) -> bool:
        """Reserve a block that nobody owns and no release gives back, as a failed graph capture does."""
        if not self._take(size):
            return False
        self.reserved += size
        # No part of it is in use, so it is whole and free, and in no pool.
        self._whole_free += size
        return True

    def free_parts(self) -> list[Part]:
        """Return every free part, for checks."""
        return [entry[2] for pool in (self._small, self._large) for entry in pool]

    def _new_block(self, size: int) -> Part:
        block = _block_bytes(size)
        if not self._take(block):
            self.retries += 1
            self.empty()
            if not self._take(block):
                raise OutOfMemory(f"no room for a block of {block} bytes beside {self.reserved} reserved")
        self.reserved += block
        self._serial += 1
        return Part(block, 0, self._serial)

    def _split(self, part: Part, size: int, pool: _Pool) -> None:
        self._serial += 1
        rest = Part(part.size - size, part.offset + size, self._serial)
        rest.before, rest.after = part, part.after
        if part.after is not None:
            part.after.before = rest
        part.after = rest
        part.size = size
        self._keep_free(pool, rest)

    def _keep_free(self, pool: _Pool, part: Part) -> None:
        part.is_free = True
        insort(pool, (part.size, part.serial, part))
        if part.before is None and part.after is None:
            self._whole_free += part.size

    def _forget(self, pool: _Pool, part: Part) -> None:
        # Never a whole block: it has the neighbour that it is joined with.
        del pool[bisect_left(pool, (part.size, part.serial))]

    def _pool_of(self, part: Part) -> _Pool:
        # By its size alone: a part in use of a large block is always more than 1 MiB.
        return self._small if part.size <= _SMALL else self._large


def _block_bytes(size: int) -> int:
    if size <= _SMALL:
        return _SMALL_BLOCK
    if size < _LARGE:
        return _LARGE_BLOCK
    return -(-size // _OWN_ROUND) * _OWN_ROUND
