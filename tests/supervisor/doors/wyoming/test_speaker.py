"""What was asked for is spoken in turn; what fails ends its request alone; what is not read is waited for."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from wyoming.ping import Pong

from supervisor.doors.backlog import Room
from supervisor.doors.wyoming.outgoing import Outgoing
from supervisor.doors.wyoming.reading import End, Piece
from supervisor.doors.wyoming.speaker import MOST_WAITING, MOST_WAITING_CHARS, Speaker
from supervisor.errors import DiskFull
from supervisor.loop.service import CannotAsk
from tests.supervisor.doors.memory_service import MemoryService, audio_of, memory_service
from tests.supervisor.doors.wyoming.doors import frames_in, until, unwoken


@dataclass(slots=True)
class Bench:
    """A speaker, and what it told.

    Attributes:
        failures: With whose they were.
    """

    service: MemoryService
    outgoing: Outgoing
    failures: list[tuple[BaseException, object]] = field(default_factory=list[tuple[BaseException, object]])
    rested: asyncio.Event = field(default_factory=asyncio.Event)
    speaker: Speaker = field(init=False)

    def __post_init__(self) -> None:
        self.speaker = Speaker(self.service, self.outgoing, None, self)

    def failed(self, failure: BaseException, request: object) -> None:
        self.failures.append((failure, request))

    def idle(self) -> None:
        self.rested.set()

    async def all_said(self) -> bytes:
        async with asyncio.timeout(15):
            await self.rested.wait()
        return self.outgoing.pull(1 << 26)


@asynccontextmanager
async def bench_in(
    folder: Path, spill: Path | None = None, room_bytes: int = 1 << 24
) -> AsyncGenerator[Bench]:
    async with memory_service(folder) as service:
        outgoing = Outgoing(Room(room_bytes, spill or folder), wake=unwoken)
        bench = Bench(service, outgoing)
        try:
            yield bench
        finally:
            bench.speaker.stop()
            outgoing.close()


def piece(text: str, *, closes: bool = True) -> Piece:
    return Piece(text=text, voice=None, closes=closes)


def said(data: bytes) -> list[str]:
    types = frames_in(data)
    return [name for at, name in enumerate(types) if name != "audio-chunk" or types[at - 1] != name]


def test_pieces_are_spoken_in_turn_and_events_told_between(tmp_path: Path) -> None:
    async def run() -> None:
        async with bench_in(tmp_path) as bench:
            bench.speaker.take("a", [piece("One.", closes=False), piece("Two.", closes=False), End.OF_AUDIO])
            bench.speaker.take("b", [Pong().event(), piece("Three.")])
            assert bench.speaker.is_busy
            assert said(await bench.all_said()) == [
                *("audio-start", "audio-chunk", "audio-stop"),
                *("pong", "audio-start", "audio-chunk", "audio-stop"),
            ]
            assert not bench.speaker.is_busy
            assert bench.failures == []

    asyncio.run(run())


def test_what_fails_takes_the_rest_of_its_request_with_it_and_no_more(tmp_path: Path) -> None:
    async def run() -> None:
        async with bench_in(tmp_path) as bench:
            bench.speaker.take("a", [piece("One."), piece("This is crashing."), piece("Never said.")])
            bench.speaker.take("b", [piece("Two.")])
            assert said(await bench.all_said()).count("audio-stop") == 2
            ((failure, request),) = bench.failures
            assert isinstance(failure, CannotAsk)
            assert (failure.kind, request) == ("child_crashed", "a")

    asyncio.run(run())


def test_nothing_more_is_asked_for_while_nothing_is_read(tmp_path: Path) -> None:
    long = "word " * 900  # 45 s each

    async def run() -> None:
        async with bench_in(tmp_path) as bench:
            bench.speaker.take("a", [piece(long), piece(long), piece(long)])
            await until(lambda: bench.outgoing.is_full and bench.service.now == 0)
            asked = bench.service.asked.count("synthesize")
            assert asked == 1
            while bench.outgoing.is_full:
                bench.outgoing.pull(1 << 16)
            bench.speaker.read()
            await until(lambda: bench.service.asked.count("synthesize") == 2)

    asyncio.run(run())


def test_who_stops_takes_back_what_is_spoken_now(tmp_path: Path) -> None:
    async def run() -> None:
        async with bench_in(tmp_path) as bench:
            bench.service.may_go.clear()
            bench.speaker.take("a", [piece("One.")])
            await until(lambda: bench.service.now == 1)
            bench.speaker.stop()
            await until(lambda: bench.service.now == 0)
            assert not bench.speaker.is_busy
            assert bench.failures == []
            assert bench.outgoing.is_empty

    asyncio.run(run())


def test_audio_that_finds_no_place_ends_its_request_and_says_so(tmp_path: Path) -> None:
    async def run() -> None:
        async with bench_in(tmp_path, spill=tmp_path / "nowhere", room_bytes=40_000) as bench:
            bench.speaker.take("a", [piece("word " * 100)])
            await asyncio.wait_for(bench.rested.wait(), 15)
            ((failure, _),) = bench.failures
            assert isinstance(failure, DiskFull)
            assert bench.service.now == 0
            # What is asked for next, and finds a place, is spoken.
            bench.outgoing.pull(1 << 20)
            bench.rested.clear()
            bench.speaker.take("b", [piece("Hi.")])
            assert said(await bench.all_said()) == ["audio-start", "audio-chunk", "audio-stop"]
            assert len(bench.failures) == 1

    asyncio.run(run())


def test_it_says_when_enough_waits(tmp_path: Path) -> None:
    async def run() -> None:
        async with bench_in(tmp_path) as bench:
            bench.service.may_go.clear()
            bench.speaker.take("a", [piece("One.")])
            bench.speaker.take("a", [piece("x")] * MOST_WAITING)
            await until(lambda: bench.service.now == 1)
            assert not bench.speaker.is_full
            bench.speaker.take("a", [piece("x")])
            assert bench.speaker.is_full
            bench.speaker.stop()
            assert not bench.speaker.is_full
            bench.speaker.take("b", [piece("x" * 10), piece("x" * (MOST_WAITING_CHARS + 1))])
            assert bench.speaker.is_full

    asyncio.run(run())


def test_what_is_heard_is_what_the_service_said(tmp_path: Path) -> None:
    async def run() -> None:
        async with bench_in(tmp_path) as bench:
            bench.speaker.take("a", [piece("One. And two.")])
            heard = await bench.all_said()
            whole = audio_of("One. And two.")
            assert all(whole[at : at + 500] in heard for at in (0, 2048 * 3))

    asyncio.run(run())
