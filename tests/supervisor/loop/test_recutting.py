"""The order that the loop sends is the one that the planning process carries out."""

import asyncio
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from supervisor.config import Config, load_config
from supervisor.edge.ledger import Ledger, job_id_for
from supervisor.errors import SupervisorError
from supervisor.loop.orders import planning_order
from supervisor.loop.recutting import Wish, recut, recut_order
from supervisor.loop.requests import InputSpec, JobRequest
from supervisor.loop.workers import run_worker
from supervisor.narration.plan import VoiceSpec

pytestmark = pytest.mark.processes

JOB = job_id_for("/out/story.wav")
WISH = Wish(job=JOB, chapter=0, why="needs more than there is", at_s=1.7e9)


def config(*sets: str) -> Config:
    steps = 'degrade.steps=["smaller_segments", "24khz"]'
    return load_config(sets=["engine.name=scripted", steps, *sets], environ={})


async def planned(state: Path) -> None:
    text = "A sentence of some length, which has a comma. " * 4
    request = JobRequest(
        output="/out/story.wav",
        format="wav",
        sample_rate_hz=None,
        voice=VoiceSpec(),
        seed=0,
        inputs=[InputSpec(path=None, name="text", text=text)],
    )
    order = planning_order(config(), state, request)
    await run_worker("supervisor.planning", iter([order]), state_marker=str(state))


def test_a_chapter_is_cut_by_the_planning_process(tmp_path: Path) -> None:
    async def run() -> None:
        await planned(tmp_path)
        done = await recut(config(), tmp_path, WISH, told=pytest.fail)
        assert done.step == "smaller_segments"
        with closing(Ledger.open(tmp_path, read_only=True)) as ledger:
            (told,) = ledger.degraded(JOB)
            assert (told.steps[-1].why, told.steps[-1].at_s) == (WISH.why, WISH.at_s)
            assert done.segments == ledger.job_size(JOB).segments > 1

    asyncio.run(run())


def test_what_cannot_be_carried_out_says_why(tmp_path: Path) -> None:
    async def run() -> None:
        with pytest.raises(SupervisorError, match="no chapter 1"):
            await recut(config(), tmp_path, WISH, told=pytest.fail)

    asyncio.run(run())


def test_only_a_number_in_the_engines_own_table_is_a_rate() -> None:
    def rate_of(value: str) -> object:
        sets = ("child.python=python3", "engine.name=parrot", f"engine.parrot.{value}")
        line = recut_order(config(*sets), Path("/state"), WISH)
        return msgspec.json.decode(line)["recut"]["rate_hz"]

    assert rate_of("sample_rate=32000") == 32_000
    assert [rate_of(value) for value in ("sample_rate=true", 'sample_rate="x"', "wings=2")] == [None] * 3


def test_an_engine_that_speaks_at_one_rate_is_told_no_other() -> None:
    line = recut_order(config("engine.name=glm-upstream"), Path("/state"), WISH)
    assert msgspec.json.decode(line)["recut"]["rate_hz"] is None
