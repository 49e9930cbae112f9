"""Host memory that is really there: every page written, and really gone when given back."""

import mmap

from child.engine import OutOfMemory

_PAGE_BYTES = mmap.PAGESIZE


def touched(size_bytes: int) -> mmap.mmap:
    """Return anonymous memory of which every page has been written; `close()` gives it back.

    Raises:
        OutOfMemory: If the system refuses it.
    """
    try:
        block = mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, MemoryError) as error:
        raise OutOfMemory(f"the system refused {size_bytes} bytes of host memory: {error}") from error
    # eSpeak forks for every segment: page tables of gigabytes would be copied each time.
    block.madvise(mmap.MADV_DONTFORK)
    block[::_PAGE_BYTES] = b"\x01" * -(-size_bytes // _PAGE_BYTES)
    return block
