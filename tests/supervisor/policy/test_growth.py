import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.policy.growth import BLOCK, Blocks, Run, Teeth, median

levels = st.lists(st.integers(0, 1000), min_size=1, max_size=600)


def teeth_of(series: list[int], least: int = 10) -> Teeth:
    teeth = Teeth(least_bytes=least)
    for level in series:
        teeth.take(level)
    return teeth


def blocks_of(series: list[int]) -> Blocks:
    blocks = Blocks()
    for level in series:
        blocks.take(level)
    return blocks


# ------------------------------------------------------------------ the median


@given(st.lists(st.integers(), min_size=1))
def test_the_lower_median_is_taken(figures: list[int]) -> None:
    assert median(figures) == statistics.median_low(figures)


# ------------------------------------------------------------------ teeth


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([0, 20, 40, 20], True),  # given back by half
        ([0, 20, 40, 21], False),
        ([0, 11, 0], True),  # as high as counts
        ([0, 10, 0], False),
        ([50, 45, 40, 35, 30], False),  # little by little, never from a height
        ([50, 60, 5], True),  # below all that was seen, and from a height
        ([7], False),
    ],
)
def test_a_tooth_is_a_rise_that_was_given_back_by_half(series: list[int], expected: bool) -> None:
    assert teeth_of(series).has_any is expected


@given(levels)
def test_what_never_falls_has_no_teeth(series: list[int]) -> None:
    assert not teeth_of(sorted(series)).has_any


def test_until_three_teeth_are_known_the_first_could_have_been_a_short_one() -> None:
    two, three = teeth_of([0, 20, 40, 0] * 2), teeth_of([0, 20, 40, 0] * 3)
    assert not two.outlived_by(30, first=30)
    assert two.outlived_by(31, first=30)
    assert three.outlived_by(5, first=30)


def test_a_rise_must_outlive_the_longest_tooth_by_a_quarter() -> None:
    teeth = teeth_of([*range(0, 410, 10), 0] * 3)  # a tooth is 41 segments long
    assert not teeth.outlived_by(51, first=1)
    assert teeth.outlived_by(52, first=1)


# ------------------------------------------------------------------ runs


def run_of(missed: list[bool]) -> Run:
    run = Run()
    for at, one in enumerate(missed):
        run.take(100 + at, missed=one)
    return run


def test_a_run_begins_at_the_figure_before_its_first_segment() -> None:
    run = run_of([True, False, False])
    assert (run.length, run.start_bytes) == (2, 101)


def test_one_in_ten_may_be_an_exception_and_no_more() -> None:
    assert run_of([False] * 9 + [True]).length == 10
    assert run_of([False] * 8 + [True]).length == 0


@given(st.lists(st.booleans(), max_size=80))
def test_a_run_is_never_longer_than_what_was_seen_and_holds_few_exceptions(missed: list[bool]) -> None:
    length = run_of(missed).length
    assert length <= len(missed)
    assert 10 * sum(missed[len(missed) - length :]) <= max(length, 0)


# ------------------------------------------------------------------ blocks


def expected_rate(series: list[int], above: int) -> float | None:
    """Restate the rate over the whole series, with the width that so many segments lead to."""
    width = BLOCK
    while len(series) // width >= 24:
        width *= 2
    minima = [min(series[at : at + width]) for at in range(0, len(series) - width + 1, width)]
    onset = max((at for at, minimum in enumerate(minima) if minimum <= above), default=0)
    since = minima[onset:]
    if len(since) < 3:
        return None
    slopes = sorted((since[b] - since[a]) / (width * (b - a)) for b in range(len(since)) for a in range(b))
    return max(0.0, slopes[len(slopes) * 4 // 5])


@given(levels, st.integers(0, 1000))
def test_the_rate_is_that_of_theil_and_sen_over_block_minima(series: list[int], above: int) -> None:
    assert blocks_of(series).rate_bytes(above) == expected_rate(series, above)


@pytest.mark.parametrize("count", [24, 191, 192, 193, 383, 384, 5000])
def test_the_rate_of_a_straight_rise_is_its_slope_however_long_it_is(count: int) -> None:
    assert blocks_of([5 * n for n in range(count)]).rate_bytes(0) == 5.0


def test_the_rate_is_asked_for_between_two_blocks_at_no_cost_and_renewed_by_the_next() -> None:
    blocks = blocks_of(list(range(24)))
    before = blocks.rate_bytes(0)
    for _ in range(BLOCK - 1):
        blocks.take(1000)
    assert blocks.rate_bytes(0) == before == 1.0
    blocks.take(1000)
    assert (blocks.rate_bytes(0) or 0.0) > 1.0


def test_a_dip_within_a_block_is_what_the_block_stands_for() -> None:
    teeth = [100 * (n % BLOCK) + n for n in range(40 * BLOCK)]
    assert blocks_of(teeth).rate_bytes(0) == 1.0


def test_what_rises_ever_more_slowly_flattens() -> None:
    straight = blocks_of(list(range(100)))
    bent = blocks_of([min(n, 40) for n in range(100)])
    assert not straight.flattens(0, 0.9)
    assert bent.flattens(0, 0.1)


def test_a_shape_needs_five_blocks_that_stand_above() -> None:
    assert not blocks_of(list(range(4 * BLOCK))).is_shaped(0)
    assert blocks_of(list(range(5 * BLOCK))).is_shaped(0)
    assert not blocks_of(list(range(5 * BLOCK))).is_shaped(1000)
