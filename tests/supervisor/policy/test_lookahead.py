from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.policy.lookahead import Growth, Stretch, comes_as_far


def rate(steps: list[int], *, known: float = 0.0, least: int = 5) -> float:
    growth = Growth(known_bytes=known, least_bytes=least)
    for level in accumulate(steps, initial=1000):
        growth.take(level)
    return growth.rate_bytes


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([500], 500.0),  # from the second segment on
        ([500] * 9, 500.0),
        ([500, 500, 500, 500, 900], 500 * 5 / 5 + 80),
        ([300, 0], 0.0),  # it slows down: a warm-up
        ([300, 200, 100, 0, 0], 0.0),
        ([300, 200, 100, 50, 20, 10], 80 / 3),
        ([4] * 8, 0.0),  # less than counts
        ([0, 0, 0, 90], 0.0),  # one step is no trend
        ([0, 0, 0, 90, 90], 36.0),
        ([9, -9] * 4, 0.0),
        ([-100] * 5, 0.0),
        ([-300, 10, 10, 10], 0.0),  # no more than it had at first
    ],
)
def test_growth_is_what_it_grew_by_overall_and_lately_whichever_is_less(
    steps: list[int], expected: float
) -> None:
    assert rate(steps) == pytest.approx(expected)


def test_a_life_before_is_believed_until_this_one_has_shown_its_own() -> None:
    fresh = Growth(known_bytes=70.0)
    assert fresh.rate_bytes == 70.0
    fresh.take(10)
    assert fresh.rate_bytes == 70.0
    fresh.take(10)
    assert fresh.rate_bytes == 0.0


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=20), st.integers(0, 10**6))
def test_a_baseline_however_high_is_no_growth(steps: list[int], base: int) -> None:
    low, high = Growth(least_bytes=5), Growth(least_bytes=5)
    for level in accumulate(steps, initial=0):
        low.take(level)
        high.take(base + level)
    assert low.rate_bytes == high.rate_bytes >= 0.0


MARK, LIMIT = 100, 150


def stretch(floor: int, rate_bytes: float, texts: int, need: int, leap: int) -> Stretch:
    return Stretch(floor_bytes=floor, rate_bytes=rate_bytes, leap_bytes=leap, texts=texts, need_bytes=need)


@pytest.mark.parametrize(
    ("ahead", "far"),
    [
        (stretch(50, 10.0, 5, 0, 0), True),  # what stays lands on the mark
        (stretch(51, 10.0, 5, 0, 0), False),
        (stretch(50, 10.0, 5, 60, 0), True),  # a text's need lands on the limit, what it leaves in it
        (stretch(50, 10.0, 5, 61, 0), False),
        (stretch(50, 10.0, 5, 60, 10), True),  # a leap is no more than what each leaves anyway
        (stretch(50, 10.0, 5, 60, 11), False),
        (stretch(39, 10.0, 5, 0, 21), True),  # one of them may leave as much as any did
        (stretch(40, 10.0, 5, 0, 21), False),
        (stretch(80, 0.0, 50, 70, 0), True),
        (stretch(80, 0.0, 1, 71, 0), False),
    ],
)
def test_what_stays_is_held_against_the_mark_and_what_passes_against_the_limit(
    ahead: Stretch, *, far: bool
) -> None:
    assert comes_as_far(ahead, mark_bytes=MARK, limit_bytes=LIMIT) is far


@given(st.integers(0, 200), st.floats(0, 50), st.integers(1, 49), st.integers(0, 90), st.integers(0, 90))
def test_who_comes_as_far_as_a_later_boundary_comes_as_far_as_a_nearer_one(
    floor: int, rate_bytes: float, texts: int, need: int, leap: int
) -> None:
    def far(count: int) -> bool:
        ahead = stretch(floor, rate_bytes, count, need, leap)
        return comes_as_far(ahead, mark_bytes=MARK, limit_bytes=LIMIT)

    assert far(texts) or not far(texts + 1)


def test_the_last_step_is_told_once_there_are_two_levels() -> None:
    growth = Growth()
    assert growth.step_bytes == 0
    for level, step in ((10, 0), (40, 30), (35, -5)):
        growth.take(level)
        assert growth.step_bytes == step
