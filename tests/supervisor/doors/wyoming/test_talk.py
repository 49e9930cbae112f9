"""A client's whole talk, over a real socket: order, errors, ends, and nothing without a bound."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.info import Describe
from wyoming.ping import Ping
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeVoice

from supervisor.core.notes import ChildState
from supervisor.doors.wyoming.frames import written
from tests.supervisor.doors.memory_service import audio_of
from tests.supervisor.doors.wyoming.doors import (
    PATIENCE_S,
    client_of,
    events_in,
    hear,
    hear_error,
    hear_until,
    open_door,
    pcm_of,
    say,
    types_of,
    until,
)

AUDIO = ["audio-start", "audio-chunk", "audio-stop"]
BOB = SynthesizeVoice(name="bob")


def test_requests_on_one_connection_are_done_in_their_order(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_door(tmp_path) as door, client_of(door.uri) as client:
            await say(
                client,
                Synthesize(text="One. Two.", voice=BOB).event(),
                SynthesizeStart().event(),
                SynthesizeChunk(text="Three. Four").event(),
                Synthesize(text="Three. Four").event(),
                SynthesizeStop().event(),
                Synthesize(text="Five.").event(),
            )
            heard = await hear_until(client, "synthesize-stopped")
            assert types_of(heard) == [*AUDIO, *AUDIO, *AUDIO, "synthesize-stopped"]
            pauses = bytes(2 * 6000)
            spoken = audio_of("One. Two."), audio_of("Three."), pauses, audio_of("Four")
            assert pcm_of(heard) == b"".join(spoken)
            assert pcm_of(await hear_until(client, "audio-stop")) == audio_of("Five.")

    asyncio.run(run())


def test_an_error_comes_in_its_turn_and_ends_the_connection(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_door(tmp_path) as door, client_of(door.uri) as client:
            await say(
                client,
                Synthesize(text="One.").event(),
                Synthesize(text="Two.", text_format="ssml").event(),
                Synthesize(text="Three.").event(),
            )
            heard = await hear_until(client)
            assert types_of(heard) == [*AUDIO, "error"]
            assert Error.from_event(heard[-1]).code == "bad_input"

    asyncio.run(run())


@pytest.mark.parametrize("word", ["enormous", "crashing", "hanging", "mumbled", "overfull"])
def test_what_breaks_in_the_middle_is_an_error_after_what_was_said(word: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with open_door(tmp_path) as door, client_of(door.uri) as client:
            await say(client, Synthesize(text=f"One. This is {word}.").event())
            heard = await hear_until(client)
            assert types_of(heard) == ["audio-start", "audio-chunk", "error"]
            assert word in Error.from_event(heard[-1]).text

    asyncio.run(run())


def test_who_ends_his_say_hears_what_he_asked_for(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_door(tmp_path) as door:
            reader, writer = await asyncio.open_unix_connection(door.place)
            writer.write(written(Ping(text="a").event()) + written(Synthesize(text="One.").event()))
            writer.write_eof()
            heard = await asyncio.wait_for(reader.read(), PATIENCE_S)
            assert heard.startswith(b'{"type":"pong"')
            assert b'{"type":"audio-stop"' in heard
            writer.close()
            await writer.wait_closed()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "no header"),
        (b'{"type": "ping", "data_length": -1}\n', "data_length"),
        (b'{"type": "ping", "data_length": 300000}\n', "data_length"),
        (b'{"type": "synthesize", "data_length": 50}\n{"text": "One."', "in the middle of an event"),
        (b'{"type": "pi', "in the middle of an event"),
        (b'{"type": "synthesize", "data": {"text": ["One."]}}\n', "text"),
    ],
)
def test_what_is_no_wyoming_is_told_and_ends_the_connection_alone(
    sent: bytes, words: str, tmp_path: Path
) -> None:
    async def run() -> None:
        async with open_door(tmp_path) as door, client_of(door.uri) as other:
            reader, writer = await asyncio.open_unix_connection(door.place)
            writer.write(written(Ping().event()) + sent)
            writer.write_eof()
            heard = await asyncio.wait_for(reader.read(), PATIENCE_S)
            pong, told = await events_in(heard)
            error = Error.from_event(told)
            assert (pong.type, error.code) == ("pong", "bad_input")
            assert words in error.text
            writer.close()
            await writer.wait_closed()
            await say(other, Synthesize(text="One.").event())
            assert pcm_of(await hear_until(other, "audio-stop")) == audio_of("One.")

    asyncio.run(run())


def test_describe_waits_for_the_first_child_and_pings_do_not(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_door(tmp_path, voices=[]) as door, client_of(door.uri) as client:
            await say(client, Describe().event(), Ping().event())
            assert (await hear(client)).type == "pong"
            door.service.voices = ["ada"]
            door.service.tell(ChildState(life=1, state="ready", why="", signal=None, memory={}))
            assert (await hear(client)).type == "info"

    asyncio.run(run())


def test_a_bug_is_logged_told_and_ends_nothing_else(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_door(tmp_path) as door:
            door.service.broken = RuntimeError("a bug")
            async with client_of(door.uri) as client:
                await say(client, Synthesize(text="One.").event())
                error = await hear_error(client)
            assert (error.code, "a bug" in error.text) == ("internal", True)
            assert any("a bug" in line for line in door.log)
            door.service.broken = None
            async with client_of(door.uri) as client:
                await say(client, Synthesize(text="One.").event())
                assert pcm_of(await hear_until(client, "audio-stop"))

    asyncio.run(run())


def test_a_client_that_asks_without_end_waits_until_it_reads(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_door(tmp_path, room_bytes=1 << 16) as door:
            reader, writer = await asyncio.open_unix_connection(door.place)
            request = written(Synthesize(text="One hundred and eleven thousand.").event())
            sent: list[int] = []
            sending = asyncio.ensure_future(_send_for_ever(writer, request, sent))
            await until(lambda: door.service.asked.count("synthesize") > 10)
            # Others are served meanwhile, and it comes to a stop.
            async with client_of(door.uri) as other:
                await say(other, Synthesize(text="Quick.").event())
                assert pcm_of(await hear_until(other, "audio-stop"))
            await until(lambda: door.service.now == 0)
            before = door.service.asked.count("synthesize"), len(sent)
            for _ in range(50):
                await asyncio.sleep(0.001)
            assert (door.service.asked.count("synthesize"), len(sent)) == before
            await asyncio.wait_for(reader.readexactly(1 << 21), PATIENCE_S)
            await until(lambda: door.service.asked.count("synthesize") > before[0])
            sending.cancel()
            writer.transport.abort()

    asyncio.run(run())


async def _send_for_ever(writer: asyncio.StreamWriter, data: bytes, sent: list[int]) -> None:
    while True:
        writer.write(data)
        await writer.drain()
        sent.append(len(data))


def test_a_long_stream_of_text_is_taken_as_fast_as_it_is_spoken(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_door(tmp_path) as door, client_of(door.uri) as client:
            text = "Stop it. " * 100  # far more sentences than may wait
            await say(client, SynthesizeStart().event())
            sending = asyncio.ensure_future(_stream(client, text, 6))
            heard = await hear_until(client, "synthesize-stopped")
            await sending
            assert types_of(heard).count("audio-stop") == 600

    asyncio.run(run())


async def _stream(client: AsyncClient, text: str, times: int) -> None:
    for _ in range(times):
        await say(client, SynthesizeChunk(text=text).event())
    await say(client, SynthesizeStop().event())


headers = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["synthesize", "synthesize-chunk", "synthesize-start", "ping", "describe", "x"]
        )
    },
    optional={
        "data": st.one_of(st.none(), st.just({"text": "Hi."}), st.integers(), st.just({"voice": "ada"})),
        "data_length": st.one_of(st.integers(-2, 40), st.just(10**12), st.text(max_size=3)),
        "payload_length": st.one_of(st.integers(-2, 40), st.just(10**12)),
    },
)
junk = st.lists(
    st.one_of(st.binary(max_size=60), headers.map(lambda header: json.dumps(header).encode() + b"\n")),
    max_size=6,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(junk, min_size=1, max_size=4), st.booleans())
def test_whatever_comes_the_connection_ends_and_the_service_does_not(
    tmp_path: Path,
    conversations: list[list[bytes]],
    half: bool,
) -> None:
    async def rude(place: Path, pieces: list[bytes]) -> None:
        reader, writer = await asyncio.open_unix_connection(place)
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        if half:
            writer.write_eof()
            await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()

    async def run() -> None:
        async with open_door(tmp_path) as door:
            await asyncio.gather(*(rude(door.place, pieces) for pieces in conversations))
            async with client_of(door.uri) as client:
                await say(client, Synthesize(text="Still here.").event())
                assert pcm_of(await hear_until(client, "audio-stop")) == audio_of("Still here.")
            assert not any("bug" in line for line in door.log), door.log

    asyncio.run(run())
