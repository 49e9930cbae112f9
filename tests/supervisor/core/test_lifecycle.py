import itertools

import pytest

from supervisor.core.lifecycle import TABLE, WITH_SEGMENT, Do, Event, State, draw

S, E = State, Event

#: Pairs that change nothing, and why: what is not in the table must be here.
IGNORED: dict[State, set[Event]] = {
    # There is no process: nothing can come of it, and nothing can be wanted of it.
    S.ABSENT: set(E) - {E.START_DUE},
    # It holds no work, and cannot be asked for anything yet.
    S.STARTING: {E.START_DUE, E.HAND_OUT, E.SEGMENT_OVER, E.RELEASE_WANTED, E.RELEASED},
    # It has no deadline and no work.
    S.IDLE: {E.START_DUE, E.READY, E.SEGMENT_OVER, E.RELEASED, E.STALLED, E.OUT_OF_TIME},
    # One thing at a time; a segment has its own clock.
    S.SPEAKING: {E.START_DUE, E.READY, E.HAND_OUT, E.RELEASE_WANTED, E.RELEASED, E.OUT_OF_TIME},
    S.DRAINING: set(E) - {E.SEGMENT_OVER, E.STALLED, E.END_WANTED, E.EXITED},
    S.RELEASING: {E.START_DUE, E.READY, E.HAND_OUT, E.SEGMENT_OVER, E.RELEASE_WANTED, E.STALLED},
    # It is on its way out: only how fast can change.
    S.LEAVING: set(E) - {E.OUT_OF_TIME, E.END_WANTED, E.EXITED},
    S.TERMINATING: set(E) - {E.OUT_OF_TIME, E.END_WANTED, E.EXITED},
    S.DUMPING: set(E) - {E.OUT_OF_TIME, E.END_WANTED, E.EXITED},
    S.DYING: set(E) - {E.OUT_OF_TIME, E.EXITED},
    S.STUCK: set(E) - {E.EXITED},
}


def test_every_pair_is_handled_or_ignored_but_not_both() -> None:
    ignored = {(state, event) for state, events in IGNORED.items() for event in events}
    assert TABLE.keys() | ignored == set(itertools.product(State, Event))
    assert not TABLE.keys() & ignored


def test_a_process_is_started_only_where_there_is_none() -> None:
    spawns = [pair for pair, (_, todo) in TABLE.items() if Do.SPAWN in todo]
    assert spawns == [(S.ABSENT, E.START_DUE)]


def test_only_an_exit_empties_the_slot_and_it_always_does() -> None:
    empties = {pair for pair, (after, _) in TABLE.items() if after is S.ABSENT}
    assert empties == {(state, E.EXITED) for state in State if state is not S.ABSENT}
    assert all(TABLE[pair][1] == (Do.BURY,) for pair in empties)


@pytest.mark.parametrize("state", [state for state in State if state is not S.ABSENT])
def test_out_of_every_state_time_alone_leads_to_the_kill(state: State) -> None:
    # IDLE and a segment in hand have no deadline of their own: the conductor asks or the stall clock does.
    pushes = {S.IDLE: E.LEAVE_WANTED, S.SPEAKING: E.STALLED, S.DRAINING: E.STALLED}
    seen = [state]
    while seen[-1] not in (S.DYING, S.STUCK):
        seen.append(TABLE[seen[-1], pushes.get(seen[-1], E.OUT_OF_TIME)][0])
        assert len(seen) < len(State)
    assert TABLE[S.DYING, E.OUT_OF_TIME] == (S.STUCK, (Do.REPORT_STUCK,))


def test_a_segment_is_in_hand_from_its_hand_out_until_it_is_over() -> None:
    entered = {after for (_, event), (after, _) in TABLE.items() if event is E.HAND_OUT}
    over = {state for state, event in TABLE if event is E.SEGMENT_OVER}
    assert entered <= over == WITH_SEGMENT


def test_every_state_is_reached() -> None:
    reached = {S.ABSENT}
    while more := {after for (state, _), (after, _) in TABLE.items() if state in reached} - reached:
        reached |= more
    assert reached == set(State)


def test_the_drawing_has_a_line_for_each_row() -> None:
    lines = draw().splitlines()
    assert len(lines) == len(TABLE)
    assert lines[0].split() == ["ABSENT", "START_DUE", "->", "STARTING", "SPAWN"]
    assert "STARTING     READY           -> IDLE         -" in lines
