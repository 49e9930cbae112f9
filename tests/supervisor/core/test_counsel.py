"""What the panel is told of, and how what it decides is passed on."""

from typing import Literal

import msgspec
import pytest

from supervisor.core import actions as do
from supervisor.core.counsel import UNIT_SEGMENTS, Counsel
from supervisor.core.notes import MemoryDecision
from supervisor.core.readings import DeviceUnknown, HostReading
from supervisor.core.segments import WaitingSegment
from supervisor.core.traces import Asked, Boundary, Decided, LifeEnded, LifeReady, Reading, SegmentEnd
from supervisor.wire import messages as say
from tests.supervisor.core.ground import HARD, SOFT, TOTAL, segment, terms
from tests.supervisor.core.makebelieve import Child
from tests.supervisor.core.steps import device

CALM = say.Vitals(host_private_bytes=10)


def ready(vitals: say.Vitals = CALM, *, uses_device: bool = False) -> say.Ready:
    child = Child(1)
    child.greeting()
    child.hear(terms().hello)
    message = child.ready(vitals, uses_device=uses_device)
    assert isinstance(message, say.Ready)
    return message


@pytest.fixture
def counsel() -> Counsel:
    return Counsel(terms(max_segments=0).memory)


def ending(number: int, what: Literal["chapter", "paragraph", ""]) -> WaitingSegment:
    one = segment(number)
    return msgspec.structs.replace(one, ends_chapter=what == "chapter", ends_paragraph=what != "")


def recorded(counsel: Counsel) -> list[object]:
    return [action.record for action in counsel.drain_actions() if isinstance(action, do.Trace)]


def test_every_record_of_the_panels_is_asked_to_be_recorded_in_order(counsel: Counsel) -> None:
    counsel.life_begins(1, ready(), 1.0)
    host = HostReading(total_bytes=TOTAL, available_bytes=50, child_private_bytes=11)
    counsel.read(host, device(30, 20, pid=1001), pid=1001, at_s=2.0)
    counsel.handed_out(segment(0), 3.0)
    counsel.segment_over(ending(0, "chapter"), audio_s=1.5, vitals=CALM, at_s=4.0)
    counsel.released(CALM, 0.1, 5.0)
    counsel.life_ended(1, "over", 6.0)
    records = recorded(counsel)
    assert [type(one).__name__ for one in records] == [
        "LifeReady",
        "Reading",
        "SegmentBegin",
        "SegmentEnd",
        "Boundary",
        "Released",
        "LifeEnded",
    ]
    begun, read, _, end, boundary, _, ended = records
    assert isinstance(begun, LifeReady)
    assert begun.vitals is not None
    assert begun.vitals.host_private == 10
    assert isinstance(read, Reading)
    assert (read.device_used, read.child_device, read.child_host, read.host_total) == (30, 20, 11, TOTAL)
    assert isinstance(end, SegmentEnd)
    assert (end.chars, end.seconds) == (len(segment(0).text), 1.5)
    assert boundary == Boundary(t=4.0, what="chapter")
    assert ended == LifeEnded(t=6.0, life=1, why="over")
    assert counsel.drain_actions() == []


def test_a_share_of_another_process_is_nobodys_and_an_unknown_device_has_no_figures(counsel: Counsel) -> None:
    counsel.life_begins(1, ready(), 1.0)
    counsel.read(None, device(30, 20, pid=7), pid=1001, at_s=2.0)
    assert counsel.device is not None
    counsel.read(None, DeviceUnknown(kind="hung", text="no answer"), pid=1001, at_s=3.0)
    assert counsel.device is None
    _, of_another, unknown = recorded(counsel)
    assert isinstance(of_another, Reading)
    assert (of_another.device_used, of_another.child_device) == (30, None)
    assert unknown == Reading(t=3.0)


def test_a_long_stretch_without_a_paragraphs_end_is_cut_into_units(counsel: Counsel) -> None:
    counsel.life_begins(1, ready(), 0.0)
    for number in range(2 * UNIT_SEGMENTS + 1):
        counsel.segment_over(segment(number), audio_s=1.0, vitals=CALM, at_s=float(number))
    counsel.segment_over(ending(99, "paragraph"), audio_s=1.0, vitals=CALM, at_s=100.0)
    boundaries = [one for one in recorded(counsel) if isinstance(one, Boundary)]
    assert [(one.what, one.t) for one in boundaries] == [
        ("sentence", float(UNIT_SEGMENTS - 1)),
        ("sentence", float(2 * UNIT_SEGMENTS - 1)),
        ("paragraph", 100.0),
    ]


def test_what_was_decided_is_told_recorded_and_remembered() -> None:
    counsel = Counsel(terms(max_segments=1).memory)
    counsel.life_begins(4, ready(), 0.0)
    decisions = counsel.segment_over(segment(0), audio_s=1.0, vitals=CALM, at_s=1.0)
    assert [(one.action, one.policy) for one in decisions] == [("drain", "clock")]
    assert list(counsel.decided) == decisions
    actions = counsel.drain_actions()
    assert [one.note for one in actions if isinstance(one, do.Tell)] == [
        MemoryDecision(life=4, action="drain", policy="clock", why=decisions[0].why, memory=counsel.figures())
    ]
    told = [one.record for one in actions if isinstance(one, do.Trace) and isinstance(one.record, Decided)]
    assert told == [Decided(t=1.0, action="drain", policy="clock", why=decisions[0].why)]


def test_a_text_that_is_held_back_is_recorded_with_its_outlook() -> None:
    counsel = Counsel(terms().memory)
    counsel.life_begins(1, ready(uses_device=True), 0.0)
    counsel.read(None, device(20, 20), pid=1001, at_s=0.0)
    for number, chars in enumerate([9, 30, 60, 120]):
        spoken = msgspec.structs.replace(segment(number), text="x" * chars)
        assert counsel.ask([spoken], float(number)) == []
        counsel.handed_out(spoken, float(number))
        vitals = say.Vitals(
            host_private_bytes=10, live_bytes=20, reserved_bytes=20, peak_bytes=20 + chars // 8
        )
        counsel.segment_over(spoken, audio_s=1.0, vitals=vitals, at_s=number + 0.5)
    long = msgspec.structs.replace(segment(9), text="x" * 1000)
    (refused,) = counsel.ask([long, ending(10, "paragraph"), segment(11)], 9.0)
    assert (refused.action, refused.scope) == ("refuse", "text")
    asked = [one for one in recorded(counsel) if isinstance(one, Asked)]
    assert asked == [Asked(t=9.0, chars=(1000, len(segment(10).text)))]


def test_marks_are_told_as_far_as_they_are_known(counsel: Counsel) -> None:
    counsel.life_begins(1, ready(uses_device=True), 0.0)
    assert counsel.marks() == {"host_soft": SOFT, "host_hard": HARD}
    counsel.read(None, device(30, 20), pid=1001, at_s=1.0)
    assert counsel.marks() == {
        "host_soft": SOFT,
        "host_hard": HARD,
        "device_soft": SOFT,
        "device_hard": HARD,
    }
    assert counsel.held.device_bytes == 20
    assert counsel.thoughts()
