"""Notes as log events."""

import json

import pytest

from supervisor.core.notes import ChildState, Note, Notice, Progress, SegmentSpoken, SegmentTrouble, Stage
from supervisor.log import Log
from supervisor.loop.logged import log_note


def gone(*, planned: bool) -> ChildState:
    return ChildState(
        life=2,
        state="gone",
        why="w",
        signal=None,
        memory={"host_private": 5},
        planned=planned,
        pid=77,
        ending="hung",
    )


def trouble(*, final: bool) -> SegmentTrouble:
    return SegmentTrouble(job="j", segment=3, kind="oom", message="m", attempts=1, final=final)


@pytest.mark.parametrize(
    ("note", "event", "level"),
    [
        (gone(planned=True), "child.state", "info"),
        (gone(planned=False), "child.state", "warning"),
        (SegmentSpoken(job="j", segment=1, seconds=1.5, sha256="a", attempts=1), "segment.done", "debug"),
        (trouble(final=False), "segment.failed", "warning"),
        (trouble(final=True), "segment.set_aside", "warning"),
        (Stage(name="planning", detail="x"), "job.state", "info"),
        (Notice(level="error", name="n", text="t"), "notice", "error"),
    ],
)
def test_a_note_is_logged_as_its_event(note: Note, event: str, level: str) -> None:
    lines: list[str] = []
    log_note(Log(format="json", level="debug", write=lines.append), note)
    (line,) = map(json.loads, lines)
    assert (line["event"], line["level"]) == (event, level)


def test_a_child_state_is_logged_with_its_pid_and_its_memory() -> None:
    lines: list[str] = []
    log_note(Log(format="json", level="debug", write=lines.append), gone(planned=True))
    line = json.loads(lines[0])
    assert (line["pid"], line["host_private"], line["life"], line["ending"]) == (77, 5, 2, "hung")
    assert line["reason"] is None


def test_progress_is_for_people_alone() -> None:
    lines: list[str] = []
    note = Progress(
        job="j",
        segment=1,
        segments=2,
        chapter=1,
        chapters=1,
        title="t",
        audio_seconds=1.0,
        wall_seconds=1.0,
        speed=1.0,
        eta_seconds=1.0,
        recycles=0,
        deaths=0,
    )
    log_note(Log(format="json", level="debug", write=lines.append), note)
    assert lines == []
