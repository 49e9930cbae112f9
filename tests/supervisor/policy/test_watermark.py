from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.policy.verdict import Verdict
from supervisor.policy.watermark import Level, WatermarkLimits, judge_level

SOFT, HARD = 60, 90
LIMITS = WatermarkLimits(soft_bytes=SOFT, hard_bytes=HARD)


@pytest.mark.parametrize(("soft", "hard"), [(0, 1), (-1, 1), (2, 1), (0, 0)])
def test_marks_that_cannot_be_are_refused(soft: int, hard: int) -> None:
    with pytest.raises(ValueError, match=f"got {soft} and {hard}"):
        WatermarkLimits(soft_bytes=soft, hard_bytes=hard)


def test_both_marks_may_be_one() -> None:
    one = WatermarkLimits(soft_bytes=1, hard_bytes=1)
    level = Level(used_bytes=1, own_bytes=1, fresh_bytes=0)
    assert judge_level(one, level, released=False, worth_bytes=1) is Verdict.KILL


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
        # what a release brings is no reason for a recycle, however much is kept
        (level(79, 79, 10, slack=19), True, Verdict.RECYCLE),
        (level(79, 79, 10, slack=20), True, Verdict.KEEP),
        (level(79, 79, 10, slack=20), False, Verdict.RELEASE),
        # nor is too little that is kept
        (level(65, 40, 25, slack=5), True, Verdict.RECYCLE),
        (level(65, 40, 26, slack=5), True, Verdict.KEEP),
        # beside others that grew it is a quarter of that at least
        (level(60, 60, 20, others=160), True, Verdict.RECYCLE),
        (level(60, 60, 20, others=161), True, Verdict.KEEP),
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
        (level(90, 49, 30, slack=10), False, Verdict.PAUSE),
        (level(90, 50, 30, slack=10), False, Verdict.PAUSE),
        (level(90, 49, 30, slack=9), False, Verdict.KILL),  # so little is worth no release
        (level(99, 50, 30, slack=10), False, Verdict.PAUSE),
        (level(100, 51, 30, slack=10), False, Verdict.KILL),  # it would not be enough
        # hard: others grew too, and ours is as little as a warm-up, or is worth it
        (level(90, 39, 30, others=9), False, Verdict.KILL),
        (level(90, 39, 30, others=10), False, Verdict.PAUSE),
        (level(90, 40, 30, others=10), False, Verdict.KILL),
        # nobody can tell whose it is
        (level(95, None, 30), False, Verdict.PAUSE),
        (level(95, 80, None), False, Verdict.PAUSE),
        (level(80, None, None), False, Verdict.KEEP),
        # a little of it is ours, and others grew: it may pass
        (replace(level(95, 36, 30), others_grew_bytes=9), False, Verdict.KILL),
        (replace(level(95, 36, 30), others_grew_bytes=10), False, Verdict.PAUSE),
        (replace(level(95, 40, 30), others_grew_bytes=60), False, Verdict.KILL),
        # what a release could give back is nothing that it keeps
        (level(95, 36, 30, slack=1), False, Verdict.PAUSE),
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
