import itertools
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.policy.restarts import GiveUp, Restart, RestartLimits, Restarts

# Small bounds, so that histories reach them; the defaults have their own table below.
LIMITS = RestartLimits(mishaps=3, window_s=10.0, outside=2, first_delay_s=0.25)

Kind = Literal["finished", "planned", "outside", "mishap"]
Answer = Restart | GiveUp | None


@dataclass(frozen=True)
class End:
    kind: Kind
    gap_s: float
    segment: int | None = None


# Whole seconds held as floats keep the sums exact; with gaps of 5 and 10 a window ends on an edge.
gaps_s = st.sampled_from([0.0, 1.0, 4.0, 5.0, 9.0, 10.0])
mishaps = st.builds(End, st.just("mishap"), gaps_s, st.sampled_from([None, None, 1, 2, 3, 4]))
others = st.builds(End, st.sampled_from(["planned", "outside", "finished"]), gaps_s)
histories = st.lists(st.one_of(mishaps, mishaps, mishaps, others), max_size=20)


def run(history: list[End], limits: RestartLimits | None = LIMITS) -> list[Answer]:
    restarts, at_s = Restarts(limits), 100.0
    answers: list[Answer] = []
    for end in history:
        at_s += end.gap_s
        match end.kind:
            case "finished":
                restarts.finished()
                answers.append(None)
            case "planned":
                answers.append(restarts.ended_as_planned())
            case "outside":
                answers.append(restarts.ended_from_outside())
            case "mishap":
                answers.append(restarts.ended_by_mishap(end.segment, "it fell", at_s))
    return answers


def oracle(history: list[End]) -> Literal["give up", "not forgiven", "none"] | float:
    """Restate the rule for the last end over the whole history: a delay, or what else."""
    times_s = list(itertools.accumulate(end.gap_s for end in history))
    last = history[-1]
    begun = max((n + 1 for n, end in enumerate(history) if end.kind == "finished"), default=0)
    since = list(zip(history, times_s, strict=True))[begun:]
    if last.kind == "finished":
        return "none"
    if last.kind == "planned":
        return 0.0
    if last.kind == "outside":
        outside = sum(end.kind == "outside" for end, _ in since)
        return 0.0 if outside <= LIMITS.outside else "not forgiven"
    fallen = [(end.segment, at_s) for end, at_s in since if end.kind == "mishap"]
    if last.segment is None:
        counted = [at_s for segment, at_s in fallen if segment is None]
    else:
        held = [(segment, at_s) for segment, at_s in fallen if segment is not None]
        before = [None] + [segment for segment, _ in held]
        counted = [at_s for (segment, at_s), prior in zip(held, before, strict=False) if segment != prior]
    recent = [at_s for at_s in counted if times_s[-1] - at_s < LIMITS.window_s]
    if len(recent) >= LIMITS.mishaps:
        return "give up"
    return 0.0 if len(fallen) == 1 else 0.25 * 2 ** (len(recent) - 1)


def in_short(answer: Answer, kind: Kind) -> Literal["give up", "not forgiven", "none"] | float:
    match answer:
        case Restart():
            return answer.delay_s
        case GiveUp():
            return "give up"
        case None:
            return "none" if kind == "finished" else "not forgiven"


@given(histories)
def test_every_prefix_agrees_with_the_oracle(history: list[End]) -> None:
    answers = [in_short(answer, end.kind) for answer, end in zip(run(history), history, strict=True)]
    assert answers == [oracle(history[: n + 1]) for n in range(len(history))]


@given(histories, st.lists(st.integers(0, 20), max_size=5))
def test_planned_ends_never_count(history: list[End], places: list[int]) -> None:
    recycled = list(history)
    for place in places:
        recycled.insert(place, End("planned", 0.0))
    kinds = [end.kind for end in recycled]
    answers = [answer for kind, answer in zip(kinds, run(recycled), strict=True) if kind != "planned"]
    plain = [answer for end, answer in zip(history, run(history), strict=True) if end.kind != "planned"]
    assert answers == plain


def fallen(*segments: int | None, gap_s: float = 1.0) -> list[End]:
    return [End("mishap", gap_s, segment) for segment in segments]


FINISHED, OUTSIDE = End("finished", 0.0), End("outside", 0.0)


@pytest.mark.parametrize(
    ("history", "gives_up"),
    [
        (fallen(*[None] * 4), False),
        (fallen(*[None] * 5), True),
        (fallen(1, 2, 3, 4), False),
        (fallen(1, 2, 3, 4, 5), True),
        (fallen(1, 2, 1, 2, 1), True),  # in a row over different segments
        (fallen(*[1] * 20), False),  # one segment is `child.attempts`' business
        (fallen(1, 1, 2, 2, 3, 3, 4, 4), False),
        (fallen(None, None, None, None, 1, 2, 3, 4), False),  # two tallies
        (fallen(None, None, None, None, 1, 2, 3, 4, None), True),
        (fallen(1, 2, 3, 4, None, 4), False),  # still the same segment
        ([*fallen(1, 2, 3, 4), FINISHED, *fallen(5)], False),
        ([*fallen(None, None, None, None), FINISHED, *fallen(None)], False),
        ([*fallen(None, None, None, None), OUTSIDE, *fallen(None)], True),
        (fallen(*[None] * 5, gap_s=149.0), True),  # the fifth comes 596 s after the first
        (fallen(*[None] * 5, gap_s=150.0), False),  # at 600 s the first is forgotten
        (fallen(1, 2, 3, 4, 5, gap_s=150.0), False),
    ],
)
def test_five_within_ten_minutes_are_a_crash_loop(history: list[End], gives_up: bool) -> None:
    answers = run(history, limits=None)
    assert isinstance(answers[-1], GiveUp) is gives_up
    assert not any(isinstance(answer, GiveUp) for answer in answers[:-1])


@pytest.mark.parametrize(
    ("segment", "words"),
    [
        (None, "5 children ended before they were ready, or with no segment in hand, within 10 minutes"),
        (1, "5 different segments in a row ended their child, and none was finished, within 10 minutes"),
    ],
)
def test_giving_up_says_why(segment: int | None, words: str) -> None:
    answer = run(fallen(*[None if segment is None else n for n in range(5)]), limits=None)[-1]
    assert answer == GiveUp(why=f"{words}; the last one: it fell")


def test_the_first_start_has_no_delay_then_it_doubles_with_every_other_segment() -> None:
    ends = fallen(1, 1, 1, 2, 2, 2, 3, 3, 3, 4)
    delays_s = [answer.delay_s for answer in run(ends, None) if isinstance(answer, Restart)]
    assert delays_s == [0.0, 0.25, 0.25, 0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 2.0]


def test_a_finished_segment_forgets_the_delay() -> None:
    assert run([*fallen(1, 1, 1), FINISHED, *fallen(1)], None)[-1] == Restart(delay_s=0.0)


def test_a_segment_may_end_its_child_again_after_one_was_finished() -> None:
    # The same number as before the finish: it counts anew.
    assert isinstance(run([*fallen(1), FINISHED, *fallen(1, 2, 3, 4, 5)], None)[-1], GiveUp)


@pytest.mark.parametrize(("ends", "forgiven"), [(1, True), (20, True), (21, False), (22, False)])
def test_twenty_ends_from_outside_in_a_row_are_forgiven(ends: int, forgiven: bool) -> None:
    assert run([OUTSIDE] * ends, None)[-1] == (Restart(delay_s=0.0) if forgiven else None)
    assert run([*[OUTSIDE] * ends, FINISHED, OUTSIDE], None)[-1] == Restart(delay_s=0.0)
