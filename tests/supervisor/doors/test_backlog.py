"""What waits comes out as it went in, whether it found room in memory or not, and leaves nothing behind."""

import os
import resource
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor.doors.backlog import BLOCK_BYTES, Backlog, Room, open_unnamed

#: Puts (what) and takes (how much), for three backlogs that share their room.
steps = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.binary(min_size=1, max_size=20)
        | st.integers(1, 3 * BLOCK_BYTES).map(lambda count: bytes(range(251)) * (count // 251 + 1))
        | st.integers(1, 2 * BLOCK_BYTES),
    ),
    max_size=40,
)


@given(steps=steps, room_bytes=st.integers(0, 40) | st.integers(0, 6 * BLOCK_BYTES))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_come_out_as_they_went_in_however_little_room_there_is(
    tmp_path: Path, steps: list[tuple[int, bytes | int]], room_bytes: int
) -> None:
    room = Room(room_bytes, tmp_path)
    backlogs, wanted = [Backlog(room) for _ in range(3)], [b""] * 3
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
    assert (room.left_bytes, room.spill.held_bytes) == (room_bytes, 0)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_what_finds_no_room_is_in_one_file_that_has_no_name_and_is_gone_when_it_was_read(
    tmp_path: Path,
) -> None:
    before = descriptors()
    room = Room(4, tmp_path)
    backlogs = [Backlog(room) for _ in range(20)]
    backlogs[0].put(b"abcd")
    for backlog in backlogs:
        backlog.put(b"e" * 100_000)
    assert room.spill.held_bytes == 100 * BLOCK_BYTES  # 100,000 bytes are five blocks
    assert (descriptors(), list(tmp_path.iterdir())) == (before + 1, [])
    assert b"".join(iter(lambda: backlogs[0].take(999), b"")) == b"abcd" + b"e" * 100_000
    for backlog in backlogs[1:]:
        assert b"".join(iter(lambda backlog=backlog: backlog.take(99_999), b"")) == b"e" * 100_000
    assert (room.spill.held_bytes, descriptors()) == (0, before)


def test_the_disk_holds_what_waits_however_much_went_through(tmp_path: Path) -> None:
    room = Room(0, tmp_path)
    slow, fast = Backlog(room), Backlog(room)
    fast.put(bytes(BLOCK_BYTES))
    slow.put(bytes(BLOCK_BYTES))  # and is not read
    for _ in range(50):
        fast.put(bytes(3 * BLOCK_BYTES))
        for _ in range(3):
            assert len(fast.take(BLOCK_BYTES)) == BLOCK_BYTES
        assert room.spill.held_bytes <= 5 * BLOCK_BYTES
    fast.close()
    slow.close()
    assert room.spill.held_bytes == 0


@contextmanager
def files_up_to(size_bytes: int) -> Generator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_finds_no_room_anywhere_is_refused_and_what_was_kept_before_stays(tmp_path: Path) -> None:
    backlog = Backlog(Room(0, tmp_path))
    backlog.put(b"kept")
    with files_up_to(BLOCK_BYTES + 8192), pytest.raises(OSError, match="File too large"):
        backlog.put(b"x" * 40_000)
    assert backlog.waiting_bytes == 4
    backlog.put(b" and more")
    assert backlog.take(100) + backlog.take(100) == b"kept and more"
    backlog.close()


def test_the_last_of_a_disk_is_left_to_the_jobs(tmp_path: Path) -> None:
    before = descriptors()
    disk = os.statvfs(tmp_path)
    backlog = Backlog(Room(4, tmp_path, spared_bytes=2 * disk.f_bavail * disk.f_frsize))
    backlog.put(b"kept")
    with pytest.raises(OSError, match="No space left"):
        backlog.put(b"x")
    assert (backlog.take(100), descriptors()) == (b"kept", before)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_unnamed(tmp_path / "nowhere")
