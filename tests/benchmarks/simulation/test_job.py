"""Whole jobs under the usual cures: what is tallied is what happened."""

from random import Random

import pytest

from benchmarks.simulation.cases import BENIGN, LEAKY, case, issue_case, jobs, texts, walk
from benchmarks.simulation.job import RELEASE_S, Rule, run
from benchmarks.simulation.rivals import COLD_S, EmptyAndRest, EverySoMany, Growth, Level, Nothing, rivals
from benchmarks.traces.model import GIB


def test_a_case_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    drawn = [case("steps", 16 * GIB, seed, segments=50) for seed in (1, 1, 2)]
    assert drawn[0].texts == drawn[1].texts != drawn[2].texts
    assert drawn[0].seed == drawn[1].seed != drawn[2].seed


@pytest.mark.parametrize("name", [*BENIGN, *LEAKY])
def test_a_job_is_the_same_each_time(name: str) -> None:
    def tallies() -> list[object]:
        drawn = case(name, 12 * GIB, 5, segments=150)
        return [run(drawn, Level(0.8)), run(drawn, Nothing())]

    assert tallies() == tallies()


def test_a_child_that_leaks_runs_out_of_memory_where_nothing_is_done() -> None:
    tally = run(issue_case(1, segments=60), Nothing())
    assert tally.oom > 5
    assert (tally.kills, tally.recycles, tally.given_up) == (0, 0, 0)
    assert tally.lost_s > tally.oom * COLD_S


def test_one_that_does_not_leak_loses_nothing_but_its_rests() -> None:
    drawn = case("plain", 24 * GIB, 1, segments=100)
    assert run(drawn, Nothing()).lost_s == pytest.approx(0.0, abs=1e-6)
    rested = run(drawn, EmptyAndRest())
    assert rested.lost_s == pytest.approx(100 * 5.0 + 99 * RELEASE_S)
    assert rested.cleans == 99


def test_a_fixed_number_recycles_at_boundaries_whether_it_is_needed_or_not() -> None:
    tally = run(case("plain", 24 * GIB, 1, segments=400), EverySoMany("of 100", count=100))
    assert 3 <= tally.recycles <= 4
    assert tally.in_paragraph == 0
    assert tally.lost_s == pytest.approx(tally.recycles * COLD_S)


def test_a_level_kills_within_a_text_which_is_then_spoken_again() -> None:
    tally = run(issue_case(1, segments=60), Level(0.9))
    assert tally.kills > 5
    assert tally.recycles == 0
    assert tally.lost_s > tally.kills * COLD_S


def test_a_rule_of_growth_blames_our_child_for_its_neighbour() -> None:
    tally = run(case("neighbour walk", 24 * GIB, 1, segments=200), Growth())
    assert 0 < tally.baseless <= tally.kills


def test_a_text_that_fails_three_times_is_given_up() -> None:
    tally = run(case("plain", 16 * GIB, 1, segments=20), Level(0.1))
    assert (tally.kills, tally.given_up) == (60, 20)


def test_a_neighbour_runs_jobs_and_rests() -> None:
    neighbour = jobs(Random(1))
    seen = [neighbour(float(at_s), 0) for at_s in range(0, 20_000, 10)]
    assert 0.2 < sum(size == 0 for size in seen) / len(seen) < 0.8
    assert 0 < max(seen) <= 5 * GIB


def test_a_walk_is_the_same_whenever_it_is_looked_at() -> None:
    one, other = walk(Random(1)), walk(Random(1))
    late = other(5000.0, 0)
    assert [one(float(at_s), 0) for at_s in range(0, 5001, 5)][-1] == late
    assert 0 <= late <= 3 * GIB


def test_paragraphs_have_one_to_eight_texts() -> None:
    drawn = texts(Random(1), 1000)
    assert len(drawn) == 1000
    sizes, size = list[int](), 0
    for text in drawn:
        size += 1
        if text.ends:
            sizes.append(size)
            size = 0
    assert size == 0
    assert (min(sizes), max(sizes)) == (1, 8)
    assert {text.ends for text in drawn} == {"", "paragraph", "chapter"}


def test_spikes_and_drift_are_longer() -> None:
    longest = {
        manner: max(text.chars for text in texts(Random(1), 1000, manner=manner))
        for manner in ("plain", "spikes")
    }
    assert longest["plain"] <= 400
    assert 600 <= longest["spikes"] <= 1200
    drift = [text.chars for text in texts(Random(1), 1000, manner="drift")]
    assert sum(drift[500:]) > 1.3 * sum(drift[:500])


def test_every_rule_of_others_has_a_name_of_its_own() -> None:
    names = [rule.name for rule in rivals()]
    assert len(set(names)) == len(names) == 9


def test_a_rule_that_kills_for_host_memory_does_not_see_a_leak_on_the_card() -> None:
    blind: Rule = next(rule for rule in rivals() if "RSS" in rule.name)
    drawn = issue_case(1, segments=60)
    assert run(drawn, blind).oom == run(drawn, Nothing()).oom
