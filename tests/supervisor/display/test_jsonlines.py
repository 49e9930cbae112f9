import io
import json
import os

from supervisor.core.notes import ChildState, Note, Notice, Progress, SegmentSpoken, SegmentTrouble, Stage
from supervisor.display.jsonlines import JsonLines, notification

PROGRESS = Progress(
    job="j1",
    segment=1,
    segments=2,
    chapter=1,
    chapters=1,
    title="T",
    audio_seconds=1.0,
    wall_seconds=2.0,
    speed=None,
    eta_seconds=None,
    recycles=0,
    deaths=0,
)
TROUBLE = SegmentTrouble(job="j1", segment=1, kind="oom", message="m", attempts=3, final=True)


def test_the_names_and_fields_are_those_of_the_contract() -> None:
    spoken = SegmentSpoken(job="j1", segment=0, seconds=1.5, sha256="ab", attempts=1)
    gone = ChildState(
        life=2, state="gone", why="killed", signal="SIGKILL", memory={"host_private": 9}, ending="killed"
    )
    replaced = ChildState(
        life=3, state="gone", why="leak: …", signal=None, memory={}, ending="recycled", reason="leak"
    )
    ready = ChildState(life=2, state="ready", why="", signal=None, memory={})
    assert [notification(note) for note in (PROGRESS, spoken, gone, ready, replaced)] == [
        {
            "jsonrpc": "2.0",
            "method": "progress",
            "params": {
                "job": "j1",
                "segment": 1,
                "segments": 2,
                "audio_seconds": 1.0,
                "wall_seconds": 2.0,
                "eta_seconds": None,
            },
        },
        {
            "jsonrpc": "2.0",
            "method": "job/segment",
            "params": {"job": "j1", "segment": 0, "seconds": 1.5, "sha256": "ab", "attempts": 1},
        },
        {
            "jsonrpc": "2.0",
            "method": "child/state",
            "params": {
                "life": 2,
                "state": "gone",
                "why": "killed",
                "signal": "SIGKILL",
                "ending": "killed",
                "memory": {"host_private": 9},
            },
        },
        {
            "jsonrpc": "2.0",
            "method": "child/state",
            "params": {"life": 2, "state": "ready", "why": "", "memory": {}},
        },
        {
            "jsonrpc": "2.0",
            "method": "child/state",
            "params": {
                "life": 3,
                "state": "gone",
                "why": "leak: …",
                "ending": "recycled",
                "reason": "leak",
                "memory": {},
            },
        },
    ]


def test_what_is_for_eyes_goes_to_the_eyes() -> None:
    out, told = io.StringIO(), list[str]()
    display = JsonLines(out, told.append)
    notes: list[Note] = [
        Stage(name="planning", detail="a.txt"),
        Notice(level="info", name="n", text="info"),
        Notice(level="warning", name="n", text="careful"),
        TROUBLE,
    ]
    for note in notes:
        display.show(note)
    display.close()
    assert out.getvalue() == ""
    assert told == ["warning: careful", "segment 2: attempt 3 failed (oom): m; set aside"]


def test_each_note_is_one_line_and_there_at_once() -> None:
    out = io.StringIO()
    JsonLines(out, list[str]().append).show(PROGRESS)
    assert out.getvalue().count("\n") == 1
    assert json.loads(out.getvalue())["method"] == "progress"


def test_a_reader_that_left_is_no_error() -> None:
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    out = os.fdopen(write_fd, "w")
    display = JsonLines(out, list[str]().append)
    display.show(PROGRESS)
    display.show(PROGRESS)
    os.dup2(os.open(os.devnull, os.O_WRONLY), write_fd)
    out.close()
