import itertools
from collections.abc import Iterable

import msgspec

from supervisor.core.traces import Boundary, Decided, LifeEnded, LifeReady, Reading, Record, SegmentBegin
from supervisor.plotting.story import (
    CHILD_DEVICE,
    DEVICE_USED,
    HOST_PRIVATE,
    LIVE,
    MOST_LIVES,
    MOST_OF_AN_ACTION,
    Story,
    Teller,
)
from tests.supervisor.nights import CARD_BYTES, GIB, LIVE_WHY, TERMS, night


def story(*traces: Iterable[Record]) -> Story:
    teller = Teller()
    for number, records in enumerate(traces):
        teller.add(f"trace {number}", records, TERMS)
    return teller.story


def decided(t: float, action: str = "drain") -> Decided:
    return Decided(t=t, action=action, policy="leak", why=LIVE_WHY)


def test_a_night_is_told_with_its_lives_levels_and_curves() -> None:
    told = story(night(segments=150))
    assert [(span.life, span.why) for span in told.lives] == [
        (1, "leak"),
        (2, "leak"),
        (3, "end of the work"),
    ]
    assert all(span.end_x > span.begin_x for span in told.lives)
    assert (told.life_count, told.segment_count) == (3, 150)
    assert [level.total_bytes for level in told.device] == [CARD_BYTES]
    assert told.device[0].limits.hard_bytes == CARD_BYTES * 95 // 100
    assert [level.total_bytes for level in told.host] == [32 * GIB]
    assert {DEVICE_USED, CHILD_DEVICE, LIVE, HOST_PRIVATE} <= told.curves.keys()


def test_recorded_and_replayed_decisions_are_told_apart() -> None:
    told = story(night(segments=150))
    assert {(mark.action, mark.origin) for mark in told.marks} >= {
        ("drain", "recorded"),
        ("flag", "replayed"),
    }
    assert [mark.why for mark in told.marks if mark.origin == "recorded"] == [LIVE_WHY] * 2


def test_a_decision_of_both_is_one_mark() -> None:
    records = list(night(segments=60, life_segments=100))
    alone = [mark for mark in story(records).marks if mark.action == "flag"]
    assert [mark.origin for mark in alone] == ["replayed"]
    at = next(number for number, record in enumerate(records) if record.t > alone[0].at_s)
    live = decided(alone[0].at_s, "flag")
    both = [mark for mark in story([*records[:at], live, *records[at:]]).marks if mark.action == "flag"]
    assert [mark.origin for mark in both] == ["both"]


def test_two_of_one_origin_are_never_taken_for_one() -> None:
    told = story([LifeReady(t=0.0, life=1), decided(1.0), decided(1.5)])
    assert [mark.origin for mark in told.marks] == ["recorded", "recorded"]


def test_runs_and_traces_follow_one_another_on_one_axis() -> None:
    one = [LifeReady(t=100.0, life=1), Reading(t=160.0, device_used=GIB)]
    told = story([*one, *one], one)
    assert [name for _, name in told.runs] == ["trace 0", "trace 0, run 2", "trace 1"]
    begins = [x for x, _ in told.runs]
    assert begins[0] == 0.0
    assert begins[1] > 60.0
    assert begins[2] > begins[1] + 60.0
    assert told.clock_s == 100.0
    assert [span.end_x - span.begin_x for span in told.lives] == [60.0] * 3
    assert [span.why for span in told.lives] == [None] * 3


def test_a_life_that_never_ended_lasts_to_the_end() -> None:
    told = story([LifeReady(t=0.0, life=1), Boundary(t=50.0, what="chapter")])
    assert [(span.begin_x, span.end_x, span.why) for span in told.lives] == [(0.0, 50.0, None)]


def test_two_lives_at_once_end_each_at_its_time() -> None:
    told = story(
        [
            LifeReady(t=0.0, life=1),
            LifeReady(t=10.0, life=2),
            LifeEnded(t=12.0, life=1, why="recycled"),
            LifeEnded(t=30.0, life=2, why="done"),
            LifeEnded(t=31.0, life=9, why="never begun"),
        ]
    )
    assert [(span.life, span.end_x) for span in told.lives] == [(1, 12.0), (2, 30.0)]


def test_another_card_has_its_own_level() -> None:
    readings = [Reading(t=float(at), device_total=total * GIB) for at, total in enumerate((8, 8, 12, 12))]
    told = story([LifeReady(t=0.0, life=1), *readings])
    assert [(level.begin_x, level.total_bytes) for level in told.device] == [(0.0, 8 * GIB), (2.0, 12 * GIB)]


def test_a_machine_that_no_reading_tells_is_the_one_of_the_terms() -> None:
    told = story([LifeReady(t=0.0, life=1), Reading(t=0.0, child_host=GIB)])
    assert [level.total_bytes for level in told.host] == [TERMS.host_total_bytes]


def test_many_decisions_of_a_kind_are_thinned_evenly_and_leave_the_others() -> None:
    count = 10 * MOST_OF_AN_ACTION
    many = [decided(2.0 * number, "clean") for number in range(count)]
    told = story([LifeReady(t=0.0, life=1), decided(0.0, "kill"), *many, decided(2.0 * count, "drain")])
    cleans = [mark.x for mark in told.marks if mark.action == "clean"]
    gaps = {after - before for before, after in itertools.pairwise(cleans)}
    assert MOST_OF_AN_ACTION / 2 < len(cleans) <= MOST_OF_AN_ACTION
    assert len(gaps) == 1
    assert told.left_out == {"clean": count - len(cleans)}
    assert {"kill", "drain"} <= {mark.action for mark in told.marks}


def test_many_lives_are_counted_though_not_all_are_drawn() -> None:
    lives = [LifeReady(t=float(number), life=number) for number in range(1, MOST_LIVES + 100)]
    told = story(lives)
    assert (len(told.lives), told.life_count) == (MOST_LIVES, MOST_LIVES + 99)


def test_where_the_trace_is_silent_nothing_is_told() -> None:
    told = story([])
    assert (told.curves, told.lives, told.marks, told.runs, told.end_x) == ({}, [], [], [], 0.0)
    told = story([SegmentBegin(t=5.0, segment=1, chars=1), msgspec.structs.replace(Reading(t=6.0))])
    assert told.curves == {}
    assert told.segment_count == 1
