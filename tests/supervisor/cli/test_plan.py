import pytest

from supervisor.cli.plan import lines
from supervisor.narration.plan import BadLine, PlanSummary
from tests.supervisor.cli.driver import Home

pytestmark = pytest.mark.processes


def test_a_plan_accounts_for_every_character_and_leaves_no_trace(home: Home) -> None:
    text = "# Title\n\nSome *words* here.\n\n```\ncode\n```\n"
    home.write("book.md", text)
    done = home.run("plan", "book.md", "--json")
    plan = done.last_json
    assert done.code == 0
    assert plan["characters"] == len(text)
    assert plan["spoken_characters"] == len(text) - sum(plan["skipped"].values())
    assert plan.keys() >= {"chapters", "segments", "expected_seconds", "expected_bytes", "bad_lines"}
    assert {path.name for path in home.path.iterdir()} == {"book.md"}


def test_a_bad_line_is_planned_around_and_named(home: Home) -> None:
    home.write("lines.jsonl", '{"text": "Good."}\nnonsense\n')
    done = home.run("plan", "lines.jsonl")
    assert done.code == 0
    assert "line 2" in done.out


def test_a_plan_for_people_has_its_figures_in_words() -> None:
    bad = BadLine(source=0, line=7, message="no text", start=1, end=2)
    summary = PlanSummary(
        chapters=2,
        segments=30,
        characters=1000,
        spoken_characters=900,
        skipped={"markup": 100},
        expected_seconds=3723.4,
        expected_bytes=3 * 2**30,
        bad_lines=[bad],
        notices=["field 'x' means nothing here"],
    )
    shown = "\n".join(lines(summary))
    for part in ("1:02:03", "3.0 GiB", "100 skipped: markup", "line 7: no text", "field 'x'"):
        assert part in shown
