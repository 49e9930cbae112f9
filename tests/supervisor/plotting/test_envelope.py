import math

from hypothesis import given
from hypothesis import strategies as st

from supervisor.plotting.envelope import MOST_SPANS, Envelope

POINTS = st.lists(st.tuples(st.floats(0, 1e7), st.floats(-1e12, 1e12)), min_size=1, max_size=200)


def enveloped(points: list[tuple[float, float]]) -> Envelope:
    curve = Envelope()
    for at_s, value in points:
        curve.add(at_s, value)
    return curve


@given(points=POINTS)
def test_what_is_drawn_was_there_and_its_extremes_are_kept(points: list[tuple[float, float]]) -> None:
    times, values = enveloped(points).curve()
    assert set(zip(times, values, strict=True)) <= set(points)
    assert (min(values), max(values)) == (
        min(value for _, value in points),
        max(value for _, value in points),
    )


@given(points=POINTS)
def test_times_never_go_back(points: list[tuple[float, float]]) -> None:
    times, _ = enveloped(points).curve()
    assert times == sorted(times)


def test_few_points_are_drawn_as_they_are() -> None:
    points = [(float(number), float(number % 7)) for number in range(500)]
    times, values = enveloped(points).curve()
    assert list(zip(times, values, strict=True)) == points


def test_a_million_points_are_few_and_no_peak_is_lost() -> None:
    curve = Envelope()
    for number in range(1_000_000):
        curve.add(number / 2, 9e9 if number == 654_321 else 1e9 + number % 10)
    times, values = curve.curve()
    assert len(times) <= 2 * MOST_SPANS
    assert values[times.index(654_321 / 2)] == 9e9


def test_a_curve_that_is_interrupted_is_not_joined_over_the_gap() -> None:
    curve = enveloped([(0.0, 1.0), (1.0, 2.0)])
    curve.interrupt(1.5)
    curve.add(10.0, 3.0)
    times, values = curve.curve()
    assert [value for value in values if not math.isnan(value)] == [1.0, 2.0, 3.0]
    assert math.isnan(values[2])
    assert 1.5 <= times[2] <= 10.0


def test_gaps_survive_when_spans_are_joined() -> None:
    curve = Envelope()
    for number in range(100_000):
        curve.add(float(number), 1.0)
        if number == 50_000:
            curve.interrupt(float(number))
    _, values = curve.curve()
    assert sum(map(math.isnan, values)) == 1


def test_an_empty_curve_is_nothing() -> None:
    curve = Envelope()
    curve.interrupt(1.0)
    assert not curve
    assert curve.curve() == ([], [])


def test_a_saw_of_many_teeth_is_a_band() -> None:
    saw = enveloped([(float(number), float(number % 10)) for number in range(100_000)])
    band = saw.band()
    assert band is not None
    times, lows, highs = band
    assert len(times) <= MOST_SPANS
    assert set(lows[1:-1]) == {0.0}
    assert set(highs[1:-1]) == {9.0}


def test_a_slow_curve_is_a_line_however_long() -> None:
    assert enveloped([(float(number), float(number)) for number in range(100_000)]).band() is None
    assert enveloped([(0.0, 1.0), (1.0, 5.0), (2.0, 1.0)]).band() is None
    assert Envelope().band() is None
