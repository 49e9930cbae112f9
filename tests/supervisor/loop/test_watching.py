"""Who watches a job hears of it from where it is, and how it ended, as the exit code of `narrate`."""

import asyncio
from dataclasses import replace

import pytest

from supervisor.core.notes import ChildState, Note, Notice, Progress, SegmentSpoken, Stage
from supervisor.edge.ledger_values import JobState, JobView
from supervisor.errors import DiskFull, InputError, Interrupted, SupervisorError
from supervisor.loop.watching import Ended, Watchers, ended

PLANNING = Stage(name="planning", detail="book.md")
NARRATING = Stage(name="narrating", detail="")
SPOKEN = SegmentSpoken(job="j1", segment=0, seconds=0.1, sha256="ab", attempts=1)
CHILD = ChildState(life=1, state="ready", why="", signal=None, memory={})


def progress(segment: int) -> Progress:
    return Progress(
        job="j1",
        segment=segment,
        segments=9,
        chapter=1,
        chapters=1,
        title="",
        audio_seconds=0.0,
        wall_seconds=0.0,
        speed=None,
        eta_seconds=None,
        recycles=0,
        deaths=0,
    )


def view(state: JobState, *, failed: int = 0, error: str | None = None) -> JobView:
    return JobView(
        job="j1", state=state, segments=2, done=1, failed=failed, seconds=0.1, outputs=[], error=error
    )


@pytest.mark.parametrize(
    ("how", "error", "wanted"),
    [
        (view("done"), None, Ended(exit_code=0)),
        (view("done", failed=1), None, Ended(exit_code=3)),
        (view("failed", error="mute"), InputError("mute"), Ended(exit_code=1, message="mute")),
        (view("failed", error="mute"), None, Ended(exit_code=1, message="mute")),
        (view("parked"), DiskFull("full"), Ended(exit_code=75, message="full")),
        (view("parked", error="stopped"), None, Ended(exit_code=75, message="stopped")),
        (view("cancelled"), Interrupted("cancelled"), Ended(exit_code=1, message="job j1 was cancelled")),
        (view("failed"), SupervisorError("bug"), Ended(exit_code=1, message="bug")),
    ],
)
def test_a_job_ends_as_the_command_would(how: JobView, error: SupervisorError | None, wanted: Ended) -> None:
    assert ended(how, error) == wanted


def test_who_comes_late_hears_where_the_job_is_and_then_everything() -> None:
    async def watch() -> list[Note]:
        watchers, heard = Watchers(), list[Note]()
        watchers.begin("j1")
        for note in (PLANNING, NARRATING, progress(1), SPOKEN, progress(2)):
            watchers.tell("j1", note)
        watching = asyncio.ensure_future(watchers.watch("j1", heard.append))
        await asyncio.sleep(0)
        watchers.tell("j1", SPOKEN)
        watchers.tell("j2", PLANNING)
        watchers.tell_all(CHILD)
        watchers.over("j1")
        watchers.tell_all(CHILD)
        watchers.end("j1", Ended(exit_code=3))
        watchers.end("j1", Ended(exit_code=0))
        assert await watching == Ended(exit_code=3)
        return heard

    assert asyncio.run(watch()) == [NARRATING, progress(2), SPOKEN, CHILD]


def test_one_that_waits_hears_nothing_of_the_child_that_speaks_for_others() -> None:
    async def watch() -> list[Note]:
        watchers, heard = Watchers(), list[Note]()
        watching = asyncio.ensure_future(watchers.watch("j1", heard.append))
        await asyncio.sleep(0)
        watchers.tell_all(CHILD)
        watchers.begin("j1")
        watchers.tell_all(Notice(level="warning", name="disk", text="nearly full"))
        watchers.end_all(Ended(exit_code=78, message="a crash loop"))
        assert await watching == Ended(exit_code=78, message="a crash loop")
        return heard

    assert [type(note) for note in asyncio.run(watch())] == [Notice]


def test_who_leaves_is_told_no_more_and_others_are() -> None:
    async def watch() -> tuple[list[Note], list[Note]]:
        watchers = Watchers()
        one, other = list[Note](), list[Note]()
        leaving = asyncio.ensure_future(watchers.watch("j1", one.append))
        staying = asyncio.ensure_future(watchers.watch("j1", other.append))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        watchers.tell("j1", SPOKEN)
        watchers.end("j1", Ended(exit_code=0))
        await staying
        watchers.tell("j1", SPOKEN)
        return one, other

    assert asyncio.run(watch()) == ([], [SPOKEN])


def test_children_are_counted_while_the_job_is_in_hand_not_since_the_service_began() -> None:
    def gone(*, planned: bool, recycled: bool = False) -> ChildState:
        return ChildState(
            life=1, state="gone", why="", signal=None, memory={}, planned=planned, recycled=recycled
        )

    async def watch() -> list[Note]:
        watchers, heard = Watchers(), list[Note]()
        watchers.tell_all(gone(planned=False))
        watchers.begin("j1")
        watching = asyncio.ensure_future(watchers.watch("j1", heard.append))
        await asyncio.sleep(0)
        for note in (gone(planned=True, recycled=True), gone(planned=False), gone(planned=True), CHILD):
            watchers.tell_all(note)
        watchers.tell("j1", replace(progress(1), recycles=40, deaths=9))
        watchers.end("j1", Ended(exit_code=0))
        await watching
        return heard

    (last,) = [note for note in asyncio.run(watch()) if isinstance(note, Progress)]
    assert (last.recycles, last.deaths) == (1, 1)
