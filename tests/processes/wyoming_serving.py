"""A real `tts-supervisor serve --wyoming`, and the official client of it."""

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event, async_read_event, async_write_event
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

from tests.processes.narration import PATIENCE_S, Task

Events = list[Event]


@dataclass(slots=True, kw_only=True)
class WyomingService:
    """One service.

    Attributes:
        popen: Of its process.
        log: Its log.
        uris: Where it listens, in the order of the options.
    """

    popen: "subprocess.Popen[bytes]"
    log: Path
    uris: list[str]

    @property
    def pid(self) -> int:
        return self.popen.pid

    def rss_bytes(self) -> int:
        return int(Path(f"/proc/{self.pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> int:
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(PATIENCE_S)

    def said(self) -> str:
        return self.log.read_text("utf-8")


@contextmanager
def wyoming_service(task: Task, *uris: str, level: str = "info") -> Generator[WyomingService]:
    """Start one, and wait until it listens everywhere."""
    log = task.state.parent / "serve.err"
    words = [word for uri in uris for word in ("--wyoming", uri)]
    popen = subprocess.Popen(
        task.words("serve", *words, level=level),
        env=task.whole_env(),
        cwd=task.text.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert popen.stderr is not None
    copying: subprocess.Popen[bytes] | None = None
    try:
        listening: list[str] = []
        with log.open("wb") as kept:
            while len(listening) < len(uris):
                line = popen.stderr.readline()
                kept.write(line)
                kept.flush()
                assert line, f"it ended: {log.read_text()}"
                listening += _opened(line)
            # From here on the log is a file's: nobody need read it.
            copying = subprocess.Popen(["cat"], stdin=popen.stderr, stdout=kept)
        yield WyomingService(popen=popen, log=log, uris=listening)
    finally:
        popen.kill()
        popen.wait()
        popen.stderr.close()
        if copying is not None:
            copying.wait(PATIENCE_S)


def _opened(line: bytes) -> list[str]:
    where = json.loads(line).get("where", "") if line.startswith(b"{") else ""
    return [where] if re.match(r"tcp:|unix:", where) else []


# ------------------------------------------------------------------ clients


@dataclass(slots=True)
class Client:
    """The official client, or pipes to a service, and what it heard."""

    link: AsyncClient
    events: Events = field(default_factory=list[Event])

    async def say(self, *events: Event) -> None:
        for event in events:
            await self.link.write_event(event)

    async def hear(self) -> Event | None:
        async with asyncio.timeout(PATIENCE_S):
            event = await self.link.read_event()
        if event is not None:
            self.events.append(event)
        return event

    async def hear_until(self, *ends: str) -> Events:
        """Read to an event of one of these types, or to the end."""
        heard: Events = []
        while (event := await self.hear()) is not None:
            heard.append(event)
            if event.type in ends:
                break
        return heard

    async def hear_all(self) -> Events:
        return await self.hear_until()


class PipeClient(AsyncClient):
    """The package's framing over a process's pipes: its own client of that name takes this process's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self.out, self.into = reader, writer

    async def read_event(self) -> Event | None:
        return await async_read_event(self.out)

    async def write_event(self, event: Event) -> None:
        await async_write_event(event, self.into)


@asynccontextmanager
async def client_of(uri: str) -> AsyncGenerator[Client]:
    async with AsyncClient.from_uri(uri) as link:
        yield Client(link)


def streamed(pieces: Iterable[str], voice: str | None = None, *, whole: bool = True) -> Events:
    """What Home Assistant sends for a text that comes in pieces."""
    pieces = list(pieces)
    wanted = None if voice is None else SynthesizeVoice(name=voice)
    again = [Synthesize(text="".join(pieces), voice=wanted).event()] if whole else []
    return [
        SynthesizeStart(voice=wanted).event(),
        *(SynthesizeChunk(text=piece).event() for piece in pieces),
        *again,
        SynthesizeStop().event(),
    ]


def words_of(text: str) -> list[str]:
    """A text as a language model gives it."""
    return re.findall(r"\S+\s*", text)


async def spoken(uri: str, text: str, voice: str | None = None) -> "Groups":
    """Have a text spoken at once."""
    async with client_of(uri) as client:
        wanted = None if voice is None else SynthesizeVoice(name=voice)
        await client.say(Synthesize(text=text, voice=wanted).event())
        return groups_of(await client.hear_until("audio-stop", "error"))


async def spoken_streaming(uri: str, pieces: Iterable[str], voice: str | None = None) -> "Groups":
    """Have a text spoken as it comes."""
    async with client_of(uri) as client:
        await client.say(*streamed(pieces, voice))
        heard = await client.hear_until("synthesize-stopped", "error")
        assert SynthesizeStopped.is_type(heard[-1].type), heard[-1]
        return groups_of(heard[:-1])


# ------------------------------------------------------------------ what was heard


@dataclass(slots=True, kw_only=True)
class Group:
    """Audio from its start to its stop."""

    rate_hz: int
    pieces: list[bytes] = field(default_factory=list[bytes])

    samples: int = 0

    @property
    def pcm(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def ms(self) -> int:
        return self.samples * 1000 // self.rate_hz


Groups = list[Group]


class Told(Exception):
    """An error came."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.text)
        self.code = error.code


def groups_of(events: Events) -> Groups:
    """The audio among events, each group checked: whole, never empty, with the right times."""
    groups: Groups = []
    now: Group | None = None
    for event in events:
        if Error.is_type(event.type):
            raise Told(Error.from_event(event))
        if AudioStart.is_type(event.type):
            assert now is None, "audio within audio"
            start = AudioStart.from_event(event)
            assert (start.width, start.channels, start.timestamp) == (2, 1, 0)
            now = Group(rate_hz=start.rate)
            continue
        assert now is not None, event
        if AudioChunk.is_type(event.type):
            chunk = AudioChunk.from_event(event)
            assert (chunk.rate, chunk.width, chunk.channels) == (now.rate_hz, 2, 1)
            assert chunk.timestamp == now.ms
            assert 0 < len(chunk.audio) <= 2048
            now.pieces.append(chunk.audio)
            now.samples += len(chunk.audio) // 2
        else:
            assert AudioStop.is_type(event.type), event
            assert AudioStop.from_event(event).timestamp == now.ms
            assert now.samples
            groups.append(now)
            now = None
    assert now is None, "audio without an end"
    return groups


def pcm_of(groups: Groups) -> bytes:
    return b"".join(group.pcm for group in groups)
