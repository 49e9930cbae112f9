import asyncio
import io
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import av
import pytest

from supervisor.doors.http.reception import Reception
from supervisor.doors.http.refusals import Refusal
from supervisor.doors.http.voiced import Voiced
from supervisor.doors.http.wanted import Wanted
from supervisor.loop.encoding import Format
from supervisor.loop.speaking import SpeechRequest
from tests.supervisor.doors.http.visit import Visit, until, visiting
from tests.supervisor.doors.memory_service import RATE_HZ, audio_of

STORY = "One fish. Two fish. Red fish."
ENCODED: tuple[Format, ...] = ("mp3", "opus", "aac", "flac")


@asynccontextmanager
async def reception(folder: Path) -> AsyncGenerator[tuple[Visit, Reception]]:
    async with visiting(folder) as visit:
        yield visit, visit.door._reception  # pyright: ignore[reportPrivateUsage] -- what its routes are made of


def wanted(text: str, form: Format) -> Wanted:
    return Wanted(request=SpeechRequest(text=text, audio="inline"), format=form, is_sse=False)


async def everything(voiced: Voiced) -> bytes:
    pieces: list[bytes] = []
    while piece := await voiced.take(1000):
        pieces.append(piece)
    return b"".join(pieces)


def seconds(data: bytes) -> float:
    with av.open(io.BytesIO(data), "r") as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


@pytest.mark.processes
@pytest.mark.parametrize("form", ENCODED)
def test_what_is_encoded_is_as_long_as_what_was_spoken(tmp_path: Path, form: Format) -> None:
    async def run() -> None:
        async with reception(tmp_path) as (_, desk), Voiced(desk, wanted(STORY, form), "test") as voiced:
            await voiced.begin(whole=False)
            data = await everything(voiced)
            spoken_s = len(audio_of(STORY)) / 2 / RATE_HZ
            assert seconds(data) == pytest.approx(spoken_s, abs=0.15)
            assert voiced.rate_hz == RATE_HZ

    asyncio.run(run())


@pytest.mark.processes
@pytest.mark.parametrize("form", ENCODED)
def test_what_fails_later_is_never_a_whole_stream(tmp_path: Path, form: Format) -> None:
    async def run() -> None:
        async with reception(tmp_path) as (_, desk):
            async with Voiced(desk, wanted("One fish. Something crashing.", form), "test") as voiced:
                with pytest.raises(Refusal, match="crashing"):
                    await voiced.begin(whole=True)
            assert desk.encoders.running == 0

    asyncio.run(run())


@pytest.mark.processes
def test_one_who_takes_nothing_keeps_no_encoder_from_others(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            reception(tmp_path) as (_, desk),
            Voiced(desk, wanted("Hm. " * 300, "mp3"), "test") as slow,
        ):
            await slow.begin(whole=True)
            assert desk.encoders.running == 0
            assert len(await everything(slow)) > 0

    asyncio.run(run())


@pytest.mark.processes
def test_an_encoder_that_is_killed_is_told_and_may_be_asked_again(tmp_path: Path) -> None:
    async def run() -> None:
        async with reception(tmp_path) as (visit, desk):
            visit.service.speaks = visit.service.may_go.clear  # the second sentence waits
            async with Voiced(desk, wanted(STORY, "mp3"), "test") as voiced:
                await until(lambda: desk.encoders.running)
                for pid in desk.encoders.pids:
                    os.kill(pid, signal.SIGKILL)
                with pytest.raises(Refusal) as caught:
                    await voiced.begin(whole=True)
            assert (caught.value.status, caught.value.retryable) == (503, True)

    asyncio.run(run())


@pytest.mark.parametrize("form", ["wav", "pcm"])
def test_without_room_for_what_is_not_read_it_is_a_full_disk(tmp_path: Path, form: Format) -> None:
    async def run() -> None:
        (tmp_path / "state").mkdir()
        async with reception(tmp_path / "state") as (_, desk):
            assert desk.methods.room.took(desk.methods.room.left_bytes)
            (tmp_path / "state").rename(tmp_path / "gone")
            with pytest.raises(Refusal) as caught:
                async with Voiced(desk, wanted(STORY, form), "test") as voiced:
                    await voiced.begin(whole=True)
            assert (caught.value.status, caught.value.code) == (507, "disk_full")

    asyncio.run(run())


def test_whoever_leaves_takes_it_back_and_nothing_is_kept(tmp_path: Path) -> None:
    async def run() -> None:
        async with reception(tmp_path) as (visit, desk):
            room = desk.methods.room.left_bytes
            visit.service.speaks = visit.service.may_go.clear
            async with Voiced(desk, wanted(STORY, "pcm"), "test") as voiced:
                assert await voiced.begin(whole=False) is None
                assert visit.service.now == 1
            assert (visit.service.now, desk.methods.room.left_bytes) == (0, room)

    asyncio.run(run())
