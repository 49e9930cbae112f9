"""What the parts of the conductor share."""

from supervisor.core.actions import Tell
from supervisor.core.desk import Desk
from supervisor.core.lifecycle import Event, State
from supervisor.core.notes import ChildState, Notice
from tests.supervisor.core.ground import terms


def desk() -> Desk:
    return Desk(terms())


def told(one: Desk) -> list[object]:
    return [action.note for action in one.late if isinstance(action, Tell)]


def test_something_is_said_once_in_a_run_and_nothing_is_not_said() -> None:
    one = desk()
    for text in ("the driver is absent", "the driver is absent", None):
        one.once("device.unknown", text)
    assert told(one) == [Notice(level="warning", name="device.unknown", text="the driver is absent")]


def test_the_first_reason_to_end_the_run_stands() -> None:
    one = desk()
    one.end("stopped", "by a signal")
    one.end("full", "the disk")
    assert one.ending is not None
    assert (one.ending.ending, one.ending.why) == ("stopped", "by a signal")
    assert one.why(one.roster.begin_current()) == "by a signal"


def test_only_one_without_work_can_be_sent_away() -> None:
    one = desk()
    one.dismiss(None, 0.0)
    post = one.roster.begin_current()
    one.dismiss(post, 0.0)  # nobody there
    one.spawn(post, 0.0)
    one.dismiss(post, 1.0)
    assert post.state is State.TERMINATING
    assert post.wish is not None
    assert (post.wish.wish, post.wish.why) == ("over", "no work")
    speaking = one.roster.begin_successor()
    for event in (Event.START_DUE, Event.READY, Event.HAND_OUT):
        speaking.slot.take(event, 1.0)
    one.dismiss(speaking, 2.0)
    assert speaking.state is State.SPEAKING


def test_figures_of_memory_are_told_of_the_one_that_is_weighed_alone() -> None:
    one = desk()
    one.counsel.panel.figures()
    one.roster.begin_current()
    one.tell_child(one.roster.begin_successor(), "starting", "")
    (note,) = told(one)
    assert isinstance(note, ChildState)
    assert (note.life, note.memory) == (2, {})
