import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.policy.stall import Stall

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
