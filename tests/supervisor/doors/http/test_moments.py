"""What is told has figures, and no word of a text."""

import msgspec
import pytest

from supervisor.core.notes import ChildState, MemoryDecision, Notice, Progress, SegmentTrouble
from supervisor.core.obituary import Ending
from supervisor.doors.http.moments import (
    ToldProgress,
    broom_moment,
    moment_of,
    told_job,
    told_progress,
    told_status,
)
from supervisor.edge.ledger_values import JobView
from supervisor.loop.chronicle import MOST_CHARS, Began, Decided, Ended, GaveBack
from supervisor.loop.health import Ailment, AilmentKind
from supervisor.loop.service import GivenBack, JobStatus, LifeStatus, ServiceState, Status, Totals
from supervisor.loop.sights import BroomUsed

SECRET = "the butler did it"
VIEW = JobView(
    job="j1", state="failed", segments=9, done=4, failed=1, seconds=1.23456, outputs=[], error=SECRET
)


def gone(ending: Ending, why: str) -> ChildState:
    return ChildState(
        life=2, state="gone", why=why, signal=None, memory={}, how="exited with 1", segments=7, ending=ending
    )


def status(state: ServiceState = "narrating", why: str = "", *health: Ailment) -> Status:
    life = LifeStatus(life=1, ended="exited", why=SECRET, segments=1)
    job = JobStatus(job="j1", segment=1, segments=2, output="/srv/night/book.wav")
    return Status(
        state=state, why=why, health=list(health), child=None, queue=1, lives=[life], totals=Totals(), job=job
    )


def ailment(kind: AilmentKind, words: str) -> Ailment:
    return Ailment(kind=kind, words=words, mend="mend it", since="", stops=True)


def test_lives_and_decisions_are_moments() -> None:
    ready = ChildState(life=2, state="ready", why="", signal=None, memory={})
    assert moment_of(ready, 5.0) == Began(at=5.0, life=2)
    recycled = gone("recycled", "leak: it grows")
    assert moment_of(recycled, 5.0) == Ended(
        at=5.0,
        life=2,
        how="exited with 1",
        why="leak: it grows",
        ending="recycled",
        reason="",
        segments=7,
    )
    decided = MemoryDecision(life=2, action="clean", policy="watermark", why="x" * 999, memory={})
    assert moment_of(decided, 5.0) == Decided(
        at=5.0, life=2, policy="watermark", action="clean", why="x" * MOST_CHARS
    )


@pytest.mark.parametrize(
    "note",
    [
        ChildState(life=2, state="dying", why="", signal=None, memory={}),
        Notice(level="error", name="job", text=SECRET),
        SegmentTrouble(job="j1", segment=1, kind="oom", message=SECRET, attempts=1, final=True),
    ],
)
def test_nothing_else_is_one(note: ChildState | Notice | SegmentTrouble) -> None:
    assert moment_of(note, 5.0) is None


@pytest.mark.parametrize("ending", ["exited", "crashed", "killed", "broken"])
def test_what_a_child_said_before_it_died_is_not_told(ending: Ending) -> None:
    moment = moment_of(gone(ending, f"exited with 1: cannot speak {SECRET!r}"), 5.0)
    assert isinstance(moment, Ended)
    assert (moment.how, moment.why, moment.ending) == ("exited with 1", "", ending)


def test_what_the_broom_gave_back_is_told_or_why_it_could_not() -> None:
    gave = GivenBack(before_bytes=9, after_bytes=4, took_s=0.5, of="device")
    assert broom_moment(BroomUsed(what="clean", gave=gave), 5.0) == GaveBack(
        at=5.0, what="clean", of="device", before_bytes=9, after_bytes=4, took_s=0.5
    )
    assert broom_moment(BroomUsed(what="recycle", error="no child"), 5.0) == GaveBack(
        at=5.0, what="recycle", error="no child"
    )


def test_a_job_is_told_by_name_and_figures_and_its_error_is_not() -> None:
    note = Progress(
        job="j1",
        segment=4,
        segments=9,
        chapter=2,
        chapters=3,
        title=SECRET,
        audio_seconds=1.5,
        wall_seconds=2.5,
        speed=0.6,
        eta_seconds=None,
        recycles=0,
        deaths=0,
    )
    progress = told_progress(note)
    assert progress == ToldProgress(
        chapter=2, chapters=3, audio_seconds=1.5, wall_seconds=2.5, speed=0.6, eta_seconds=None
    )
    told = told_job(VIEW, output="/srv/night/book/", is_audible=True, progress=progress)
    assert (told.name, told.seconds, told.has_error, told.is_audible) == ("book", 1.235, True, True)
    text = msgspec.json.encode(told).decode()
    assert SECRET not in text
    assert "/srv/night" not in text


def test_a_status_is_told_without_lives_paths_and_a_childs_words() -> None:
    said = f"child life 3 ended: exited with 1: {SECRET}"
    told = told_status(status("recycling", said, ailment("child_died", said)))
    assert (told.state, told.why, told.health[0].words) == ("recycling", "the child ended", "the child ended")
    assert told.health[0].mend == "mend it"
    assert told.lives == []
    assert told.job == JobStatus(job="j1", segment=1, segments=2)
    poisoned = told_status(status("narrating", "", ailment("child_poisoned", SECRET)))
    gave_up = told_status(status("gave_up", f"it crashed: {SECRET}"))
    assert SECRET not in f"{poisoned}{gave_up}"


def test_what_ails_the_machine_is_told_in_its_words() -> None:
    full = ailment("disk_full", "no room in /var")
    told = told_status(status("paused", full.words, full))
    assert (told.why, told.health) == (full.words, [full])
    assert told_status(status("paused", "others hold the GPU")).why == "others hold the GPU"
