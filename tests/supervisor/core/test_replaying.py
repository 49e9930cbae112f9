import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import supervisor.core.replaying as subject
from supervisor.core.decisions import Decision
from supervisor.core.panel import Outlook, Panel
from supervisor.core.replaying import MOST_AHEAD, RunCounter, replay, steps
from supervisor.core.traces import (
    Asked,
    Boundary,
    Decided,
    LifeEnded,
    LifeReady,
    Reading,
    Record,
    Released,
    SegmentBegin,
    SegmentEnd,
    TraceVitals,
)
from tests.supervisor.nights import CARD_BYTES, GIB, TERMS, night

#: A card that nothing is wrong with.
QUIET = Reading(t=0.0, device_total=CARD_BYTES, device_used=2 * GIB, child_device=GIB)


class Listener(Panel):
    """A panel that keeps what it was asked and told."""

    heard: list[Outlook | Record]

    def ask(self, at_s: float, outlook: Outlook) -> list[Decision]:
        self.heard.append(outlook)
        return super().ask(at_s, outlook)

    def take(self, record: Record) -> list[Decision]:
        self.heard.append(record)
        return super().take(record)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Outlook | Record]:
    kept: list[Outlook | Record] = []
    monkeypatch.setattr(Listener, "heard", kept, raising=False)
    monkeypatch.setattr(subject, "Panel", Listener)
    return kept


def outlooks(heard: Iterable[Outlook | Record]) -> list[tuple[int, ...]]:
    return [one.chars for one in heard if isinstance(one, Outlook)]


def spoken(segment: int, chars: int, t: float = 0.0) -> list[Record]:
    return [SegmentBegin(t=t, segment=segment, chars=chars), SegmentEnd(t=t, segment=segment, chars=chars)]


def consume(records: Iterable[Record]) -> list[Decision]:
    return list(replay(records, TERMS))


# ------------------------------------------------------------------ what is asked


def test_a_text_is_asked_for_with_all_texts_up_to_the_next_boundary(heard: list[Outlook | Record]) -> None:
    end = Boundary(t=0.0, what="paragraph")
    consume([LifeReady(t=0.0, life=1), *spoken(1, 10), *spoken(2, 20), end, *spoken(3, 30), end, end])
    assert outlooks(heard) == [(10, 20), (20,), (30,)]


def test_a_text_is_asked_for_before_it_begins(heard: list[Outlook | Record]) -> None:
    begin, end = spoken(1, 10)
    consume([LifeReady(t=0.0, life=1), begin, end])
    assert heard == [LifeReady(t=0.0, life=1), Outlook(chars=(10,)), begin, end]


def test_without_boundaries_the_outlook_is_fifty_texts(heard: list[Outlook | Record]) -> None:
    texts = itertools.chain.from_iterable(spoken(number, number) for number in range(1, 101))
    consume([LifeReady(t=0.0, life=1), *texts])
    assert outlooks(heard)[0] == tuple(range(1, 51))
    assert outlooks(heard)[40] == tuple(range(41, 91))
    assert outlooks(heard)[60] == tuple(range(61, 101))


def test_a_text_that_is_spoken_again_after_a_death_counts_once(heard: list[Outlook | Record]) -> None:
    begin, end = spoken(1, 10)
    again = [LifeEnded(t=0.0, life=1, why="killed"), LifeReady(t=0.0, life=2), begin, end]
    consume([LifeReady(t=0.0, life=1), begin, *again, *spoken(2, 20), Boundary(t=0.0, what="chapter")])
    assert outlooks(heard) == [(10, 20), (10, 20), (20,)]


def test_a_text_that_was_held_back_is_asked_for_with_the_outlook_of_then(
    heard: list[Outlook | Record],
) -> None:
    asked = Asked(t=0.0, chars=(900, 20))
    decided = Decided(t=0.0, action="resume", policy="fit", why="room again")
    consume([LifeReady(t=0.0, life=1), asked, decided, *spoken(1, 10)])
    # Not asked for once more where it then went out at once: live it was not, either.
    assert outlooks(heard) == [(900, 20)]


def test_what_the_live_run_decided_is_passed_by(heard: list[Outlook | Record]) -> None:
    decided = Decided(t=0.0, action="kill", policy="watermark", why="then")
    assert consume([LifeReady(t=0.0, life=1), decided, Asked(t=0.0, chars=())]) == []
    assert decided not in heard
    assert outlooks(heard) == []


def test_reading_ahead_is_bounded_in_records_too(heard: list[Outlook | Record]) -> None:
    taken = 0

    def records() -> Iterator[Record]:
        nonlocal taken
        idle = itertools.repeat(QUIET, 2 * MOST_AHEAD)
        for record in itertools.chain([LifeReady(t=0.0, life=1)], spoken(1, 10), idle, spoken(2, 20)):
            taken += 1
            yield record

    walk = steps(records(), TERMS)
    assert [type(next(walk)[0]) for _ in range(2)] == [LifeReady, SegmentBegin]
    assert taken <= MOST_AHEAD + 2
    assert outlooks(heard) == [(10,)]


# ------------------------------------------------------------------ runs and lives


def test_a_clock_that_goes_back_begins_another_run() -> None:
    counter = RunCounter()
    times = (5.0, 6.0, 5.5, 0.0, 0.5)
    assert [counter(Boundary(t=t, what="paragraph")) for t in times] == [1, 1, 1, 2, 2]


def test_lives_that_are_numbered_anew_begin_another_run() -> None:
    counter = RunCounter()
    lives = [LifeReady(t=float(number), life=life) for number, life in enumerate((1, 2, 1, 2))]
    assert [counter(record) for record in lives] == [1, 1, 2, 2]


def test_no_text_of_the_next_run_is_in_an_outlook(heard: list[Outlook | Record]) -> None:
    first = [LifeReady(t=9.0, life=1), *spoken(1, 10, t=9.0)]
    consume([*first, LifeReady(t=0.0, life=1), *spoken(1, 70)])
    assert outlooks(heard) == [(10,), (70,)]


def test_a_run_is_decided_as_if_it_were_alone() -> None:
    one = list(night(segments=90))
    assert [replace(each) for each in consume([*one, *one])] == consume(one) * 2


@pytest.mark.parametrize(
    "first",
    [
        spoken(1, 10),
        [SegmentEnd(t=0.0, segment=1, chars=1)],
        [Boundary(t=0.0, what="paragraph")],
        [LifeEnded(t=0.0, life=4, why="leak")],
        [QUIET],
    ],
)
def test_a_trace_that_begins_in_a_life_is_told_of_it(
    heard: list[Outlook | Record], first: list[Record]
) -> None:
    consume(first)
    assert heard[0] == LifeReady(t=0.0, life=0)


def test_readings_before_the_first_life_belong_to_none(heard: list[Outlook | Record]) -> None:
    consume([QUIET, LifeReady(t=0.0, life=1)])
    assert heard == [QUIET, LifeReady(t=0.0, life=1)]


def test_readings_alone_without_end_belong_to_no_life(heard: list[Outlook | Record]) -> None:
    consume([QUIET] * (MOST_AHEAD + 1))
    assert heard[0] == QUIET


def test_a_leak_is_flagged_once_a_life_and_found_before_the_hard_mark() -> None:
    decisions = consume(night(segments=200, life_segments=100))
    flags = [one for one in decisions if one.action == "flag"]
    assert len(flags) == 2
    assert all(one.policy == "leak" and "MiB" in one.why for one in flags)


def test_after_a_drain_there_is_silence_until_the_next_life() -> None:
    terms = replace(TERMS, max_segments=20)
    decisions = list(replay(night(segments=180, life_segments=60, leak_bytes=0), terms))
    assert [(one.action, one.policy) for one in decisions] == [("drain", "clock")] * 3


def test_a_decision_has_the_time_of_its_record() -> None:
    for record, decisions in steps(night(segments=120), TERMS):
        assert all(one.t == record.t for one in decisions)


def test_every_record_comes_back_in_order() -> None:
    records = list(night(segments=70))
    assert [record for record, _ in steps(records, TERMS)] == records


SIZES = st.none() | st.integers(0, 16 * GIB)
TIMES = st.floats(0, 1000, allow_nan=False)
VITALS = st.builds(TraceVitals, live=SIZES, reserved=SIZES, declared=SIZES, host_private=SIZES)
NUMBERS = st.integers(0, 5)
RECORDS = st.one_of(
    st.builds(LifeReady, t=TIMES, life=NUMBERS),
    st.builds(Reading, t=TIMES, device_total=st.just(CARD_BYTES), device_used=SIZES, child_device=SIZES),
    st.builds(SegmentBegin, t=TIMES, segment=NUMBERS, chars=st.integers(0, 300)),
    st.builds(SegmentEnd, t=TIMES, segment=NUMBERS, chars=st.integers(0, 300), vitals=VITALS),
    st.builds(Boundary, t=TIMES, what=st.just("paragraph")),
    st.builds(LifeEnded, t=TIMES, life=NUMBERS),
    st.builds(Released, t=TIMES, vitals=VITALS),
    st.builds(Asked, t=TIMES, chars=st.lists(st.integers(1, 300), max_size=3).map(tuple)),
)


@given(records=st.lists(RECORDS, max_size=60))
def test_any_order_of_records_is_replayed_and_twice_alike(records: list[Record]) -> None:
    once = consume(records)
    assert consume(iter(records)) == once
    assert {one.t for one in once} <= {record.t for record in records}


@given(records=st.lists(RECORDS, max_size=60), more=st.lists(RECORDS, max_size=20))
def test_what_comes_after_the_next_boundary_changes_nothing_before_it(
    records: list[Record], more: list[Record]
) -> None:
    end = Boundary(t=records[-1].t if records else 0.0, what="chapter")
    known = [record for record in records if not isinstance(record, LifeReady)]
    start = LifeReady(t=known[0].t if known else 0.0, life=9)
    head = [start, *known, end]
    before = list(itertools.islice(steps([*head, *more], TERMS), len(head)))
    assert before == list(steps(head, TERMS))


# ------------------------------------------------------------------ the device


def test_a_mark_that_no_child_can_keep_is_told_once() -> None:
    high = CARD_BYTES * 9 // 10
    records: list[Record] = [
        LifeReady(t=0.0, life=1),
        *[Reading(t=1.0 + n, device_total=CARD_BYTES, device_used=high, child_device=high) for n in range(3)],
    ]
    told: list[str] = []
    assert [one for _, decisions in steps(records, TERMS, remark=told.append) for one in decisions] == []
    assert len(told) == 1
    assert "memory.device.soft" in told[0]
