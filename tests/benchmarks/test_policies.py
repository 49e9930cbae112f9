"""The benchmark of policies: every rule meets the same jobs, and the table says what happened."""

from benchmarks.policies import GROUPS, Group, Row, rules, simulate, table
from benchmarks.simulation.job import Tally


def test_every_rule_has_its_row_and_one_seed_gives_the_same_figures() -> None:
    group = Group(title="tight", card_gib=12, names=("constant",))

    def simulated() -> list[Row]:
        return simulate("tight", group.drafts(range(1), 60), which="all", start_s=5.0, processes=1)

    rows = simulated()
    assert [row.rule for row in rows] == [rule.name for rule, _ in rules("all", 5.0)]
    assert rows == simulated()
    assert {row.tally.texts for row in rows} == {60}


def test_figures_are_per_thousand_texts() -> None:
    tally = Tally(texts=500, oom=1, kills=2, recycles=3, in_paragraph=1, lost_s=50.0)
    head, _, line = table([Row(group="g", rule="ours", tally=tally)]).splitlines()
    assert len(head.split("|")) == len(line.split("|"))
    assert "| 2.00 | 0.00 | 4.00 | 6.00 (2.00) |" in line
    assert "| 100 |" in line


def test_the_groups_are_those_that_the_targets_speak_of() -> None:
    cards = {group.card_gib for group in GROUPS}
    assert cards == {10, 12, 16, 24}
    assert all(group.names for group in GROUPS)
