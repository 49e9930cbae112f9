import asyncio
import itertools
import random
from collections.abc import Generator, Iterable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message, Receive

from supervisor.doors.backlog import BLOCK_BYTES, Room
from supervisor.doors.http.bodies import (
    drain,
    has_body,
    must_be_json,
    must_have_one_length,
    read_body,
    read_json,
)
from supervisor.doors.http.refusals import Refusal


def coming(*pieces: bytes, cut: bool = False) -> Receive:
    """A body in these pieces, and then its end, or nobody."""
    messages: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.disconnect"} if cut else {"type": "http.request", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    return receive


@pytest.fixture
def room(tmp_path: Path) -> Generator[Room]:
    """A little of it in memory, and a file; what was taken of it is given back whatever becomes of a body."""
    found = Room(3 * BLOCK_BYTES, tmp_path)
    yield found
    assert (found.left_bytes, found.spill.held_bytes) == (3 * BLOCK_BYTES, 0)


def read(receive: Receive, room: Room, most_bytes: int = 10, announced: str | None = None) -> bytes:
    headers = [] if announced is None else [(b"content-length", announced.encode())]
    return asyncio.run(read_body(headers, receive, most_bytes, room))


def test_a_body_is_what_came_in_pieces(room: Room) -> None:
    assert read(coming(b"ab", b"", b"cd"), room) == b"abcd"


@given(sizes=st.lists(st.sampled_from([0, 1, 2, 5000, 16383, 16384, 40_000]), max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_it_is_cut_a_long_one_waits_in_the_room_and_comes_whole(room: Room, sizes: list[int]) -> None:
    whole = random.Random(1).randbytes(sum(sizes))
    ends = list(itertools.accumulate(sizes))
    pieces = [whole[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    assert read(coming(*pieces), room, most_bytes=len(whole)) == whole


def test_one_that_comes_byte_by_byte_takes_no_more_of_the_file_than_it_has(tmp_path: Path) -> None:
    room = Room(0, tmp_path)
    most_bytes = 0
    receive = coming(*[b"x"] * 40_000)

    async def watched() -> Message:
        nonlocal most_bytes
        most_bytes = max(most_bytes, room.spill.held_bytes)
        return await receive()

    assert len(read(watched, room, most_bytes=40_000)) == 40_000
    assert most_bytes == 2 * BLOCK_BYTES


def test_one_as_long_as_it_may_be_is_taken_and_one_more_byte_is_not(room: Room) -> None:
    assert read(coming(b"12345", b"67890"), room) == b"1234567890"
    with pytest.raises(Refusal, match=r"http\.body_bytes") as caught:
        read(coming(b"12345", b"678901"), room)
    assert caught.value.status == 413


def test_one_that_says_that_it_is_too_long_is_not_read(room: Room) -> None:
    async def never() -> Message:
        raise AssertionError("it was read")

    with pytest.raises(Refusal) as caught:
        read(never, room, announced="11")
    assert caught.value.status == 413


def test_one_that_is_cut_short_is_no_request(room: Room) -> None:
    with pytest.raises(Refusal) as caught:
        read(coming(b"ab" * 20_000, cut=True), room, most_bytes=100_000)
    assert caught.value.status == 400


def test_one_that_finds_no_room_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        read(coming(b"x" * 20_000), Room(0, tmp_path / "nowhere"), most_bytes=30_000)
    assert (caught.value.status, caught.value.code, caught.value.retryable) == (507, "disk_full", True)


def test_one_that_does_not_come_is_not_waited_for(room: Room) -> None:
    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(Refusal) as caught:
        asyncio.run(read_body([], never, 10, room, limit_s=0.01))
    assert caught.value.status == 408


def test_what_nobody_wants_is_read_to_its_end_or_a_limit() -> None:
    rest = coming(b"a", b"b")
    asyncio.run(drain(rest))
    with pytest.raises(IndexError):
        asyncio.run(rest())  # type: ignore[arg-type]  -- a coroutine, whatever ASGI calls it
    asyncio.run(drain(coming(cut=True)))


class Pet(msgspec.Struct):
    name: str
    legs: list[int] = []


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b'{"name": 3}', "invalid_value", "name"),
        (b'{"name": "x", "legs": [1, "y"]}', "invalid_value", "legs[1]"),
        (b"{}", "invalid_value", None),
        (b"[]", "invalid_value", None),
        (b"", "invalid_json", None),
        (b"{", "invalid_json", None),
        (b'{"name": "\xff"}', "invalid_json", None),
        (b'{"arms": ' + b"[" * 100_000, "invalid_json", None),
    ],
)
def test_what_is_wrong_with_a_body_is_named(body: bytes, code: str, param: str | None) -> None:
    with pytest.raises(Refusal) as caught:
        read_json(body, Pet)
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, code, param)


def test_a_body_is_read_as_what_is_wanted() -> None:
    assert read_json(b'{"name": "x"}', Pet) == Pet(name="x")


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_is_known_by_its_name(kind: str) -> None:
    must_be_json([(b"content-type", kind.encode())])


@pytest.mark.parametrize(
    "kinds", [[], ["text/plain"], ["application/x-www-form-urlencoded"], ["application/json"] * 2]
)
def test_anything_else_is_refused_since_a_form_can_send_it(kinds: Iterable[str]) -> None:
    with pytest.raises(Refusal) as caught:
        must_be_json([(b"content-type", kind.encode()) for kind in kinds])
    assert caught.value.status == 415


def test_whether_there_is_a_body_stands_in_the_head() -> None:
    assert has_body([(b"content-length", b"3")])
    assert has_body([(b"transfer-encoding", b"chunked")])
    assert not has_body([(b"content-length", b"0")])
    assert not has_body([])


def test_a_length_that_is_said_in_two_ways_is_none() -> None:
    must_have_one_length([(b"content-length", b"3")])
    must_have_one_length([(b"transfer-encoding", b"chunked")])
    with pytest.raises(Refusal) as caught:
        must_have_one_length([(b"content-length", b"3"), (b"transfer-encoding", b"chunked")])
    assert caught.value.status == 400
