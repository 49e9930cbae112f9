import pytest

from supervisor.narration.summary import skipped_characters, summarize
from supervisor.wire.speech import expected_s
from tests.supervisor.narration.laws import plan_text, texts_of


def test_a_plan_in_figures() -> None:
    text = "# Title\n\nHello **there**.\n\n```\ncode\n```"
    plan = plan_text(text, "markdown")
    summary = summarize(plan, sample_rate_hz=1000, reused=1)
    assert (summary.chapters, summary.segments, summary.characters) == (1, 2, len(text))
    assert summary.spoken_characters == len("TitleHello there.")
    assert summary.skipped == {"markup": 5, "blank": 5, "code block": 12}
    assert summary.spoken_characters + sum(summary.skipped.values()) == len(text)
    assert summary.expected_seconds == pytest.approx(sum(expected_s(each) for each in texts_of(plan)))
    assert summary.expected_bytes == round(summary.expected_seconds * 1000 * 2 * 2)
    assert summary.reused == 1


def test_figures_hold_what_went_wrong() -> None:
    plan = plan_text('{"text": "Hi.", "x": 1}\nbad', "jsonl")
    summary = summarize(plan)
    assert [bad.line for bad in summary.bad_lines] == [2]
    assert summary.notices == list(plan.notices)
    assert summary.expected_bytes > 0


def test_skipped_characters_can_be_told_by_source() -> None:
    plan = plan_text("One.\n\nTwo.")
    assert skipped_characters(plan, 0) == {"blank": 2}
    assert skipped_characters(plan, 1) == {}
