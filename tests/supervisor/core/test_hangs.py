from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.decisions import Decision
from supervisor.core.hangs import Hangs
from supervisor.core.replaying import replay
from supervisor.core.traces import (
    Asked,
    Boundary,
    LifeEnded,
    LifeReady,
    Reading,
    Record,
    Released,
    SegmentBegin,
    SegmentEnd,
    TraceVitals,
)
from tests.supervisor.core.ground import terms

FLOOR_S = 30.0
MINE = Decision(t=0.0, action="flag", policy="leak", why="")


def spoken(number: int, begin_s: float, took_s: float, *, seconds: float = 5.0) -> list[Record]:
    return [
        SegmentBegin(t=begin_s, segment=number, chars=100),
        SegmentEnd(t=begin_s + took_s, segment=number, chars=100, seconds=seconds),
    ]


def kills(records: list[Record]) -> list[tuple[float, str]]:
    found = replay(records, terms().memory, stall_s=FLOOR_S)
    return [(one.t, one.why) for one in found if one.policy == "stall"]


def readings(begin_s: float, end_s: float) -> list[Record]:
    return [Reading(t=float(at_s)) for at_s in range(int(begin_s), int(end_s))]


def test_a_text_that_does_not_end_is_killed_once_at_the_reading_that_finds_it_late() -> None:
    hung = [SegmentBegin(t=10.0, segment=2, chars=100), *readings(11, 400)]
    assert kills([LifeReady(t=0.0, life=1), *spoken(1, 1.0, 2.0), *hung]) == [
        (40.0, "no end of segment 2 for 30 s, where 30 s is the limit")
    ]


def test_what_took_long_before_may_take_long_again() -> None:
    slow = [LifeReady(t=0.0, life=1), *spoken(1, 1.0, 20.0)]
    hung = [SegmentBegin(t=30.0, segment=2, chars=100), *readings(31, 200)]
    assert [at_s for at_s, _ in kills([*slow, *hung])] == [130.0]


def test_before_a_text_was_finished_one_may_take_five_times_the_floor() -> None:
    first = [SegmentBegin(t=1.0, segment=1, chars=100), *readings(2, 500)]
    assert kills([LifeReady(t=0.0, life=1), *first]) == [
        (151.0, "no end of segment 1 for 150 s, where 150 s is the limit")
    ]
    failed = spoken(1, 1.0, 2.0, seconds=0.0)
    second = [SegmentBegin(t=5.0, segment=2, chars=9), *readings(6, 200)]
    assert [at_s for at_s, _ in kills([LifeReady(t=0.0, life=1), *failed, *second])] == [155.0]


def test_the_next_life_is_watched_anew() -> None:
    hung = [SegmentBegin(t=10.0, segment=2, chars=100), *readings(11, 60)]
    again = [LifeEnded(t=60.0, life=1), LifeReady(t=61.0, life=2), SegmentBegin(t=62.0, segment=2, chars=100)]
    records = [LifeReady(t=0.0, life=1), *spoken(1, 1.0, 2.0), *hung, *again, *readings(63, 200)]
    assert [at_s for at_s, _ in kills(records)] == [40.0, 92.0]


def test_after_the_kill_nothing_more_is_decided_for_that_life() -> None:
    hangs = Hangs(FLOOR_S)
    for record in spoken(1, 1.0, 2.0):
        assert isinstance(record, SegmentBegin | SegmentEnd)
        hangs.take(record)
    hangs.take(SegmentBegin(t=10.0, segment=2, chars=100))
    for record in (
        Boundary(t=10.0, what="x"),
        Released(t=10.0, vitals=TraceVitals()),
        Asked(t=10.0, chars=(1,)),
    ):
        hangs.take(record)
    assert hangs.over(39.0, [MINE]) == [MINE]
    kill, mine = hangs.over(40.0, [MINE])
    assert (kill.action, kill.policy, mine) == ("kill", "stall", MINE)
    assert hangs.over(41.0, [MINE]) == []
    hangs.take(LifeReady(t=50.0, life=2))
    assert hangs.over(51.0, [MINE]) == [MINE]


@given(st.lists(st.floats(0.1, 25.0), min_size=1, max_size=30))
def test_texts_that_end_below_the_floor_are_never_killed(took_s: list[float]) -> None:
    records: list[Record] = [LifeReady(t=0.0, life=1)]
    now_s = 1.0
    for number, took in enumerate(took_s):
        records += [*spoken(number, now_s, took), Reading(t=now_s + took)]
        now_s += took + 1.0
    assert kills(records) == []


def test_without_a_floor_nothing_counts_as_a_hang() -> None:
    hung = [SegmentBegin(t=10.0, segment=2, chars=100), *readings(11, 400)]
    records = [LifeReady(t=0.0, life=1), *spoken(1, 1.0, 2.0), *hung]
    assert [one for one in replay(records, terms().memory) if one.policy == "stall"] == []
