import dataclasses
from typing import get_args

import pytest

from supervisor.core import notes
from supervisor.core.death import Death
from supervisor.core.notes import ChildState, Note, Notice, Progress, SegmentSpoken
from tests.supervisor.core.world import World


def test_every_note_is_in_the_union_and_none_can_be_changed() -> None:
    classes = {thing for thing in vars(notes).values() if dataclasses.is_dataclass(thing)}
    assert classes == set(get_args(Note))
    note = Notice(level="info", name="", text="")
    with pytest.raises(dataclasses.FrozenInstanceError):
        note.text = "changed"  # pyright: ignore[reportAttributeAccessIssue] -- that is what is tested


def test_a_run_tells_each_step_of_its_child_and_each_segment() -> None:
    world = World(["a", "b"])
    world.behave()
    world.behave()
    world.dies(Death(signal=11))
    world.run_on()
    states = [note for note in world.notes if isinstance(note, ChildState)]
    assert [(note.life, note.state) for note in states] == [
        (1, "starting"),
        (1, "ready"),
        (1, "gone"),
        (2, "starting"),
        (2, "ready"),
        (2, "leaving"),
        (2, "gone"),
    ]
    assert [note.pid for note in states] == [1001] * 3 + [1002] * 4
    gone = [note for note in states if note.state == "gone"]
    assert [(note.planned, note.signal, note.why) for note in gone] == [
        (False, "SIGSEGV", "killed by SIGSEGV (segmentation fault)"),
        (True, None, "no more work"),
    ]
    assert [note.ending for note in states] == [None, None, "crashed", None, None, None, "finished"]
    assert states[1].memory == {"host_private": 10}
    spoken = [note for note in world.notes if isinstance(note, SegmentSpoken)]
    assert [(note.segment, note.attempts) for note in spoken] == [(0, 2), (1, 1)]
    last = [note for note in world.notes if isinstance(note, Progress)][-1]
    assert (last.segment, last.segments, last.deaths, last.recycles) == (2, 2, 1, 0)
