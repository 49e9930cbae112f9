from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.policy.verdict import Verdict
from supervisor.policy.watermark import Level, Watermark, WatermarkLimits, judge_level

SOFT, HARD = 60, 90
LIMITS = WatermarkLimits(soft_bytes=SOFT, hard_bytes=HARD)


@dataclass(frozen=True)
class Reading:
    used: int
    own: int | None
    released: bool


# On either side of each threshold, and differences that land on them: a wide range would all
# but never touch an edge.
used = st.sampled_from([0, 1, 29, 30, 31, 59, 60, 61, 89, 90, 91, 100])
own = st.one_of(st.none(), st.sampled_from([0, 1, 29, 30, 31, 59, 60, 61, 90]))
histories = st.lists(st.builds(Reading, used=used, own=own, released=st.booleans()), min_size=1, max_size=8)


def run(history: list[Reading]) -> list[Verdict]:
    """Judge each reading; the first is the baseline, later ones try to be and are not."""
    mark = Watermark(LIMITS)
    verdicts: list[Verdict] = []
    for one in history:
        mark.settle(used_bytes=one.used, own_bytes=one.own)
        verdicts.append(mark.judge(used_bytes=one.used, own_bytes=one.own, released=one.released))
    return verdicts


def oracle(history: list[Reading]) -> Verdict:
    """Restate the rule over the whole history, keeping no state."""
    first, last = history[0], history[-1]
    unknown = first.own is None or last.own is None
    growth = last.used - first.used if unknown else (last.own or 0) - (first.own or 0)
    fresh = last.used - max(growth, 0)  # as a fresh child would stand
    if last.used >= HARD:
        return Verdict.KILL if fresh < HARD else Verdict.PAUSE
    if last.used >= SOFT > fresh:
        return Verdict.RECYCLE if last.released else Verdict.RELEASE
    return Verdict.KEEP


@given(histories)
def test_every_prefix_agrees_with_the_oracle(history: list[Reading]) -> None:
    assert run(history) == [oracle(history[: n + 1]) for n in range(len(history))]


@given(histories)
def test_a_child_at_its_own_baseline_is_never_replaced(history: list[Reading]) -> None:
    still = [history[0]] * 3
    assert set(run(still)) <= {Verdict.KEEP, Verdict.PAUSE}


@given(st.integers(0, 100), st.integers(0, 100), st.booleans())
def test_a_neighbour_never_costs_our_child_its_life(before: int, after: int, released: bool) -> None:
    ours = [Reading(before, 20, released), Reading(after, 20, released)]
    assert set(run(ours)) <= {Verdict.KEEP, Verdict.PAUSE}


@given(used, own, st.booleans())
def test_without_a_baseline_nothing_is_blamed_on_the_child(
    used: int, own: int | None, released: bool
) -> None:
    verdict = Watermark(LIMITS).judge(used_bytes=used, own_bytes=own, released=released)
    assert verdict is (Verdict.PAUSE if used >= HARD else Verdict.KEEP)


@pytest.mark.parametrize(
    ("base", "now", "released", "expected"),
    [
        # used and own at ready, used and own now
        ((10, 10), (59, 59), False, Verdict.KEEP),
        ((10, 10), (60, 60), False, Verdict.RELEASE),
        ((10, 10), (60, 60), True, Verdict.RECYCLE),
        ((10, 10), (89, 89), False, Verdict.RELEASE),
        ((10, 10), (90, 90), False, Verdict.KILL),
        ((10, 10), (90, 90), True, Verdict.KILL),
        # the baseline alone reaches the mark, or stays one below it
        ((60, 60), (61, 61), True, Verdict.KEEP),
        ((59, 59), (60, 60), True, Verdict.RECYCLE),
        ((90, 90), (91, 91), True, Verdict.PAUSE),
        ((89, 89), (90, 90), True, Verdict.KILL),
        # the child gave back more than it had: no growth, and none below nothing
        ((60, 40), (60, 10), False, Verdict.KEEP),
        ((90, 40), (90, 10), False, Verdict.PAUSE),
        # growth of one byte less than the excess explains nothing
        ((50, 10), (70, 20), False, Verdict.KEEP),
        ((50, 10), (70, 21), False, Verdict.RELEASE),
        ((50, 10), (95, 15), False, Verdict.PAUSE),
        ((50, 10), (95, 16), False, Verdict.KILL),
        # nobody can tell whose it is: all growth is the child's
        ((50, None), (60, None), False, Verdict.RELEASE),
        ((50, None), (60, 1), False, Verdict.RELEASE),
        ((50, 10), (60, None), False, Verdict.RELEASE),
        ((60, None), (70, None), False, Verdict.KEEP),
        ((60, None), (50, None), False, Verdict.KEEP),
    ],
)
def test_a_threshold_belongs_to_its_harsher_side(
    base: tuple[int, int | None], now: tuple[int, int | None], released: bool, expected: Verdict
) -> None:
    assert run([Reading(*base, False), Reading(*now, released)])[-1] is expected


@pytest.mark.parametrize(("mark", "above"), [(49, True), (50, True), (51, False)])
def test_a_baseline_on_a_mark_stands_above_it(mark: int, above: bool) -> None:
    watermark = Watermark(LIMITS)
    assert not watermark.stands_above(0)
    watermark.settle(used_bytes=50, own_bytes=50)
    watermark.settle(used_bytes=0, own_bytes=0)  # only the first counts
    assert watermark.stands_above(mark) is above


@pytest.mark.parametrize(("soft", "hard"), [(0, 1), (-1, 1), (2, 1), (0, 0)])
def test_marks_that_cannot_be_are_refused(soft: int, hard: int) -> None:
    with pytest.raises(ValueError, match=f"got {soft} and {hard}"):
        WatermarkLimits(soft_bytes=soft, hard_bytes=hard)


def test_both_marks_may_be_one() -> None:
    one = Watermark(WatermarkLimits(soft_bytes=1, hard_bytes=1))
    one.settle(used_bytes=0, own_bytes=0)
    assert one.judge(used_bytes=1, own_bytes=1, released=False) is Verdict.KILL


# ------------------------------------------------------------------ levels against a fresh child

WORTH = 10


def level(used: int, own: int | None, fresh: int | None, slack: int = 0, others: int = 0) -> Level:
    return Level(
        used_bytes=used, own_bytes=own, fresh_bytes=fresh, slack_bytes=slack, others_grew_bytes=others
    )


@pytest.mark.parametrize(
    ("seen", "released", "expected"),
    [
        (level(59, 59, 10), True, Verdict.KEEP),
        (level(60, 60, 10), False, Verdict.RELEASE),
        (level(60, 60, 10), True, Verdict.RECYCLE),
        # what a recycle would bring, without what a release brings, is worth it from here on
        (level(60, 60, 10, slack=40), True, Verdict.RECYCLE),
        (level(60, 60, 10, slack=41), True, Verdict.KEEP),
        # a fresh child stands at the mark, or one below it
        (level(80, 40, 20), True, Verdict.KEEP),
        (level(80, 41, 20), True, Verdict.RECYCLE),
        (level(80, 40, 20), False, Verdict.KEEP),
        # others' doing, but there is something to give
        (level(80, 30, 20, slack=10), False, Verdict.RELEASE),
        (level(80, 30, 20, slack=9), False, Verdict.KEEP),
        (level(80, 30, 20, slack=10), True, Verdict.KEEP),
        # hard: ours or not
        (level(90, 31, 30), False, Verdict.KILL),
        (level(95, 35, 30), False, Verdict.PAUSE),
        (level(95, 36, 30), True, Verdict.KILL),
        # hard: what a release gives back is no reason to kill
        (level(90, 60, 30, slack=30), False, Verdict.PAUSE),
        (level(90, 60, 30, slack=29), False, Verdict.KILL),
        # hard: others grew too, and ours is as little as a warm-up, or is worth it
        (level(90, 39, 30, others=9), False, Verdict.KILL),
        (level(90, 39, 30, others=10), False, Verdict.PAUSE),
        (level(90, 40, 30, others=10), False, Verdict.KILL),
        # nobody can tell whose it is
        (level(95, None, 30), False, Verdict.PAUSE),
        (level(95, 80, None), False, Verdict.PAUSE),
        (level(80, None, None), False, Verdict.KEEP),
        # a child that gave back more than it had explains nothing
        (level(95, 10, 30), False, Verdict.PAUSE),
    ],
)
def test_a_level_is_judged_by_what_a_fresh_child_would_change(
    seen: Level, *, released: bool, expected: Verdict
) -> None:
    assert judge_level(LIMITS, seen, released=released, worth_bytes=WORTH) is expected


@given(st.integers(0, 200), st.integers(0, 60), st.integers(0, 60), st.booleans())
def test_a_child_as_small_as_a_fresh_one_is_never_ended(
    used: int, own: int, slack: int, released: bool
) -> None:
    seen = level(used, own, own, slack)
    verdict = judge_level(LIMITS, seen, released=released, worth_bytes=WORTH)
    assert verdict in {Verdict.KEEP, Verdict.RELEASE, Verdict.PAUSE}
