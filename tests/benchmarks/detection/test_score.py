"""Rates are counted as they are told."""

import math

import pytest

from benchmarks.detection.score import Score, quantile
from benchmarks.traces.scenario import Truth

MIB = 2**20


def truth(*, onset: int = 0, rate_mib: int = 0, kind: str = "plain", texts: int = 100) -> Truth:
    leaked = tuple(max(0, at - onset + 1) * rate_mib * MIB if onset else 0 for at in range(1, texts + 1))
    return Truth(
        kind=kind,
        seed=1,
        leaks=onset > 0,
        onset=onset,
        rate_bytes=rate_mib * MIB,
        leaked_bytes=leaked,
        card_bytes=2**33,
    )


def test_an_alarm_in_a_benign_trace_is_false_and_counted_each_time() -> None:
    score = Score()
    score.take(truth(), [])
    score.take(truth(kind="jobs"), [10, 60])
    assert (score.false_rate, score.per_10k, score.neighbour) == (0.5, 100.0, 2)
    assert score.false == ["jobs 1"]


def test_a_leak_is_found_by_the_first_alarm_after_it_began() -> None:
    score = Score()
    score.take(truth(onset=11, rate_mib=5, kind="onset"), [31, 80])
    assert (score.found, score.strong_found, score.delays, score.leaked_mib) == (1, 1, [20], [105.0])


def test_an_alarm_before_the_leak_is_a_false_one_and_the_leak_is_missed() -> None:
    score = Score()
    score.take(truth(onset=11, rate_mib=5), [3, 31])
    score.take(truth(onset=11, rate_mib=1), [])
    assert (score.recall, score.early, score.strong, score.precision) == (0.0, 1, 1, 0.0)
    assert len(score.missed) == 2


def test_precision_is_of_traces_with_an_alarm() -> None:
    score = Score()
    for alarms in ([40], [50], [60]):
        score.take(truth(onset=1, rate_mib=5), alarms)
    score.take(truth(), [7])
    assert score.precision == 0.75


def test_two_scores_add_up() -> None:
    one, other, both = Score(), Score(), Score()
    for which in (one, both):
        which.take(truth(onset=1, rate_mib=5), [40])
    for which in (other, both):
        which.take(truth(), [7])
    one.merge(other)
    assert one == both


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 3), (0.9, 5), (1.0, 5)])
def test_a_quantile_is_one_of_the_figures(share: float, expected: int) -> None:
    assert quantile([5, 1, 4, 2, 3], share) == expected


def test_nothing_has_no_quantile_and_no_rates() -> None:
    nothing = Score()
    assert math.isnan(quantile([], 0.5))
    assert (nothing.false_rate, nothing.per_10k, nothing.recall) == (0.0, 0.0, 0.0)
    assert (nothing.strong_recall, nothing.precision) == (0.0, 0.0)
