import asyncio
from collections.abc import Iterable

import msgspec
import pytest
from starlette.types import Message, Receive

from supervisor.doors.backlog import Allowance
from supervisor.doors.http.bodies import drain, has_body, must_be_json, read_body, read_json
from supervisor.doors.http.refusals import Refusal


def coming(*pieces: bytes, cut: bool = False) -> Receive:
    """A body in these pieces, and then its end, or nobody."""
    messages: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.disconnect"} if cut else {"type": "http.request", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    return receive


def read(
    receive: Receive, most_bytes: int = 10, room: Allowance | None = None, announced: str | None = None
) -> bytes:
    headers = [] if announced is None else [(b"content-length", announced.encode())]
    return asyncio.run(read_body(headers, receive, most_bytes, room or Allowance(1000)))


def test_a_body_is_what_came_in_pieces() -> None:
    room = Allowance(1000)
    assert read(coming(b"ab", b"", b"cd"), room=room) == b"abcd"
    assert room.left_bytes == 1000


def test_one_as_long_as_it_may_be_is_taken_and_one_more_byte_is_not() -> None:
    assert read(coming(b"12345", b"67890")) == b"1234567890"
    with pytest.raises(Refusal, match=r"http\.body_bytes") as caught:
        read(coming(b"12345", b"678901"))
    assert caught.value.status == 413


def test_one_that_says_that_it_is_too_long_is_not_read() -> None:
    async def never() -> Message:
        raise AssertionError("it was read")

    with pytest.raises(Refusal) as caught:
        read(never, announced="11")
    assert caught.value.status == 413


def test_one_that_is_cut_short_is_no_request() -> None:
    with pytest.raises(Refusal) as caught:
        read(coming(b"ab", cut=True))
    assert caught.value.status == 400


def test_all_of_them_together_have_so_much_room_and_give_it_back() -> None:
    room = Allowance(5)
    with pytest.raises(Refusal) as caught:
        read(coming(b"1234", b"56"), room=room)
    assert (caught.value.status, caught.value.retryable) == (503, True)
    assert room.left_bytes == 5


def test_one_that_does_not_come_is_not_waited_for() -> None:
    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(Refusal) as caught:
        asyncio.run(read_body([], never, 10, Allowance(10), limit_s=0.01))
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
