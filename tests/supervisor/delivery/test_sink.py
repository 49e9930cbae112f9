"""What libsndfile writes arrives, and the first error of the system is kept."""

import os
from pathlib import Path

import pytest

from supervisor.delivery.sink import Sink


@pytest.fixture
def descriptor(tmp_path: Path) -> int:
    return os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)


def test_it_reads_and_writes_at_places_as_a_file_does(descriptor: int) -> None:
    sink = Sink(descriptor)
    assert sink.write(b"0123456789") == 10
    assert sink.seek(2) == 2
    sink.write(b"ab")
    assert sink.tell() == 4
    assert sink.read(3) == b"456"
    assert sink.seek(-1, os.SEEK_END) == 9
    assert sink.seek(-4, os.SEEK_CUR) == 5
    assert sink.read(100) == b"56789"
    sink.flush()
    sink.check()
    os.close(descriptor)


def test_the_first_error_is_kept_and_libsndfile_hears_of_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    sink = Sink(descriptor)
    assert sink.write(b"never there") == 11
    assert sink.write(b"nor this") == 8
    assert (sink.tell(), sink.seek(0, os.SEEK_END)) == (19, 19)  # as if it were
    with pytest.raises(OSError, match="descriptor"):
        sink.check()
    os.close(descriptor)
