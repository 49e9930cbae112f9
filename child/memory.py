"""Host memory that is really there: every page written, and really gone when given back."""

import mmap

from child.engine import OutOfMemory

_PAGE_BYTES = mmap.PAGESIZE


def touched(size_bytes: int) -> mmap.mmap:
    """Return anonymous memory of which every page has been written; `close()` gives it back.

    Raises:
        OutOfMemory: If the system refuses it.
    """
    block = _mapped(size_bytes, mmap.MAP_PRIVATE)
    # eSpeak forks for every segment: page tables of gigabytes would be copied each time.
    block.madvise(mmap.MADV_DONTFORK)
    _touch(block)
    return block


def touched_for_all(size_bytes: int) -> mmap.mmap:
    """Return the same for a template: one memory with all that is forked from here on.

    Shared in the kernel's sense: a fork copies no page tables of it, whatever its size.

    Raises:
        OutOfMemory: If the system refuses it.
    """
    block = _mapped(size_bytes, mmap.MAP_SHARED)
    _touch(block)
    return block


def _mapped(size_bytes: int, how: int) -> mmap.mmap:
    try:
        return mmap.mmap(-1, size_bytes, flags=how | mmap.MAP_ANONYMOUS)
    except (OSError, MemoryError) as error:
        raise OutOfMemory(f"the system refused {size_bytes} bytes of host memory: {error}") from error


def _touch(block: mmap.mmap) -> None:
    block[::_PAGE_BYTES] = b"\x01" * -(-len(block) // _PAGE_BYTES)
