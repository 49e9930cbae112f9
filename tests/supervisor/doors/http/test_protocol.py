import asyncio
from pathlib import Path

import pytest

from tests.supervisor.doors.http.visit import PATIENCE_S, Answer, read_answer, request, until, visiting


def test_one_who_says_nothing_is_let_go(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path, head_s=0.05) as visit:
            assert await visit.raw(b"") == b""

    asyncio.run(run())


def test_a_head_that_comes_bit_by_bit_has_no_longer_for_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path, head_s=0.1) as visit, asyncio.timeout(PATIENCE_S):
            reader, writer = await visit.connect()
            ended = asyncio.create_task(reader.read())
            writer.write(b"GET /health HTTP/1.1\r\n")
            while not ended.done():
                writer.write(b"X: y\r\n")
                await asyncio.wait([ended], timeout=0.01)
            assert isinstance(ended.exception(), ConnectionError | None)
            writer.close()

    asyncio.run(run())


def test_an_answer_that_takes_longer_than_a_head_may_is_waited_for(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path, head_s=0.05) as visit:
            visit.service.may_go.clear()
            asking = asyncio.create_task(visit.speak("Hm."))
            asyncio.get_running_loop().call_later(0.2, visit.service.may_go.set)
            assert (await asking).status == 200

    asyncio.run(run())


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET /" + b"x" * 20_000, 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000, 431),
    ],
)
def test_what_is_no_request_is_told_as_everything_is(tmp_path: Path, data: bytes, status: int) -> None:
    async def run() -> Answer:
        async with visiting(tmp_path) as visit:
            return read_answer(await visit.raw(data))

    answer = asyncio.run(run())
    assert answer.status == status
    assert answer.code


def test_damage_within_a_body_ends_the_connection_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            head = b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            await visit.raw(head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n")
            assert (await visit.ask("GET", "/health")).status == 200

    asyncio.run(run())
    # What uvicorn has to say goes nowhere; asyncio would tell of an exception in a protocol.
    assert [record for record in caplog.records if not record.name.startswith("uvicorn")] == []


def test_a_body_without_a_length_is_counted_as_it_comes(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path, body_bytes="1KiB") as visit:
            head = b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            chunk = b"400\r\n" + b" " * 0x400 + b"\r\n"
            body = (
                head + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 3 + b"0\r\n\r\n"
            )
            answer = read_answer(await visit.raw(body))
            assert (answer.status, answer.code) == (413, "body_too_long")

    asyncio.run(run())


def test_one_too_many_takes_the_place_of_one_who_asks_for_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path, connections="2") as visit:
            idle = [await visit.connect() for _ in range(2)]
            await asyncio.sleep(0.3)  # time itself is what makes them idle
            assert (await visit.ask("GET", "/health")).status == 200
            ended = [asyncio.create_task(reader.read()) for reader, _ in idle]
            await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED, timeout=5)
            assert sum(task.done() for task in ended) == 1
            for task, (_, writer) in zip(ended, idle, strict=True):
                task.cancel()
                writer.close()
            await asyncio.gather(*ended, return_exceptions=True)

    asyncio.run(run())


def test_where_all_are_at_work_one_too_many_is_turned_away(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path, connections="1") as visit:
            visit.service.may_go.clear()
            working = asyncio.create_task(visit.speak("Hm."))
            await until(lambda: visit.service.now)
            answer = read_answer(await visit.raw(request("GET", "/health")))
            assert (answer.status, answer.code) == (503, "busy")
            visit.service.may_go.set()
            assert (await working).status == 200

    asyncio.run(run())
