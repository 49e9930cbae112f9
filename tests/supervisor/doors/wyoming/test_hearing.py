"""What events ask for becomes orders; what cannot be understood fails the stream that it is in."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from wyoming.event import Event

from supervisor.doors.wyoming.frames import Frame, WrongData
from supervisor.doors.wyoming.hearing import Hearing
from supervisor.doors.wyoming.outgoing import Outgoing
from supervisor.doors.wyoming.reading import Manner
from supervisor.doors.wyoming.speaker import Speaker
from supervisor.loop.service import CannotAsk
from tests.supervisor.doors.memory_service import MemoryService
from tests.supervisor.doors.wyoming.doors import MANNER, frames_in, memory_desk, unwoken


@dataclass(slots=True)
class Ear:
    """A hearing with a speaker behind it, and what was told at once."""

    hearing: Hearing
    outgoing: Outgoing
    service: MemoryService
    rested: asyncio.Event
    told: list[Event] = field(default_factory=list[Event])
    described: int = 0

    def take(self, kind: str, **data: object) -> None:
        parts = (json.dumps(data).encode(),) if data else ()
        self.hearing.take(Frame(type=kind, parts=parts))
        while self.hearing.is_behind:
            self.hearing.catch_up()

    async def said(self) -> list[str]:
        """Types of all that was said of it, once it is."""
        await asyncio.wait_for(self.rested.wait(), 15)
        self.rested.clear()
        return [name for name in frames_in(self.outgoing.pull(1 << 26)) if name != "audio-chunk"]


@dataclass(slots=True)
class _Listener:
    rested: asyncio.Event

    def failed(self, failure: BaseException, request: object) -> None:
        raise AssertionError(request) from failure

    def idle(self) -> None:
        self.rested.set()


@asynccontextmanager
async def ear_in(folder: Path, manner: Manner = MANNER) -> AsyncGenerator[Ear]:
    async with memory_desk(folder, manner) as (desk, service):
        outgoing, rested = Outgoing(desk.room, wake=unwoken), asyncio.Event()
        speaker = Speaker(service, outgoing, None, _Listener(rested))
        told: list[Event] = []

        def describe() -> None:
            ear.described += 1

        ear = Ear(Hearing(desk, speaker, told.append, describe), outgoing, service, rested, told)
        try:
            yield ear
        finally:
            speaker.stop()
            outgoing.close()


AUDIO = ["audio-start", "audio-stop"]


def test_a_text_that_comes_whole_is_asked_for_whole(tmp_path: Path) -> None:
    async def run() -> None:
        async with ear_in(tmp_path) as ear:
            ear.take("synthesize", text="One. Two.", voice={"name": "bob"})
            assert await ear.said() == AUDIO
            assert ear.service.asked.count("synthesize") == 1

    asyncio.run(run())


def test_with_a_silence_of_its_own_it_is_asked_for_by_sentences_and_is_one_audio(tmp_path: Path) -> None:
    async def run() -> None:
        async with ear_in(tmp_path, replace(MANNER, sentence_silence_s=0.5)) as ear:
            ear.take("synthesize", text="One. Two. Three.")
            assert await ear.said() == AUDIO
            assert ear.service.asked.count("synthesize") == 3

    asyncio.run(run())


def test_a_stream_is_its_sentences_and_the_whole_text_within_it_is_passed_over(tmp_path: Path) -> None:
    async def run() -> None:
        async with ear_in(tmp_path) as ear:
            ear.take("synthesize-start")
            ear.take("synthesize-chunk", text="One. T")
            assert await ear.said() == AUDIO
            ear.take("synthesize-chunk", text="wo.")
            ear.take("synthesize", text="One. Two.")
            ear.take("synthesize-stop")
            assert await ear.said() == [*AUDIO, "synthesize-stopped"]
            ear.take("synthesize", text="Three.")
            assert await ear.said() == AUDIO

    asyncio.run(run())


def test_questions_are_told_at_once_and_what_is_unknown_is_passed_over(tmp_path: Path) -> None:
    async def run() -> None:
        async with ear_in(tmp_path) as ear:
            ear.take("ping", text="hello")
            ear.take("ping")
            ear.take("describe")
            ear.take("select-program", name="tts-supervisor")
            ear.take("transcribe", language=5)
            ear.take("audio-chunk", rate="x")
            assert [(event.type, event.data["text"]) for event in ear.told] == [
                ("pong", "hello"),
                ("pong", None),
            ]
            assert ear.described == 1
            assert not ear.rested.is_set()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("synthesize", {}),
        ("synthesize", {"text": "Hi.", "text_format": "ssml"}),
        ("synthesize", {"text": "Hi.", "voice": {"language": "tlh"}}),
        ("synthesize-start", {"text_format": "ssml"}),
        ("synthesize-chunk", {"text": "Hi."}),
        ("synthesize-stop", {}),
        ("select-program", {"name": "other"}),
        ("select-program", {}),
    ],
)
def test_what_cannot_be_done_is_refused(kind: str, data: dict[str, object], tmp_path: Path) -> None:
    async def run() -> None:
        async with ear_in(tmp_path) as ear:
            with pytest.raises(CannotAsk):
                ear.take(kind, **data)

    asyncio.run(run())


def test_a_stream_that_failed_is_passed_over_to_its_end(tmp_path: Path) -> None:
    async def run() -> None:
        async with ear_in(tmp_path) as ear:
            ear.take("synthesize-start")
            with pytest.raises(WrongData):
                ear.take("synthesize-chunk", text=5)
            ear.hearing.lose_thread()
            ear.take("synthesize-chunk", text="One. Two.")
            ear.take("synthesize-stop")
            assert not ear.rested.is_set()
            assert ear.service.asked.count("synthesize") == 0
            # One that was refused from its start: likewise.
            with pytest.raises(CannotAsk):
                ear.take("synthesize-start", voice={"language": "tlh"})
            ear.take("synthesize-chunk", text="One. Two.")
            ear.take("synthesize-stop")
            ear.take("synthesize", text="Three.")
            assert await ear.said() == AUDIO
            assert ear.service.asked.count("synthesize") == 1

    asyncio.run(run())


def test_what_is_forgotten_is_not_looked_at_any_more(tmp_path: Path) -> None:
    async def run() -> None:
        async with ear_in(tmp_path) as ear:
            ear.take("synthesize-start")
            ear.hearing.take(Frame(type="synthesize-chunk", parts=(b'{"text": "One. Two."}',)))
            assert ear.hearing.is_behind
            ear.hearing.clear()
            assert not ear.hearing.is_behind

    asyncio.run(run())
