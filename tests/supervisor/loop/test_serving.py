"""A job that runs tells how it stands, and does what people ask of its child between two segments."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.config import Config, Given, load_config
from supervisor.core.notes import ChildState, Note, Progress, SegmentSpoken, Stage
from supervisor.edge.statefolder import StateFolder
from supervisor.log import Log
from supervisor.loop import InputSpec, JobRequest, Outcome, run_job
from supervisor.loop.service import CannotAsk, GivenBack, NothingToAsk, Status, Steering
from supervisor.loop.serving import Facts, JobService
from supervisor.narration.plan import VoiceSpec

pytestmark = pytest.mark.processes

TEXT = "\n\n".join(f"This is paragraph {n}, and nothing in it is new." for n in range(30))


def config(**settings: object) -> Config:
    sets = {"engine.name": "scripted", "engine.scripted.wall_per_char_s": 0.0005}
    sets |= {key.replace("__", "."): value for key, value in settings.items()}
    return load_config(
        options=[Given(key=key, value=value, origin="test") for key, value in sets.items()], environ={}
    )


class Visit:
    """What somebody does who comes in while a job runs.

    Attributes:
        seen: A status for every note.
    """

    def __init__(self, folder: Path, ask: Callable[[Steering], Awaitable[None]] | None = None) -> None:
        self._folder = folder
        self._ask = ask
        self._service: Steering | None = None
        self._asking: asyncio.Task[None] | None = None
        self.seen: list[tuple[Note, Status]] = []

    async def open(self, service: Steering) -> "Visit":
        self._service = service
        return self

    async def close(self) -> None:
        if self._asking is not None:
            await self._asking

    def note(self, note: Note) -> None:
        assert self._service is not None
        self.seen.append((note, self._service.status()))
        if isinstance(note, SegmentSpoken) and self._ask is not None and self._asking is None:
            self._asking = asyncio.ensure_future(_awaited(self._ask(self._service)))

    def run(self, **settings: object) -> Outcome:
        request = JobRequest(
            output=str(self._folder / "out.wav"),
            format="wav",
            sample_rate_hz=None,
            voice=VoiceSpec(),
            seed=0,
            inputs=[InputSpec(path=None, name="text", text=TEXT)],
        )
        log = Log(format="text", level="error")
        state = StateFolder(self._folder / "state")
        return run_job(config(**settings), state, request, self.note, log, door=self.open)


async def _awaited(asked: Awaitable[None]) -> None:
    await asked


def test_a_status_tells_the_stage_the_child_and_the_counts(tmp_path: Path) -> None:
    visit = Visit(tmp_path)
    visit.run()
    at_stage = {note.name: status for note, status in visit.seen if isinstance(note, Stage)}
    assert at_stage["planning"].state == "planning"
    assert at_stage["delivering"].state == "delivering"
    assert at_stage["delivering"].child is None
    spoken = [status for note, status in visit.seen if isinstance(note, SegmentSpoken)]
    assert [status.totals.segments for status in spoken] == list(range(1, 31))
    middle = spoken[10]
    assert (middle.state, middle.why, middle.queue) == ("narrating", "", 0)
    assert middle.child is not None
    assert (middle.child.life, middle.child.ready, middle.child.state) == (1, True, "speaking")
    assert middle.child.memory["host_private"] > 0
    assert middle.child.marks["host_soft"] < middle.child.marks["host_hard"]
    assert {one.policy for one in middle.policies} >= {"leak", "watermark", "headroom", "lookahead"}
    assert middle.job is not None
    assert middle.job.segments == 30


def test_the_first_child_is_starting_and_no_life_is_told_before_its_end(tmp_path: Path) -> None:
    visit = Visit(tmp_path)
    visit.run(child__start="cold")
    before_ready = [
        status
        for note, status in visit.seen
        if isinstance(note, ChildState) and note.state == "starting" and status.state != "planning"
    ]
    assert {status.state for status in before_ready} <= {"starting"}
    assert all(status.template is None for _, status in visit.seen)
    assert not any(status.lives for note, status in visit.seen if isinstance(note, SegmentSpoken))


def test_a_life_that_is_over_is_told_with_how_and_why(tmp_path: Path) -> None:
    visit = Visit(tmp_path)
    visit.run(engine__faults__faults=["crash@20"])
    (life, *_) = visit.seen[-1][1].lives
    assert (life.life, life.segments) == (1, 19)
    assert "SIGSEGV" in life.ended
    assert "SIGSEGV" in life.why
    assert life.at.endswith("+00:00")
    assert visit.seen[-1][1].totals.deaths == 1


def test_clean_and_recycle_are_done_at_a_boundary_and_counted(tmp_path: Path) -> None:
    given: list[GivenBack] = []

    async def ask(service: Steering) -> None:
        given.append(await service.clean())
        given.append(await service.recycle())
        child = service.status().child
        assert child is not None
        assert child.life == 2

    visit = Visit(tmp_path, ask)
    assert visit.run().exit_code == 0
    assert all(one.before_bytes > 0 and one.after_bytes > 0 and one.took_s > 0 for one in given)
    assert all(one.of == "host" for one in given)
    totals = visit.seen[-1][1].totals
    assert (totals.cleans, totals.recycles, totals.deaths) == (1, 1, 0)


def test_who_asks_to_the_very_end_is_answered_and_never_left_waiting(tmp_path: Path) -> None:
    refused: list[CannotAsk] = []

    async def ask(service: Steering) -> None:
        while not refused:
            try:
                await service.recycle()
            except CannotAsk as error:
                refused.append(error)

    assert Visit(tmp_path, ask).run().exit_code == 0
    assert refused


async def give_up(asked: Awaitable[GivenBack]) -> None:
    call = asyncio.ensure_future(asked)
    await asyncio.sleep(0)
    call.cancel()


def test_a_caller_that_gives_up_takes_nothing_back(tmp_path: Path) -> None:
    async def ask(service: Steering) -> None:
        await give_up(service.clean())
        while service.status().totals.cleans == 0:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.001)

    assert Visit(tmp_path, ask).run().exit_code == 0


def test_the_answer_of_a_caller_that_gave_up_is_not_taken_for_anothers(tmp_path: Path) -> None:
    async def ask(service: Steering) -> None:
        await give_up(service.clean())
        await service.recycle()
        child = service.status().child
        assert child is not None
        assert (child.life, child.ready) == (2, True)

    assert Visit(tmp_path, ask).run().exit_code == 0


def test_a_run_that_stays_tells_of_the_job_in_hand_and_of_none_between_two() -> None:
    in_hand = {"j1": True}
    facts = Facts(
        job="",
        output="",
        pid=7,
        wall_s=lambda: 0.0,
        stays=True,
        waiting=lambda: 5,
        in_hand=lambda: tuple(in_hand),
    )
    service = JobService(facts)
    assert (service.status().state, service.status().queue, service.status().job) == ("starting", 5, None)
    service.note(Stage(name="planning", detail=""))
    service.note(Stage(name="delivering", detail=""))
    assert service.status().state == "starting", "stages are those of jobs, and there are several"
    service.note(how_far(3, 10))
    job = service.status().job
    assert job is not None
    assert (job.job, job.segment, job.segments, job.eta_seconds) == ("j1", 3, 10, 4.0)
    service.note(replace(how_far(1, 2), job="r1"))
    assert service.status().job == job, "a request is no job"
    in_hand.clear()
    assert service.status().job is None, "it was taken back"
    in_hand["j1"] = True
    service.note(how_far(10, 10))
    assert service.status().job is None
    service.note(Stage(name="parking", detail=""))
    assert service.status().state == "parking"


def how_far(segment: int, segments: int) -> Progress:
    return Progress(
        job="j1",
        segment=segment,
        segments=segments,
        chapter=1,
        chapters=1,
        title="",
        audio_seconds=1.0,
        wall_seconds=1.0,
        speed=1.0,
        eta_seconds=4.0,
        recycles=0,
        deaths=0,
    )


def test_before_there_is_a_runner_there_is_nothing_to_ask() -> None:
    service = JobService(Facts(job="j12", output="/x", pid=7, wall_s=lambda: 0.0))
    assert service.status().child is None
    assert (service.status().state, service.status().pid) == ("planning", 7)
    with pytest.raises(NothingToAsk):
        asyncio.run(service.clean())
