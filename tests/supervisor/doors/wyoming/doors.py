"""A Wyoming door with a service in memory behind it, and clients at its sockets, on the test's own loop."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypedDict, Unpack

from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event, async_read_event

from supervisor.config.values import NarrationConfig, WyomingConfig
from supervisor.doors.backlog import Room
from supervisor.doors.streams import Streams
from supervisor.doors.wyoming.desk import Desk
from supervisor.doors.wyoming.door import Terms, WyomingDoor
from supervisor.doors.wyoming.frames import Frames
from supervisor.doors.wyoming.reading import Manner
from supervisor.doors.wyoming.uri import Place, UnixPlace
from supervisor.log import Log
from tests.supervisor.doors.memory_service import MemoryService, memory_service

#: A machine that runs other things as well takes its time; a wait that lasts longer has failed.
PATIENCE_S = 15.0

NARRATION = NarrationConfig(
    segment_chars=200, pause_sentence_s=0.25, pause_paragraph_s=0.5, pause_heading_s=1.0
)
MANNER = Manner(sample_rate_hz=None, sentence_silence_s=None, pause_sentence_s=0.25, pause_paragraph_s=0.5)


class Given(TypedDict, total=False):
    """Keys of `[wyoming]` that a test needs otherwise."""

    sample_rate: int
    sentence_silence_s: "float | Literal['auto']"
    connections: int
    zeroconf: str


def terms(**given: Unpack[Given]) -> Terms:
    shipped = WyomingConfig(sample_rate=0, sentence_silence_s="auto", connections=100, zeroconf="")
    return Terms(wyoming=replace(shipped, **given), narration=NARRATION)


@dataclass(slots=True)
class Opened:
    """A door that is open.

    Attributes:
        service: Behind it.
        place: Of its socket.
        log: Lines of its log.
        room: For audio that waits.
    """

    service: MemoryService
    door: WyomingDoor
    place: Path
    room: Room
    log: list[str] = field(default_factory=list[str])

    @property
    def uri(self) -> str:
        return f"unix://{self.place}"


@asynccontextmanager
async def open_door(
    folder: Path,
    *more: Place,
    room_bytes: int = 1 << 20,
    streams: Streams | None = None,
    voices: list[str] | None = None,
    **wyoming: Unpack[Given],
) -> AsyncGenerator[Opened]:
    """Open a door at a unix socket, and at more places; all is closed after."""
    log: list[str] = []
    place, room = folder / "w.sock", Room(room_bytes, folder)
    async with memory_service(folder) as service:
        if voices is not None:
            service.voices = voices
        door = WyomingDoor(
            service=service,
            places=[UnixPlace(path=str(place)), *more],
            terms=terms(**wyoming),
            room=room,
            folder=folder,
            streams=streams,
            log=Log(format="text", level="debug", write=log.append),
        )
        await door.open()
        try:
            yield Opened(service, door, place, room, log=log)
        finally:
            service.may_go.set()
            await door.close()


@asynccontextmanager
async def memory_desk(
    folder: Path, manner: Manner = MANNER, voices: list[str] | None = None
) -> AsyncGenerator[tuple[Desk, MemoryService]]:
    """What clients share, without a door."""
    async with memory_service(folder) as service:
        if voices is not None:
            service.voices = voices
        desk = Desk(
            service, manner, Room(1 << 20, folder), folder, Log(format="text", level="debug", write=_unheard)
        )
        try:
            yield desk, service
        finally:
            desk.close()


def _unheard(line: str) -> None:
    del line


async def until(seen: Callable[[], bool]) -> None:
    """Wait for what a test has no event for, a look at each turn of the loop; fail if it never comes."""
    async with asyncio.timeout(PATIENCE_S):
        while not seen():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)


@asynccontextmanager
async def client_of(uri: str) -> AsyncGenerator[AsyncClient]:
    """The official client."""
    async with AsyncClient.from_uri(uri, read_timeout=PATIENCE_S) as client:
        yield client


def unwoken() -> None:
    """What is there is pulled anyway."""


async def say(client: AsyncClient, *events: Event) -> None:
    for event in events:
        await client.write_event(event)


async def hear(client: AsyncClient) -> Event:
    """The next event; there must be one."""
    event = await client.read_event()
    assert event is not None, "the connection ended"
    return event


async def hear_until(client: AsyncClient, *ends: str) -> list[Event]:
    """Read to an event of one of these types, or to the end."""
    heard: list[Event] = []
    while (event := await client.read_event()) is not None:
        heard.append(event)
        if event.type in ends:
            break
    return heard


async def hear_error(client: AsyncClient) -> Error:
    """An error, and the end of the connection."""
    error = Error.from_event(await hear(client))
    assert await client.read_event() is None
    return error


def pcm_of(events: list[Event]) -> bytes:
    return b"".join(event.payload or b"" for event in events if event.type == "audio-chunk")


def types_of(events: list[Event]) -> list[str]:
    """The types, chunks of one row as one."""
    found: list[str] = []
    for event in events:
        if event.type != "audio-chunk" or found[-1:] != ["audio-chunk"]:
            found.append(event.type)
    return found


async def events_in(data: bytes) -> list[Event]:
    """The events in bytes, by the package's own reader."""
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    found: list[Event] = []
    while (event := await async_read_event(reader)) is not None:
        found.append(event)
    return found


def frames_in(data: bytes) -> list[str]:
    """Types of the events in bytes, by our own reader."""
    frames = Frames()
    frames.feed(data)
    found: list[str] = []
    while (frame := frames.next()) is not None:
        found.append(frame.type)
    assert frames.is_between
    return found
