import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.policy.ratchet import WARM_UP, Ratchet, mib

MIB = 2**20
LIMIT = 128


def plain() -> Ratchet:
    return Ratchet("memory", LIMIT * MIB)


def sure_at(ratchet: Ratchet, levels: list[float], *, chars: int = 80, cache: bool = False) -> int | None:
    """Return the segment, counted from 1, at which it is first sure."""
    found = [ratchet.take(int(level * MIB), chars, may_be_cache=cache) for level in levels]
    return found.index(True) + 1 if True in found else None


def rate(ratchet: Ratchet, levels: list[float]) -> float:
    sure_at(ratchet, levels)
    return ratchet.rate_bytes / MIB


def straight(count: int, slope: float, start: float = 3000.0) -> list[float]:
    return [start + slope * n for n in range(count)]


def saw(count: int, period: int, slope: float) -> list[float]:
    return [3000.0 + slope * (n % period) for n in range(count)]


def steps(count: int, every: int, height: float, start: float = 3000.0) -> list[float]:
    return [start + height * (n // every) for n in range(count)]


# ------------------------------------------------------------------ what is a leak and what is not


@pytest.mark.parametrize(
    ("levels", "found"),
    [
        (straight(500, 0), None),
        (straight(500, 20), 34),  # so much that no garbage could be
        (straight(500, 6), 41),  # a collector would have come by now
        (straight(500, 0.5), 80),  # little, and in each of 64 segments
        ([3000.0] * 200 + straight(100, 20), 210),  # the collector has had its time
        (steps(500, 40, 100), 88),  # two steps of a hundred, and five blocks
        ([3000.0] * 60 + [3400.0] * 400, None),  # one step: something was loaded late
        ([3000.0] * 30 + [3500.0] * 2 + [3000.0] * 400, None),  # not three in a row
        (saw(500, 40, 15), None),
        (saw(500, 7, 15), None),
        ([min(level, 3120.0) for level in straight(500, 2)], None),  # below the limit, and still
        ([3000.0 + (n % 2) * 300 for n in range(500)], None),  # to and fro
    ],
    ids=[
        "flat", "fast", "steady", "slow", "late", "steps", "one step", "peak", "garbage", "quick garbage",
        "plateau", "to and fro",
    ],
)  # fmt: skip
def test_a_shape_is_told_from_a_leak(levels: list[float], found: int | None) -> None:
    assert sure_at(plain(), levels) == found


def test_a_leak_under_garbage_is_found_once_it_outlives_a_tooth() -> None:
    levels = [one + leak for one, leak in zip(saw(500, 20, 10), straight(500, 4, 0), strict=True)]
    at = sure_at(plain(), levels)
    assert at is not None
    assert at < 160


def test_what_warms_up_until_the_baseline_is_taken_is_no_growth() -> None:
    assert sure_at(plain(), [min(n, 12) * 60.0 for n in range(400)]) is None


def test_growth_from_the_first_segments_needs_no_baseline() -> None:
    def fast(least_mib: int = 0) -> Ratchet:
        return Ratchet("memory", LIMIT * MIB, fast_bytes=least_mib * MIB)

    assert sure_at(fast(), straight(10, 500)) == 4
    assert sure_at(fast(), straight(10, 65)) == 9  # four limits and more
    assert sure_at(fast(), straight(10, 63)) is None
    assert sure_at(fast(), [0, 400, 800, 900, 950, 960, 960, 960]) is None  # it calms down
    assert sure_at(fast(2048), straight(10, 500)) == 6  # beyond what a warm-up may fill
    assert sure_at(plain(), straight(10, 500)) is None  # a warm-up may be of any size


@pytest.mark.parametrize("tau", [3, 5, 8, 12])
@pytest.mark.parametrize("height", [200, 400, 700])
def test_what_approaches_a_level_is_no_leak_however_finely_it_still_rises(tau: int, height: int) -> None:
    levels = [3000.0 + height * (1 - math.exp(-n / tau)) for n in range(400)]
    assert sure_at(plain(), levels) is None


def test_what_rose_for_a_while_and_is_still_since_is_no_leak() -> None:
    levels = [3000.0 + 20 * min(n, 20) for n in range(400)]
    assert sure_at(plain(), levels) is None


def test_no_shape_goes_below_a_limit_that_was_raised() -> None:
    raised = Ratchet("memory", 1024 * MIB)
    assert sure_at(raised, straight(500, 2.5)) == 426  # of segment 13 on, three in a row


# ------------------------------------------------------------------ caches that nobody declared


def filling(entries: int, size: float, every: int = 2, count: int = 500) -> list[float]:
    return [3000.0 + size * min(entries, n // every) for n in range(count)]


def test_a_cache_that_nobody_declared_may_hold_eight_limits_of_small_entries() -> None:
    assert sure_at(plain(), filling(60, 16), cache=True) is None
    assert sure_at(plain(), filling(60, 16), cache=False) == 41


def test_beyond_eight_limits_it_is_a_leak_unless_it_flattens() -> None:
    at = sure_at(plain(), filling(1000, 16), cache=True)
    assert at is not None
    assert at > 128
    slower = [3000.0 + 16 * round(8 * n**0.5) for n in range(500)]
    assert sure_at(plain(), slower, cache=True) is None


def test_large_steps_are_no_entries_of_a_cache() -> None:
    assert sure_at(plain(), filling(1000, 60, every=4), cache=True) == 41


def test_what_adds_something_with_every_text_is_no_cache() -> None:
    assert sure_at(plain(), straight(100, 6), cache=True) == 41


# ------------------------------------------------------------------ figures with ways of their own


def test_workspaces_that_come_late_are_no_leak() -> None:
    late = Ratchet("memory", LIMIT * MIB, is_collected=False, comes_late=True)
    levels = [3000.0 + 40 * min(5, n // 28) for n in range(500)]
    assert sure_at(late, levels) is None
    assert sure_at(plain(), levels) is not None


@pytest.mark.parametrize(
    ("levels", "found"),
    [
        (straight(300, 10), 29),  # no collector to wait for
        (straight(300, 1), 291),  # counted anew from the 160th: until then it was slow as workspaces are
        (steps(300, 30, 250), 63),  # few, and three limits
        (steps(300, 30, 60), 243),  # few, and again after the 160th
    ],
)
def test_growth_among_late_workspaces_must_be_quick_or_go_on(levels: list[float], found: int) -> None:
    late = Ratchet("memory", LIMIT * MIB, is_collected=False, comes_late=True)
    steady_is_no_proof = [level + (n % 3) for n, level in enumerate(levels)]
    at = sure_at(late, steady_is_no_proof)
    assert at is not None
    assert abs(at - found) <= 3


def test_a_heap_keeps_what_its_longest_text_needed() -> None:
    heap = Ratchet("memory", LIMIT * MIB, per_char_bytes=2 * MIB)
    lengths = [80, 90, 100] * 20 + list(range(100, 600, 2)) + [100] * 100
    longest = 0
    for chars in lengths:
        longest = max(longest, chars)
        assert not heap.take((1000 + longest) * MIB, chars, may_be_cache=False)


def test_a_heap_that_grows_more_than_its_longest_text_explains_leaks() -> None:
    heap = Ratchet("memory", LIMIT * MIB, per_char_bytes=2 * MIB)
    found = [heap.take((1000 + 6 * n) * MIB, 80 + n, may_be_cache=False) for n in range(200)]
    assert True in found


def test_a_heap_that_fills_ever_more_slowly_is_no_leak() -> None:
    levels = [1000.0 + 220 * (1 - 0.97**n) for n in range(500)]
    jitter = [level + (n % 3) for n, level in enumerate(levels)]
    assert sure_at(Ratchet("memory", LIMIT * MIB, per_char_bytes=2 * MIB), jitter) is None
    assert sure_at(plain(), jitter) is not None


# ------------------------------------------------------------------ rates


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (straight(1, 500), 0.0),  # one figure is no growth
        (straight(2, 500), 500.0),
        (straight(2, 30), 0.0),  # a warm-up may do that
        (straight(WARM_UP, 500), 500.0),
        (straight(WARM_UP + 1, 500), 500.0),  # and on, once there is a baseline
        (straight(400, 6), 6.0),
        (straight(400, 0), 0.0),
        ([3000.0] * 200 + straight(2, 400, 3400), 400.0),  # two great steps in a row
        ([3000.0] * 200 + [3400.0], 50.0),  # one is spread over a block
        ([3000.0] * 100 + straight(50, 4) + [3200.0] * 400, 0.0),  # it grew, and is still
    ],
)
def test_the_rate_is_what_it_grows_by_now(levels: list[float], expected: float) -> None:
    assert rate(plain(), levels) == pytest.approx(expected, rel=0.1)


def test_a_segment_back_below_says_nothing_for_good() -> None:
    assert rate(plain(), [*straight(60, 6), 3000.0]) == 0.0


# ------------------------------------------------------------------ laws

#: Whole MiB on either side of the limit and of its parts.
heights = st.sampled_from([0, 1, 8, 16, 17, 64, 65, 127, 128, 129, 130, 384, 520, 1100])
histories = st.lists(heights, min_size=1, max_size=120)


@given(histories)
def test_what_never_rises_never_leaks(history: list[int]) -> None:
    falling = [float(one) for one in sorted(history, reverse=True)]
    ratchet = plain()
    assert sure_at(ratchet, falling) is None
    assert ratchet.rate_bytes == 0.0


@given(histories, st.integers(0, 20_000), st.booleans())
def test_only_growth_matters_and_no_level(history: list[int], more: int, cache: bool) -> None:
    low = [float(one) for one in history]
    high = [one + more for one in low]
    assert sure_at(plain(), low, cache=cache) == sure_at(plain(), high, cache=cache)


@given(histories, st.booleans())
def test_a_cache_that_may_be_there_never_makes_a_leak_of_what_is_none(
    history: list[int], cache: bool
) -> None:
    del cache
    levels = [float(one) for one in history]
    careful, sharp = sure_at(plain(), levels, cache=True), sure_at(plain(), levels)
    assert careful is None or (sharp is not None and sharp <= careful)


def test_sizes_are_told_with_as_many_digits_as_matter() -> None:
    assert (mib(1.25 * MIB), mib(1250 * MIB)) == ("1.2 MiB", "1250 MiB")


def test_the_words_tell_growth_baseline_and_rate() -> None:
    grown = plain()
    sure_at(grown, straight(41, 6))
    assert grown.words() == "memory grew by 168 MiB over 3072 MiB in 41 segments, by 6.0 MiB a segment"
    early = plain()
    sure_at(early, straight(4, 500))
    assert early.words() == "memory grew by 1500 MiB over 3000 MiB in 4 segments, by 500 MiB a segment"
