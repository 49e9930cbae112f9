"""What waits comes out as it went in, whether it found room in memory or not, and leaves nothing behind."""

import os
import resource
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor.doors.backlog import Backlog, Room, open_unnamed

#: Puts (what) and takes (how much), for two backlogs that share their room.
steps = st.lists(
    st.tuples(st.integers(0, 1), st.binary(min_size=1, max_size=20) | st.integers(1, 30)), max_size=40
)


@given(steps=steps, room_bytes=st.integers(0, 40))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_come_out_as_they_went_in_however_little_room_there_is(
    tmp_path: Path, steps: list[tuple[int, bytes | int]], room_bytes: int
) -> None:
    room = Room(room_bytes)
    backlogs, wanted = [Backlog(room, tmp_path) for _ in range(2)], [b"", b""]
    for which, step in steps:
        if isinstance(step, bytes):
            backlogs[which].put(step)
            wanted[which] += step
        else:
            taken = backlogs[which].take(step)
            assert len(taken) <= step
            assert taken or not wanted[which]
            assert wanted[which].startswith(taken)
            wanted[which] = wanted[which][len(taken) :]
        assert [each.waiting_bytes for each in backlogs] == [len(each) for each in wanted]
        assert room.left_bytes >= 0
    for backlog in backlogs:
        backlog.close()
    assert room.left_bytes == room_bytes


def test_what_finds_no_room_is_in_a_file_that_has_no_name_and_is_emptied_when_it_was_read(
    tmp_path: Path,
) -> None:
    backlog = Backlog(Room(4), tmp_path)
    backlog.put(b"abcd")
    backlog.put(b"e" * 100_000)
    assert (backlog.filed_bytes, list(tmp_path.iterdir())) == (100_000, [])
    fd = backlog._file  # pyright: ignore[reportPrivateUsage] - what it costs the disk is not to be seen elsewhere
    assert os.fstat(fd).st_size == 100_000
    assert b"".join(iter(lambda: backlog.take(999), b"")) == b"abcd" + b"e" * 100_000
    assert os.fstat(fd).st_size == 0
    backlog.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


@contextmanager
def files_up_to(size_bytes: int) -> Generator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_finds_no_room_anywhere_is_refused_and_what_was_kept_before_stays(tmp_path: Path) -> None:
    backlog = Backlog(Room(0), tmp_path)
    backlog.put(b"kept")
    with files_up_to(8192), pytest.raises(OSError, match="File too large"):
        backlog.put(b"x" * 20_000)
    assert backlog.waiting_bytes == 4
    backlog.put(b" and more")
    assert backlog.take(100) == b"kept and more"
    backlog.close()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_unnamed(tmp_path / "nowhere")
