from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.policy.lookahead import Growth, comes_as_far


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


@pytest.mark.parametrize(
    ("floor", "rate_bytes", "texts", "need", "far"),
    [
        (50, 10.0, 5, 0, True),  # lands on the mark
        (51, 10.0, 5, 0, False),
        (40, 10.0, 5, 20, True),  # a text's need has what it leaves in it
        (41, 10.0, 5, 20, False),
        (40, 10.0, 5, 10, True),  # a need below the rate was measured before it leaked
        (41, 10.0, 5, 10, False),
        (80, 0.0, 50, 20, True),
        (81, 0.0, 1, 20, False),
    ],
)
def test_it_comes_as_far_as_the_mark_allows(
    floor: int, rate_bytes: float, texts: int, need: int, *, far: bool
) -> None:
    judged = comes_as_far(
        floor_bytes=floor, rate_bytes=rate_bytes, texts=texts, need_bytes=need, mark_bytes=100
    )
    assert judged is far


@given(st.integers(0, 200), st.floats(0, 50), st.integers(1, 49), st.integers(0, 90))
def test_who_comes_as_far_as_a_later_boundary_comes_as_far_as_a_nearer_one(
    floor: int, rate_bytes: float, texts: int, need: int
) -> None:
    def far(count: int) -> bool:
        return comes_as_far(
            floor_bytes=floor, rate_bytes=rate_bytes, texts=count, need_bytes=need, mark_bytes=100
        )

    assert far(texts) or not far(texts + 1)
