from supervisor.policy.growth import Blocks, Teeth, median


def test_the_lower_median_of_an_even_count_is_taken() -> None:
    assert median([4, 1, 3, 2]) == 2


def test_a_rise_that_is_given_back_is_a_tooth() -> None:
    teeth = Teeth(least_bytes=10)
    for level in (0, 20, 40, 1):
        teeth.take(level)
    assert teeth.has_any


def test_the_rate_of_a_straight_rise_is_its_slope() -> None:
    blocks = Blocks()
    for n in range(400):
        blocks.take(5 * n)
    assert blocks.rate_bytes(0) == 5.0
