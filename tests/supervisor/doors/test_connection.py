"""Whatever a client sends, and whether it reads, its door stays bounded and answers in turn."""

import asyncio
import json
import time
from pathlib import Path
from typing import cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor.doors.connection import MOST_WAITING
from supervisor.doors.lines import LONGEST_LINE_BYTES
from supervisor.doors.outbox import UNREAD_BYTES
from tests.supervisor.doors.client import PATIENCE_S, House, open_house

STATUS = b'{"jsonrpc":"2.0","id":1,"method":"status"}'

lines = st.lists(
    st.binary(max_size=60)
    | st.sampled_from(
        [
            STATUS,
            b'{"jsonrpc":"2.0","method":"status"}',
            b'{"jsonrpc":"2.0","id":2,"method":"no/such"}',
            b'{"jsonrpc":"2.0","id":3,"method":"status","params":[1]}',
            b"[" * 5000,
            b"\xff\xfe",
            b"",
        ]
    ),
    max_size=30,
)


async def exchange(path: Path, sent: bytes) -> list[dict[str, object]]:
    async with open_house(path) as house:
        client = await house.knock()
        client.writer.write(sent)
        return await client.rest()


@given(sent=lines, cut=st.integers(0, 2000))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_line_but_notifications_gets_one_answer_whatever_it_is(
    tmp_path: Path, sent: list[bytes], cut: int
) -> None:
    stream = b"\n".join(sent)[cut:]
    answers = asyncio.run(exchange(tmp_path / "s.sock", stream))
    wanted = stream.split(b"\n")
    wanted = wanted if wanted[-1] else wanted[:-1]
    silent = sum(b'"id"' not in line and b'"method":"status"' in line and _is_json(line) for line in wanted)
    assert len(answers) == len(wanted) - silent
    assert all(answer["jsonrpc"] == "2.0" and "id" in answer for answer in answers)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def test_a_line_that_is_too_long_costs_itself_alone(tmp_path: Path) -> None:
    sent = b"x" * (LONGEST_LINE_BYTES + 1) + b"\n" + STATUS + b"\n"
    first, second = asyncio.run(exchange(tmp_path / "s.sock", sent))
    assert (first["id"], cast("dict[str, object]", first["error"])["code"]) == (None, -32700)
    assert "result" in second


def test_a_last_line_without_its_end_is_answered(tmp_path: Path) -> None:
    (answer,) = asyncio.run(exchange(tmp_path / "s.sock", STATUS))
    assert "result" in answer


def test_answers_come_in_any_order_with_their_ids(tmp_path: Path) -> None:
    async def ask() -> list[object]:
        async with open_house(tmp_path / "s.sock") as house:
            client = await house.knock()
            client.ask("memory/clean", "slow")
            client.ask("status", "quick")
            first = await client.answer()
            house.service.ready.set()
            return [first["id"], (await client.answer())["id"]]

    assert asyncio.run(ask()) == ["quick", "slow"]


def test_who_says_no_more_still_gets_what_it_waits_for(tmp_path: Path) -> None:
    async def ask() -> list[dict[str, object]]:
        async with open_house(tmp_path / "s.sock") as house:
            client = await house.knock()
            client.ask("child/recycle")
            reading = asyncio.ensure_future(client.rest())
            await house.service.was_asked.wait()
            house.service.ready.set()
            return await reading

    (answer,) = asyncio.run(ask())
    assert answer["result"] == {
        "before_bytes": 9,
        "after_bytes": 4,
        "took_s": 0.25,
        "of": "host",
        "waited_s": 0.0,
    }


def test_one_connection_waits_for_so_many_answers_and_no_more(tmp_path: Path) -> None:
    async def ask() -> list[dict[str, object]]:
        async with open_house(tmp_path / "s.sock") as house:
            client = await house.knock()
            for number in range(MOST_WAITING + 1):
                client.ask("memory/clean", number)
            refused = await client.answer()
            house.service.ready.set()
            assert house.service.asked == ["clean"]
            return [refused, *[await client.answer() for _ in range(MOST_WAITING)]]

    refused, *answers = asyncio.run(ask())
    assert (refused["id"], cast("dict[str, object]", refused["error"])["code"]) == (MOST_WAITING, 9)
    assert [answer["id"] for answer in answers] == list(range(MOST_WAITING))


def test_who_reads_nothing_is_answered_no_further_than_a_bound_and_all_once_it_reads(tmp_path: Path) -> None:
    count = 400

    async def ask() -> None:
        async with open_house(tmp_path / "s.sock") as house:
            house.service.lives = 50
            client = await house.knock()
            client.reader._transport.pause_reading()  # pyright: ignore - there is no other way to read nothing
            client.send(*[STATUS] * count)
            await settled(house)
            answered = len(house.service.asked)
            line_bytes = len(await the_answer(house))
            assert answered * line_bytes < 4 * UNREAD_BYTES
            assert answered < count
            client.reader._transport.resume_reading()  # pyright: ignore - see above
            assert len(await client.rest()) == count

    asyncio.run(ask())


async def the_answer(house: House) -> bytes:
    other = await house.knock()
    other.send(STATUS)
    return await asyncio.wait_for(other.reader.readline(), PATIENCE_S)


async def settled(house: House) -> None:
    """Come back when the service is asked no more: a look for every rest that a connection takes."""
    before = -1
    while before != len(house.service.asked):
        before = len(house.service.asked)
        await asyncio.sleep(0.1)


def test_who_asks_without_end_leaves_most_of_the_time_to_others(tmp_path: Path) -> None:
    async def ask() -> tuple[float, int]:
        async with open_house(tmp_path / "s.sock") as house:
            client = await house.knock()
            client.send(*[STATUS] * 3000)
            longest_s, until_s = 0.0, time.monotonic() + 0.5
            while (at_s := time.monotonic()) < until_s:
                await asyncio.sleep(0)
                longest_s = max(longest_s, time.monotonic() - at_s)
            return longest_s, len(house.service.asked)

    longest_s, asked = asyncio.run(ask())
    assert 0 < asked <= 0.5 / 0.005 * 4 + 4
    assert longest_s < 0.25  # one turn is a millisecond; the rest is for a busy machine
