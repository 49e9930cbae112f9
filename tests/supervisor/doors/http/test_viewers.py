import asyncio
from pathlib import Path

import pytest

from supervisor.doors.backlog import Backlog, Room
from supervisor.doors.http.viewers import MOST_UNREAD_BYTES, Viewer


def viewer(folder: Path, room_bytes: int = 1 << 20) -> tuple[Viewer, Room]:
    room = Room(room_bytes, folder)
    return Viewer(Backlog(room)), room


def read(one: Viewer) -> bytes:
    whole = b""
    while piece := one.take(100):
        whole += piece
    return whole


def test_one_begins_with_everything_and_is_told_the_rest_in_order(tmp_path: Path) -> None:
    one, _ = viewer(tmp_path)
    one.tell(b"before")
    assert one.is_behind
    one.begin(b"everything ")
    one.tell(b"then ")
    one.tell(b"this")
    assert not one.is_behind
    assert read(one) == b"everything then this"


def test_who_reads_slowly_misses_whole_events_and_knows_that_he_does(tmp_path: Path) -> None:
    one, room = viewer(tmp_path)
    one.begin(b"e" * (MOST_UNREAD_BYTES + 1))
    assert not one.is_behind, "everything is never too much"
    one.tell(b"lost")
    one.tell(b"lost as well")
    assert one.is_behind
    assert read(one) == b"e" * (MOST_UNREAD_BYTES + 1)
    one.begin(b"anew")
    one.tell(b", and on")
    assert read(one) == b"anew, and on"
    assert room.left_bytes == 1 << 20


def test_who_has_nowhere_to_wait_is_behind(tmp_path: Path) -> None:
    one, _ = viewer(tmp_path / "gone", 3)
    one.begin(b"all")
    one.tell(b"no room")
    assert one.is_behind
    assert read(one) == b"all"
    with pytest.raises(OSError, match="No such file"):
        one.begin(b"more than three")


def test_he_waits_until_there_is_something_or_for_so_long(tmp_path: Path) -> None:
    async def run() -> None:
        one, _ = viewer(tmp_path)
        one.begin(b"")
        assert not await one.more(0.0)
        waiting = asyncio.ensure_future(one.more(10.0))
        await asyncio.sleep(0)
        one.tell(b"x")
        assert await waiting
        assert not await one.more(0.0)
        one.end()
        assert await one.more(10.0)
        assert one.is_over

    asyncio.run(run())


def test_what_waits_for_one_who_left_is_forgotten(tmp_path: Path) -> None:
    one, room = viewer(tmp_path)
    one.begin(b"all")
    one.close()
    one.tell(b"more")
    assert room.left_bytes == 1 << 20
