"""Connections come, go and are let go; what was said before an end arrives."""

import asyncio
import socket
from pathlib import Path

import pytest
from wyoming.error import Error
from wyoming.ping import Ping
from wyoming.tts import Synthesize

from supervisor.doors.wyoming.desk import MOST_KEPT_BYTES
from supervisor.doors.wyoming.frames import written
from supervisor.doors.wyoming.uri import TcpPlace
from tests.supervisor.doors.wyoming.doors import (
    PATIENCE_S,
    client_of,
    hear,
    hear_error,
    hear_until,
    open_door,
    pcm_of,
    say,
    types_of,
    until,
)

BOOK = "A sentence. " * 400


def test_who_hangs_up_takes_back_what_he_asked_for_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_door(tmp_path) as door:
            door.service.may_go.clear()
            async with client_of(door.uri) as client:
                await say(client, Synthesize(text="One.").event())
                await until(lambda: door.service.now == 1)
            await until(lambda: door.service.now == 0)

    asyncio.run(run())


def test_over_tcp_it_is_taken_back_when_what_is_said_arrives_nowhere(tmp_path: Path) -> None:
    async def run() -> None:
        port = free_port()
        async with open_door(tmp_path, TcpPlace(host="127.0.0.1", port=port)) as door:
            async with client_of(f"tcp://127.0.0.1:{port}") as client:
                await say(client, Synthesize(text=BOOK).event())
                await hear_until(client, "audio-chunk")
            await until(lambda: door.service.now == 0)

    asyncio.run(run())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_last_words_arrive_though_the_client_still_talks(tmp_path: Path) -> None:
    async def run() -> None:
        port = free_port()
        async with open_door(tmp_path, TcpPlace(host="127.0.0.1", port=port)):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"junk\n" + written(Synthesize(text=BOOK).event()) * 50)
            heard = await asyncio.wait_for(reader.read(), PATIENCE_S)
            assert heard.startswith(b'{"type":"error"')
            writer.close()
            await writer.wait_closed()

    asyncio.run(run())


def test_one_more_takes_the_place_of_a_silent_one_and_never_of_one_who_waits(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            open_door(tmp_path, connections=2) as door,
            client_of(door.uri) as silent,
            client_of(door.uri) as busy,
        ):
            for client in (silent, busy):
                await say(client, Ping().event())
                await hear(client)
            door.service.may_go.clear()
            await say(busy, Synthesize(text="One.").event())
            await until(lambda: door.service.now == 1)
            async with client_of(door.uri) as third:
                await say(third, Synthesize(text="Two.").event())
                assert await silent.read_event() is None
                await until(lambda: door.service.now == 2)
                async with client_of(door.uri) as fourth:
                    error = await hear_error(fourth)
                    assert (error.code, "connections" in error.text) == ("busy", True)
                door.service.may_go.set()
                for client in (busy, third):
                    assert pcm_of(await hear_until(client, "audio-stop"))

    asyncio.run(run())


def test_what_is_said_in_part_on_all_connections_together_is_bounded(tmp_path: Path) -> None:
    part = b'{"type": "x", "data": {"text": "' + b"x" * 200_000

    async def run() -> None:
        async with open_door(tmp_path) as door:
            links = [
                await asyncio.open_unix_connection(door.place) for _ in range(MOST_KEPT_BYTES // 200_000 + 2)
            ]
            for _, writer in links:
                writer.write(part)
                await writer.drain()
            ends = [asyncio.ensure_future(reader.read()) for reader, _ in links]
            first, _ = await asyncio.wait(ends, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
            assert all(b"busy" in end.result() for end in first)
            async with client_of(door.uri) as client:
                await say(client, Synthesize(text="One.").event())
                assert pcm_of(await hear_until(client, "audio-stop"))
            for end in ends:
                end.cancel()
            for _, writer in links:
                writer.transport.abort()

    asyncio.run(run())


def test_who_waits_when_the_door_closes_is_told(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_door(tmp_path) as door:
            door.service.may_go.clear()
            async with client_of(door.uri) as busy, client_of(door.uri) as silent:
                await say(busy, Synthesize(text="One.").event())
                await say(silent, Ping().event())
                await hear(silent)
                await until(lambda: door.service.now == 1)
                closing = asyncio.ensure_future(door.door.close())
                heard = await hear_until(busy)
                assert types_of(heard) == ["error"]
                assert Error.from_event(heard[0]).code == "shutting_down"
                assert await silent.read_event() is None
                await closing
            assert door.service.now == 0
            assert not door.place.exists()

    asyncio.run(run())


def test_to_one_who_is_gone_already_nothing_more_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with open_door(tmp_path) as door:
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(door.place))
            door.service.speaks = client.close  # when what is said for him is about to be written
            client.sendall(
                written(Synthesize(text="A sentence that is long enough for many pieces " * 20).event())
            )
            await until(lambda: "synthesize" in door.service.asked)
            await until(lambda: door.service.now == 0)

    asyncio.run(run())
    # asyncio tells of each such write beyond the fourth, on standard error, where only lines of a log belong.
    assert [record.message for record in caplog.records if record.name == "asyncio"] == []
