"""What there is to see and to hear of jobs, out of a ledger that real children filled."""

import asyncio
import wave
from pathlib import Path

import pytest

from supervisor.edge.ledger_values import AudioPiece, Piece, Silence
from supervisor.loop.showcase import MOST_SEGMENTS
from supervisor.loop.sights import BroomUsed, JobMoved, MemoryReading, Sight
from tests.supervisor.loop.test_house import Visit, visit

pytestmark = pytest.mark.processes

SLOW = {"engine__scripted__wall_per_char_s": 0.01}


def paragraphs(count: int) -> str:
    return "\n\n".join(f"Number {number}." for number in range(count))


def length_s(pieces: list[Piece]) -> float:
    return sum(
        one.seconds if isinstance(one, Silence) else one.samples / one.sample_rate_hz for one in pieces
    )


def test_a_finished_job_is_heard_as_its_files_and_one_under_way_as_what_is_spoken(tmp_path: Path) -> None:
    async def do(service: Visit) -> None:
        show = service.house.on_show
        assert show.output("jnobody") is None
        assert (show.heard("jnobody").files, show.heard("jnobody").pieces) == ([], [])
        job = await service.submit(text=paragraphs(12))
        assert show.output(job) == str(tmp_path / "out.wav")
        await service.until(lambda: service.house.job(job).done >= 3)
        done = service.house.job(job).done
        under_way = show.heard(job)
        assert under_way.files == []
        audio = [one for one in under_way.pieces if isinstance(one, AudioPiece)]
        assert len(audio) == done
        for one in audio:
            with wave.open(str(one.wav)) as file:
                assert (file.getnframes(), file.getframerate()) == (one.samples, one.sample_rate_hz)
        assert length_s(under_way.pieces) > service.house.job(job).seconds, "the pauses between are there"
        await service.job_is(job, "done")
        whole = show.heard(job)
        assert [one.path for one in whole.files] == [str(tmp_path / "out.wav")]
        assert whole.pieces == []

    visit(tmp_path, do, **SLOW)


def test_of_a_long_job_the_last_minutes_can_be_heard(tmp_path: Path) -> None:
    async def do(service: Visit) -> None:
        job = await service.submit(text=paragraphs(MOST_SEGMENTS + 40))
        await service.until(lambda: service.house.job(job).done >= MOST_SEGMENTS + 5)
        await service.house.pause(job)
        pieces = service.house.on_show.heard(job).pieces
        assert sum(isinstance(one, AudioPiece) for one in pieces) == MOST_SEGMENTS

    visit(tmp_path, do, engine__scripted__wall_per_char_s=0.002)


def test_who_looks_on_sees_readings_jobs_and_the_broom(tmp_path: Path) -> None:
    async def do(service: Visit) -> None:
        seen: list[Sight] = []
        await service.is_ready()
        look_away = service.house.on_show.look_on(seen.append)
        job = await service.submit(text=paragraphs(2))
        await service.job_is(job, "done")
        await service.house.clean()
        look_away()
        before = len(seen)
        await service.house.recycle()
        await asyncio.sleep(0)
        assert len(seen) == before
        assert JobMoved(job=job) in seen
        assert [one.what for one in seen if isinstance(one, BroomUsed)] == ["clean"]
        readings = [one for one in seen if isinstance(one, MemoryReading)]
        assert readings == [], "nobody looked on when the runner was made"

    visit(tmp_path, do)
