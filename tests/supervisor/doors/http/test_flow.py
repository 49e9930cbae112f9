import asyncio
import errno
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.doors.backlog import Backlog, Room
from supervisor.doors.http.flow import Flow


def flow(folder: Path, most_bytes: int = 1 << 20) -> Flow:
    return Flow(Backlog(Room(most_bytes, folder)))


async def everything(one: Flow, piece_bytes: int) -> bytes:
    pieces: list[bytes] = []
    while piece := await one.take(piece_bytes):
        pieces.append(piece)
    return b"".join(pieces)


@given(
    pieces=st.lists(st.binary(max_size=200), max_size=20),
    piece_bytes=st.integers(1, 100),
    most=st.integers(0, 300),
)
def test_what_is_given_is_taken_in_order_wherever_it_waited(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], piece_bytes: int, most: int
) -> None:
    async def run() -> None:
        one = flow(tmp_path_factory.getbasetemp(), most)
        for piece in pieces:
            one.give(piece)
        one.end()
        assert one.given_bytes == sum(map(len, pieces))
        assert await everything(one, piece_bytes) == b"".join(pieces)
        one.close()

    asyncio.run(run())


def test_a_taker_waits_for_what_is_given_later(tmp_path: Path) -> None:
    async def run() -> None:
        one = flow(tmp_path)
        taking = asyncio.create_task(everything(one, 3))
        for piece in (b"ab", b"", b"cdef"):
            await asyncio.sleep(0)
            one.give(piece)
        one.end()
        assert await taking == b"abcdef"
        one.close()

    asyncio.run(run())


def test_a_failure_comes_before_what_still_waits(tmp_path: Path) -> None:
    async def run() -> None:
        one = flow(tmp_path)
        one.give(b"half")
        one.fail(ValueError("the first"))
        one.fail(ValueError("another"))
        one.give(b"more")
        for waiting in (one.take(9), one.begun(), one.ended()):
            with pytest.raises(ValueError, match="the first"):
                await waiting
        one.close()

    asyncio.run(run())


def test_what_has_ended_cannot_fail_any_more(tmp_path: Path) -> None:
    async def run() -> None:
        one = flow(tmp_path)
        one.give(b"all")
        one.end()
        one.fail(ValueError("late"))
        await one.ended()
        assert await one.take(9) == b"all"
        assert await one.take(9) == b""
        one.close()

    asyncio.run(run())


def test_whoever_gives_where_there_is_no_room_is_told(tmp_path: Path) -> None:
    one = flow(tmp_path / "not there", 0)
    with pytest.raises(OSError) as caught:  # noqa: PT011 -- by its number
        one.give(b"x")
    assert caught.value.errno == errno.ENOENT
    one.close()
    one.close()
    one.give(b"after the end nothing happens")
