"""The usual rules do what their users' code does."""

import pytest

from benchmarks.detection.usual import (
    USUAL,
    Cusum,
    Every,
    Level,
    MannKendall,
    OverFirst,
    OverWarm,
    Rule,
    Seen,
    alarms,
    live,
    reserved,
    used,
)
from benchmarks.traces.corpus import drawn
from benchmarks.traces.recording import play

MIB = 2**20


def first_alarm(rule: Rule, levels: list[int]) -> int | None:
    for at, level in enumerate(levels, start=1):
        seen = Seen(used=level * MIB, live=level * MIB, reserved=level * MIB, total=10_000 * MIB)
        if rule.take(seen):
            return at
    return None


FLAT = [3000] * 200
RISING = [3000 + 10 * n for n in range(200)]
JUMPING = [3000 + 37 * (n * n % 11) for n in range(200)]


@pytest.mark.parametrize(
    ("rule", "levels", "expected"),
    [
        (OverFirst(live), RISING, 32),
        (OverFirst(live), FLAT, None),
        (Level(used), [8999, 9000, 9001], 3),
        (OverWarm(reserved, 300 * MIB), RISING, 40),
        (OverWarm(reserved, 300 * MIB), FLAT, None),
        (MannKendall(live, 34, 2.33), RISING, 38),
        (MannKendall(live, 34, 2.33), FLAT, None),
        (MannKendall(live, 34, 2.33), JUMPING, None),
        (Cusum(live), FLAT, None),
        (Every(100), FLAT, 100),
    ],
)
def test_a_rule_raises_its_alarm_where_it_must(rule: Rule, levels: list[int], expected: int | None) -> None:
    assert first_alarm(rule, levels) == expected


def test_cusum_sums_what_exceeds_the_warm_up() -> None:
    at = first_alarm(Cusum(live), [3000] * 40 + RISING)
    assert at is not None
    assert at > 40


def test_mann_kendall_by_sliding_is_that_of_the_whole_window() -> None:
    window = 12
    rule = MannKendall(live, window, 1.0)
    for n in range(100):
        found = rule.take(Seen(used=0, live=JUMPING[n], reserved=0, total=1))
        seen = JUMPING[4 : n + 1][-window:]
        total = sum((b > a) - (b < a) for i, a in enumerate(seen) for b in seen[i + 1 :])
        spread = (window * (window - 1) * (2 * window + 5) / 18) ** 0.5
        assert found is (len(seen) == window and (total - 1) / spread > 1.0)


@pytest.mark.parametrize("name", USUAL)
def test_every_rule_judges_engines_with_torch_and_without_once_a_life(name: str) -> None:
    for kind in ("leak, lives", "host leak"):
        records, truth = play(drawn(kind, 2, texts=250))
        found = list(alarms(records, USUAL[name], truth.card_bytes))
        assert found == sorted(set(found))
        assert len(found) <= 4


def test_a_figure_that_is_unknown_raises_no_alarm() -> None:
    unknown = Seen(used=None, live=None, reserved=None, total=1)
    for name, make in USUAL.items():
        assert name == "every 100 segments" or not any(make().take(unknown) for _ in range(120))
