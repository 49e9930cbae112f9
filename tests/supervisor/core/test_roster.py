import math

from supervisor.core.lifecycle import Event
from supervisor.core.roster import Roster
from supervisor.core.slot import SlotTimes

TIMES = SlotTimes(start_s=10.0, release_s=1.0, term_s=1.0)


def test_lives_are_numbered_from_one_whoever_they_are_for() -> None:
    roster = Roster(TIMES)
    assert (list(roster), roster.of(0), roster.deadline_s) == ([], None, math.inf)
    first = roster.begin_current()
    second = roster.begin_successor()
    assert (first.life, second.life, roster.lives) == (1, 2, 2)


def test_who_has_the_work_stands_first_and_who_has_no_process_stands_nowhere() -> None:
    roster = Roster(TIMES)
    first, second = roster.begin_current(), roster.begin_successor()
    assert list(roster) == []
    second.slot.take(Event.START_DUE, 5.0)
    assert list(roster) == [second]
    first.slot.take(Event.START_DUE, 3.0)
    assert list(roster) == [first, second]
    assert (roster.of(1), roster.of(2), roster.of(3)) == (first, second, None)
    assert roster.deadline_s == 13.0


def test_a_hand_over_keeps_the_old_one_until_it_is_gone() -> None:
    roster = Roster(TIMES)
    first, second = roster.begin_current(), roster.begin_successor()
    for post in (first, second):
        post.slot.take(Event.START_DUE, 0.0)
    assert not roster.has_leaving
    assert roster.hand_over() == (first, second)
    assert (roster.current, roster.successor, roster.has_leaving) == (second, None, True)
    assert list(roster) == [second, first]
    first.slot.take(Event.EXITED, 1.0)
    roster.forget(first)
    assert (list(roster), roster.has_leaving) == ([second], False)
    roster.forget(second)  # who has the work keeps its place until the next one takes it
    assert roster.current is second


def test_a_successor_of_one_that_died_takes_an_empty_place() -> None:
    roster = Roster(TIMES)
    roster.begin_current()
    second = roster.begin_successor()
    roster.hand_over()
    assert (roster.current, roster.has_leaving) == (second, False)


def test_a_successor_that_failed_is_forgotten() -> None:
    roster = Roster(TIMES)
    roster.begin_current()
    roster.forget(roster.begin_successor())
    assert roster.successor is None
