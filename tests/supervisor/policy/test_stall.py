import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.policy.stall import Silences, Stall

STALL_S = 5.0

# Whole seconds held as floats: gaps around the limit land on its edge.
gaps_s = st.sampled_from([0.0, 1.0, 4.0, 5.0, 6.0])


@given(st.lists(gaps_s, max_size=8), gaps_s)
def test_it_is_stalled_when_the_last_progress_is_too_long_ago(gaps: list[float], then_s: float) -> None:
    stall = Stall(STALL_S, at_s=100.0)
    times_s = list(itertools.accumulate(gaps, initial=100.0))
    for at_s in times_s[1:]:
        stall.progress(at_s)
    assert stall.is_stalled(times_s[-1] + then_s) is (then_s >= STALL_S)
    assert stall.deadline_s == times_s[-1] + STALL_S


def test_progress_that_is_told_late_takes_nothing_back() -> None:
    stall = Stall(STALL_S, at_s=0.0)
    stall.progress(3.0)
    stall.progress(1.0)
    assert stall.deadline_s == 8.0


@pytest.mark.parametrize(("at_s", "stalled"), [(4.75, False), (5.0, True), (5.25, True)])
def test_the_limit_itself_is_too_long(at_s: float, stalled: bool) -> None:
    assert Stall(STALL_S, at_s=0.0).is_stalled(at_s) is stalled


def test_a_limit_of_nothing_means_never() -> None:
    stall = Stall(0.0, at_s=0.0)
    assert stall.deadline_s == math.inf
    assert not stall.is_stalled(1e9)


@given(st.lists(gaps_s, max_size=8))
def test_the_longest_silence_is_kept(gaps: list[float]) -> None:
    stall = Stall(STALL_S, at_s=100.0)
    for at_s in list(itertools.accumulate(gaps, initial=100.0))[1:]:
        stall.progress(at_s)
    assert stall.longest_s == max(gaps, default=0.0)


# ------------------------------------------------------------------ what is learned

FLOOR_S = 30.0


def learned(*segments: tuple[float, int, float]) -> Silences:
    """Learn from (longest silence, characters, seconds of audio)."""
    silences = Silences(FLOOR_S)
    for longest_s, chars, audio_s in segments:
        silences.finished(longest_s=longest_s, chars=chars, audio_s=audio_s)
    return silences


def test_before_anything_is_learned_the_floor_holds() -> None:
    assert Silences(FLOOR_S).limit_s(200) == FLOOR_S


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 500), st.floats(0, 60))), st.integers(1, 500))
def test_no_limit_is_under_the_floor_and_a_longer_text_has_no_shorter_one(
    segments: list[tuple[float, int, float]], chars: int
) -> None:
    silences = learned(*segments)
    assert FLOOR_S <= silences.limit_s(chars) <= silences.limit_s(chars + 1)


@given(st.floats(0, 1000), st.integers(20, 500), st.floats(2, 60))
def test_a_text_like_the_one_seen_may_be_silent_for_five_times_as_long(
    longest_s: float, chars: int, audio_s: float
) -> None:
    assert learned((longest_s, chars, audio_s)).limit_s(chars) == pytest.approx(max(FLOOR_S, 5 * longest_s))


def test_the_longest_by_the_second_of_audio_counts() -> None:
    silences = learned((20.0, 100, 10.0), (10.0, 100, 10.0))
    assert silences.limit_s(100) == 100.0
    assert silences.limit_s(200) == 200.0


def test_a_short_text_is_no_measure_of_a_long_one() -> None:
    silences = learned((10.0, 2, 0.2))
    assert silences.limit_s(200) == pytest.approx(50.0)


def test_where_children_never_stall_nothing_learned_makes_them() -> None:
    silences = Silences(0.0)
    silences.finished(longest_s=100.0, chars=100, audio_s=10.0)
    assert silences.limit_s(100) == 0.0
