import pytest

from supervisor.core.notes import ChildState, SegmentSpoken
from supervisor.core.obituary import Ending, Reason
from supervisor.doors.http.counters import ENDINGS, REASONS, Counters


def gone(ending: Ending, *, life: int = 1, reason: Reason | None = None) -> ChildState:
    return ChildState(
        life=life, state="gone", why="w", signal=None, memory={}, ending=ending, reason=reason, how="h"
    )


def ready(life: int = 1) -> ChildState:
    return ChildState(life=life, state="ready", why="", signal=None, memory={})


@pytest.mark.parametrize("ending", ENDINGS)
def test_each_way_in_which_a_life_can_end_is_counted_as_itself(ending: Ending) -> None:
    counters = Counters()
    counters.note(gone(ending))
    assert counters.lives == dict.fromkeys(ENDINGS, 0) | {ending: 1}
    assert sum(counters.recycles.values()) == 0


@pytest.mark.parametrize("reason", REASONS)
def test_a_recycle_is_counted_by_its_reason(reason: Reason) -> None:
    counters = Counters()
    counters.note(gone("recycled", reason=reason))
    assert counters.recycles == dict.fromkeys(REASONS, 0) | {reason: 1}
    assert counters.lives["recycled"] == 1


def test_what_is_no_end_is_not_counted() -> None:
    counters = Counters()
    counters.note(ready(1))
    counters.note(SegmentSpoken(job="j", segment=0, seconds=1.0, sha256="", attempts=1))
    counters.note(ChildState(life=1, state="gone", why="of an earlier version", signal=None, memory={}))
    assert sum(counters.lives.values()) == 0


def test_a_respawn_takes_from_an_end_to_the_next_readiness() -> None:
    now = [0.0]
    counters = Counters(lambda: now[0])
    counters.note(ready(1))
    now[0] = 10.0
    counters.note(gone("crashed", life=1))
    now[0] = 10.3
    counters.note(ready(2))
    assert counters.respawn_s == pytest.approx(0.3)
    assert counters.respawns == [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1]


def test_neither_a_successor_that_was_there_nor_a_rest_is_a_respawn() -> None:
    now = [0.0]
    counters = Counters(lambda: now[0])
    counters.note(ready(1))
    counters.note(ready(2))
    counters.note(gone("recycled", life=1, reason="asked"))
    now[0] = 50.0
    counters.note(gone("finished", life=2))
    now[0] = 900.0
    counters.note(ready(3))
    assert (counters.respawns[-1], counters.respawn_s) == (0, 0.0)
