"""Over two pipes: an error costs only its request, the input's end is waited for, and its reader's too."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from wyoming.error import Error
from wyoming.event import Event, async_read_event, async_write_event
from wyoming.ping import Ping
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeVoice

from supervisor.doors.streams import Streams
from supervisor.doors.wyoming.stdio import WyomingStdio
from tests.supervisor.doors.memory_service import MemoryService
from tests.supervisor.doors.wyoming.doors import PATIENCE_S, memory_desk, types_of, until


@dataclass(slots=True)
class Caller:
    """Who started the service."""

    service: MemoryService
    stdio: WyomingStdio
    out: asyncio.StreamReader
    into: asyncio.StreamWriter
    reading: asyncio.BaseTransport

    async def say(self, *events: Event) -> None:
        for event in events:
            await async_write_event(event, self.into)

    async def hear_until(self, *ends: str) -> list[Event]:
        heard: list[Event] = []
        async with asyncio.timeout(PATIENCE_S):
            while (event := await async_read_event(self.out)) is not None:
                heard.append(event)
                if event.type in ends:
                    break
        return heard

    async def ended(self) -> str:
        return await asyncio.wait_for(self.stdio.ended(), PATIENCE_S)


@asynccontextmanager
async def pipes_in(folder: Path) -> AsyncGenerator[Caller]:
    (inlet, into_fd), (out_fd, outlet) = os.pipe(), os.pipe()
    os.set_blocking(inlet, False)
    os.set_blocking(outlet, False)
    loop = asyncio.get_running_loop()
    async with memory_desk(folder) as (desk, service):
        stdio = WyomingStdio(desk, Streams(inlet_fd=inlet, outlet_fd=outlet))
        out = asyncio.StreamReader()
        reading, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(out), os.fdopen(out_fd, "rb", buffering=0)
        )
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.streams.FlowControlMixin(loop), os.fdopen(into_fd, "wb", buffering=0)
        )
        into = asyncio.StreamWriter(transport, protocol, None, loop)
        stdio.open()
        try:
            yield Caller(service, stdio, out, into, reading)
        finally:
            service.may_go.set()
            await stdio.close()
            into.close()
            reading.close()
            await asyncio.sleep(0)


AUDIO = ["audio-start", "audio-chunk", "audio-stop"]


def test_an_error_costs_only_its_request(tmp_path: Path) -> None:
    async def run() -> None:
        async with pipes_in(tmp_path) as caller:
            await caller.say(
                Synthesize(text="One.").event(),
                Synthesize(text="Two.", text_format="ssml").event(),
                Synthesize(text="Three.", voice=SynthesizeVoice(name="nobody")).event(),
                Synthesize(text="Four. This is crashing. Five.").event(),
                Synthesize(text="Six.").event(),
                Ping().event(),
            )
            caller.into.write_eof()
            assert await caller.ended() == "input ended"
            await caller.stdio.close()
            heard = await caller.hear_until()
            spoken = [each for each in types_of(heard) if each != "pong"]
            broken = ["audio-start", "audio-chunk", "error"]
            assert spoken == [*AUDIO, "error", "error", *broken, *AUDIO]
            assert len(heard) - len([each for each in heard if each.type == "pong"]) >= len(spoken)

    asyncio.run(run())


def test_the_rest_of_a_stream_that_failed_while_it_came_is_passed_over(tmp_path: Path) -> None:
    async def run() -> None:
        async with pipes_in(tmp_path) as caller:
            await caller.say(
                SynthesizeStart().event(), SynthesizeChunk(text="One. This is crashing. And").event()
            )
            heard = await caller.hear_until("error")
            assert types_of(heard) == [*AUDIO, "error"]
            await caller.say(
                SynthesizeChunk(text=" this. Never said.").event(),
                SynthesizeStop().event(),
                Synthesize(text="Two.").event(),
            )
            assert types_of(await caller.hear_until("audio-stop")) == AUDIO
            assert caller.service.asked.count("synthesize") == 3

    asyncio.run(run())


def test_what_is_no_wyoming_ends_it_after_what_was_asked_before(tmp_path: Path) -> None:
    async def run() -> None:
        async with pipes_in(tmp_path) as caller:
            await caller.say(Synthesize(text="One.").event())
            caller.into.write(b"no wyoming\n")
            heard = await caller.hear_until("error")
            assert types_of(heard) == [*AUDIO, "error"]
            assert await caller.ended() == "input ended"

    asyncio.run(run())


def test_a_client_that_does_not_read_any_more_ends_it_and_takes_back_what_it_asked(tmp_path: Path) -> None:
    async def run() -> None:
        async with pipes_in(tmp_path) as caller:
            caller.service.may_go.clear()
            await caller.say(Ping().event(), Synthesize(text="One.").event())
            await caller.hear_until("pong")
            await until(lambda: caller.service.now == 1)
            caller.reading.close()
            caller.into.write_eof()
            assert await caller.ended() == "client gone"
            await until(lambda: caller.service.now == 0)

    asyncio.run(run())


def test_who_waits_when_it_closes_is_told(tmp_path: Path) -> None:
    async def run() -> None:
        async with pipes_in(tmp_path) as caller:
            caller.service.may_go.clear()
            await caller.say(Synthesize(text="One.").event())
            await until(lambda: caller.service.now == 1)
            closing = asyncio.ensure_future(caller.stdio.close())
            (event,) = await caller.hear_until()
            assert Error.from_event(event).code == "shutting_down"
            await closing
            assert await caller.ended() == "shut down"
            assert caller.service.now == 0

    asyncio.run(run())
