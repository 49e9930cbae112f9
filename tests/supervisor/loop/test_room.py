"""Room on a disk: what a refused write says, and what a look at a real small disk says."""

from pathlib import Path

from supervisor.loop.health import utc
from supervisor.loop.room import ROOM_BYTES, Room, full
from tests.standin.tinydisk import resize, tiny_disk

REFUSED = (
    "the disk is full in /x (0 bytes free, 100 bytes to write); "
    "make room and run the same command (or send the request) again"
)


def test_a_refused_write_ails_until_there_is_enough_room(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", size_bytes=ROOM_BYTES // 2) as disk:
        room = Room(disk)
        assert room.look(0.0)
        assert room.ailments == []
        room.refuse(REFUSED, 1.0)
        assert not room.look(2.0)  # half of what is wanted
        (one,) = room.ailments
        assert one.words == "the disk is full in /x (0 bytes free, 100 bytes to write)"
        assert one.mend == "make room there; it goes on by itself once 8 MiB are free"
        assert (one.since, one.stops) == (utc(1.0), True)
        assert room.refused_why == REFUSED
        resize(disk, size_bytes=2 * ROOM_BYTES)
        assert room.look(3.0)
        assert (room.refused_why, room.ailments) == ("", [])


def test_a_disk_that_others_filled_ails_before_anything_is_refused(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", size_bytes=1 << 20) as disk:
        room = Room(disk)
        (disk / "others").write_bytes(bytes((1 << 20) - 32_768))
        assert room.look(1.0)  # nobody was refused yet: whoever writes may try
        assert room.look(2.0)
        (one,) = room.ailments
        assert one.words.startswith(f"the disk is full in {disk} (")
        assert (one.since, one.stops) == (utc(1.0), True)
        (disk / "others").unlink()
        assert room.look(3.0)
        assert room.ailments == []


def test_a_large_file_wants_as_much_room_as_it_takes() -> None:
    assert "once 300 MiB are free" in full("full", "", stops=False, needed_bytes=300 << 20).mend
