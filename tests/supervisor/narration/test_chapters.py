import pytest

from supervisor.narration.plan import Plan
from tests.supervisor.narration.laws import plan_text, segments_of


def pauses(plan: Plan) -> list[tuple[str, str]]:
    return [(segment.text, segment.pause) for segment in segments_of(plan)]


def titles(text: str) -> list[str]:
    return [chapter.title for chapter in plan_text(text, "markdown").chapters]


def test_pauses_follow_what_ends() -> None:
    text = "One, two three. Four.\n\nFive.\n\n### Head\n\nSix."
    assert pauses(plan_text(text, "markdown", segment_chars=12)) == [
        ("One,", "none"),
        ("two three.", "sentence"),
        ("Four.", "paragraph"),
        ("Five.", "heading"),
        ("Head", "heading"),
        ("Six.", "paragraph"),
    ]


def test_a_chapter_ends_with_the_pause_of_a_heading() -> None:
    plan = plan_text('{"text": "One."}\n{"text": "Two."}', "jsonl")
    assert pauses(plan) == [("One.", "heading"), ("Two.", "paragraph")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Text.", ["book"]),
        ("# A\n\ntext\n\n# B\n\ntext", ["A", "B"]),
        ("# A\n\ntext\n\n## B\n\ntext", ["A", "B"]),
        ("# A\n\n## B\n\ntext\n\n## C\n\ntext", ["B", "C"]),
        ("# A\n\n# B\n\ntext", ["A", "B"]),
        ("## A\n\n# B\n\ntext", ["A", "B"]),
        ("before\n\n# A\n\ntext", ["book", "A"]),
        ("***\n\n# A\n\ntext", ["A"]),
        ("# A\n\ntext\n\n### deep\n\ntext", ["A"]),
        ("# A\n\n### deep\n\n## B\n\ntext", ["A", "B"]),
        ("# !!!\n\ntext", ["book"]),
        ("> # A\n\ntext", ["book"]),
        ("- # A\n\ntext", ["book"]),
    ],
)
def test_headings_of_two_levels_begin_chapters(text: str, expected: list[str]) -> None:
    assert titles(text) == expected


def test_a_heading_over_a_deeper_one_is_spoken_in_its_chapter() -> None:
    plan = plan_text("# Book\n\n## One\n\nText.", "markdown")
    assert pauses(plan) == [("Book", "heading"), ("One", "heading"), ("Text.", "paragraph")]


def test_a_long_heading_is_spoken_whole_and_cut_as_a_title() -> None:
    plan = plan_text("# " + "word " * 60, "markdown")
    assert len(plan.chapters[0].title) <= 120
    assert " ".join(s.text for s in segments_of(plan)) == ("word " * 60).strip()
