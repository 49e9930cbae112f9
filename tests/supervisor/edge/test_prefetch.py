import ctypes
import mmap
import os
import threading
import time
from pathlib import Path

import pytest

from supervisor.edge.prefetch import Prefetcher

MIB = 1024 * 1024


def cached(path: Path) -> float:
    """The share of a file's pages that are in memory."""
    size = path.stat().st_size
    with path.open("r+b") as file, mmap.mmap(file.fileno(), size) as view:
        pages = -(-size // mmap.PAGESIZE)
        seen = (ctypes.c_ubyte * pages)()
        begin = (ctypes.c_ubyte * size).from_buffer(view)
        try:
            assert ctypes.CDLL(None).mincore(begin, ctypes.c_size_t(size), seen) == 0
        finally:
            del begin
        return sum(one & 1 for one in seen) / pages


def dropped(path: Path) -> Path:
    """Write a file and have the kernel forget its pages."""
    path.write_bytes(os.urandom(MIB) * 16)
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)
    if cached(path) > 0.5:
        pytest.skip("this file system keeps its pages whatever is said")
    return path


def until_idle(prefetcher: Prefetcher) -> None:
    for thread in threading.enumerate():
        if thread.name == "prefetch":
            thread.join(10.0)
    assert not prefetcher.is_busy


def test_what_is_asked_for_comes_into_memory(tmp_path: Path) -> None:
    files = [dropped(tmp_path / "one"), dropped(tmp_path / "two")]
    prefetcher = Prefetcher()
    prefetcher.fetch([str(path) for path in files])
    until_idle(prefetcher)
    # The reads go on behind the request.
    until_s = time.monotonic() + 10.0
    while min(map(cached, files)) < 0.99 and time.monotonic() < until_s:
        os.sync()
    assert [cached(path) for path in files] == [1.0, 1.0]


def test_what_cannot_be_read_is_passed_over_and_nothing_stays_open(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    good = dropped(tmp_path / "good")
    before = sorted(Path("/proc/self/fd").iterdir())
    prefetcher = Prefetcher()
    prefetcher.fetch([str(tmp_path / "none"), str(tmp_path), str(tmp_path / "fifo"), str(good)])
    until_idle(prefetcher)
    assert sorted(Path("/proc/self/fd").iterdir()) == before
    assert cached(good) > 0.0


def test_nothing_is_begun_for_nothing_nor_twice_at_once(tmp_path: Path) -> None:
    prefetcher = Prefetcher()
    prefetcher.fetch([])
    assert not prefetcher.is_busy
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(64 * 1024 * MIB)  # nothing on the disk, and much to walk over
    before = threading.active_count()
    prefetcher.fetch([str(big)])
    prefetcher.fetch([str(big)])
    assert threading.active_count() <= before + 1
    big.write_bytes(b"")
    until_idle(prefetcher)
