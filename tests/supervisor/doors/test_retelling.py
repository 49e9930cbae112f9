"""A note that goes over a wire is the same note at the other end."""

from typing import get_args

import msgspec
import pytest

from supervisor.core.notes import (
    ChildState,
    MemoryDecision,
    Note,
    Notice,
    Progress,
    SegmentSpoken,
    SegmentTrouble,
    Stage,
)
from supervisor.doors.retelling import Told, note_of, told_of

NOTES: list[Note] = [
    Stage(name="planning", detail="book.md"),
    Progress(
        job="j1",
        segment=1,
        segments=9,
        chapter=1,
        chapters=2,
        title="One",
        audio_seconds=1.5,
        wall_seconds=0.5,
        speed=None,
        eta_seconds=4.0,
        recycles=1,
        deaths=0,
    ),
    SegmentSpoken(job="j1", segment=0, seconds=0.1, sha256="ab", attempts=2),
    SegmentTrouble(job="j1", segment=0, kind="quality", message="silent", attempts=3, final=True),
    ChildState(
        life=2,
        state="gone",
        why="w",
        signal="SIGSEGV",
        memory={"host_private": 4},
        segments=7,
        ending="crashed",
    ),
    MemoryDecision(life=2, action="flag", policy="leak", why="it grows", memory={"device_used": 9}),
    Notice(level="warning", name="door", text="«shut»"),
]


@pytest.mark.parametrize("note", NOTES, ids=lambda note: type(note).__name__)
def test_it_comes_back_as_it_was(note: Note) -> None:
    line = msgspec.json.encode(told_of("j1", note))
    assert note_of(msgspec.json.decode(line, type=Told)) == note


def test_every_kind_of_note_is_told() -> None:
    assert {type(note) for note in NOTES} == set(get_args(Note))


@pytest.mark.parametrize("text", [b'{"name":"dancing","detail":""}', b"{}", b"[]"])
def test_what_this_version_does_not_know_is_passed_over(text: bytes) -> None:
    assert note_of(Told(job="j1", kind="stage", note=msgspec.Raw(text))) is None
    assert note_of(Told(job="j1", kind="of a later version", note=msgspec.Raw(b"{}"))) is None


def test_an_end_that_has_a_word_of_a_later_version_is_told_without_it() -> None:
    text = b'{"life": 2, "state": "gone", "why": "w", "signal": null, "memory": {}, "planned": true'
    known = ChildState(life=2, state="gone", why="w", signal=None, memory={}, planned=True)
    for word in (b', "ending": "evicted"}', b', "ending": "recycled", "reason": "moon"}', b', "age": 3}'):
        assert note_of(Told(job="j1", kind="child", note=msgspec.Raw(text + word))) == known
    assert note_of(Told(job="j1", kind="child", note=msgspec.Raw(b'{"life": "two"}'))) is None
    assert note_of(Told(job="j1", kind="child", note=msgspec.Raw(b"[]"))) is None
