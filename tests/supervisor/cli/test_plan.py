import pytest

from supervisor.cli.plan import lines
from supervisor.narration.plan import BadLine, PlanSummary
from tests.supervisor.cli.driver import Home
from tests.tts_core.small_checkpoint import make_small_checkpoint

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


def test_a_plan_for_a_model_that_is_not_whole_says_so_and_is_a_plan_all_the_same(home: Home) -> None:
    home.write("book.txt", "Some words.")
    checkpoint = make_small_checkpoint(home.path / "ckpt")
    sets = ("--set", "engine.name=glm", "--set", f"engine.glm.checkpoint={checkpoint}")
    whole = home.run(*sets, "plan", "book.txt")
    assert (whole.code, "cannot speak yet" in whole.out) == (0, False), whole
    spelled = home.run(*sets, "--set", "engine.glm.phonemes=true", "plan", "book.txt")
    assert f"cannot speak yet: {checkpoint}/configs: no G2P_able_1word.json" in spelled.out
    lexicon = home.write("own.jsonl", "no JSON")
    own = home.run(*sets, "--set", f"engine.glm.lexicon={lexicon}", "plan", "book.txt")
    assert f"no phonemes can be asked for: {lexicon}:1: wanted" in own.out
    (checkpoint / "flow" / "flow.pt").unlink()
    (checkpoint / "hift" / "hift.pt").write_bytes(b"")
    broken = home.run(*sets, "plan", "book.txt", "--json").last_json
    said = [notice for notice in broken["notices"] if "the engine glm cannot speak yet" in notice]
    assert [part in notice for part, notice in zip(("flow.pt", "hift.pt"), said, strict=True)] == [True, True]
    assert broken["segments"] == 1


def test_a_plan_for_a_model_that_is_nowhere_says_so(home: Home) -> None:
    home.write("book.txt", "Some words.")
    none = ("--set", "engine.name=glm", "plan", "book.txt")
    assert "engine.glm.checkpoint is not set, so nothing can be spoken" in home.run(*none).out
    gone = ("--set", f"engine.glm.checkpoint={home.path}/gone", *none)
    assert f"cannot speak yet: {home.path}/gone: there is no such folder" in home.run(*gone).out
    stranger = ("--set", "child.python=/bin/false", "--set", f"engine.glm.checkpoint={home.path}", *none)
    assert "whether the engine glm can speak is not known: /bin/false" in home.run(*stranger).out


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
