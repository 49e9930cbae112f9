"""A small slice of the policy simulation: what is promised of our panel holds for a few seeds.

The whole of it is `python -m benchmarks.policies`; its figures are in docs/measurements.md.
"""

import pytest

from benchmarks.simulation.cases import BENIGN, LEAKY, case, issue_case
from benchmarks.simulation.job import Tally, run
from benchmarks.simulation.ours import Ours
from benchmarks.simulation.rivals import Nothing
from benchmarks.traces.model import GIB

SEED = 4_000  # of neither half of the benchmark


def ours(name: str, gib: int, *, segments: int = 500, seed: int = SEED, hidden: bool = False) -> Tally:
    return run(case(name, gib * GIB, seed, segments=segments), Ours(hidden=hidden))


@pytest.mark.parametrize("gib", [16, 24])
@pytest.mark.parametrize("name", BENIGN)
def test_on_a_card_with_headroom_nothing_is_done_to_a_child_that_does_not_leak(name: str, gib: int) -> None:
    tally = ours(name, gib)
    assert (tally.oom, tally.kills, tally.recycles, tally.given_up) == (0, 0, 0, 0)


@pytest.mark.parametrize("name", LEAKY)
def test_on_a_card_with_headroom_a_leak_costs_a_few_recycles_between_texts_and_nothing_else(
    name: str,
) -> None:
    tally = ours(name, 16)
    assert (tally.oom, tally.kills, tally.given_up) == (0, 0, 0)
    assert tally.recycles <= 3


@pytest.mark.parametrize("name", LEAKY)
def test_on_a_tight_card_a_leak_brings_no_out_of_memory_error(name: str) -> None:
    tally = ours(name, 12)
    assert (tally.oom, tally.given_up) == (0, 0)


@pytest.mark.parametrize("name", ["neighbour jobs", "neighbour walk"])
def test_on_a_tight_card_a_neighbour_costs_no_text_and_no_child_its_life(name: str) -> None:
    tally = ours(name, 12)
    assert (tally.oom, tally.kills, tally.given_up) == (0, 0, 0)


def test_a_leak_outside_torch_that_the_driver_hides_does_not_hold_up_the_job_for_ever() -> None:
    tally = ours("outside", 12, segments=1000, hidden=True)
    assert (tally.oom, tally.given_up) == (0, 0)
    assert tally.lost_s < 1200


def test_half_a_gigabyte_from_the_first_text_on_is_spoken_to_the_end() -> None:
    drawn = issue_case(SEED, segments=200)
    mine, nothing = run(drawn, Ours()), run(drawn, Nothing())
    assert (mine.oom, mine.kills, mine.given_up) == (0, 0, 0)
    assert nothing.oom > 20
    assert mine.lost_s < nothing.lost_s / 5


def test_the_same_job_is_decided_the_same_way_each_time() -> None:
    assert ours("beside a neighbour", 12) == ours("beside a neighbour", 12)
