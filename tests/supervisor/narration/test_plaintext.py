import pytest

from supervisor.narration.plaintext import read_plaintext
from supervisor.narration.traced import trace


def read(text: str) -> list[tuple[str, int]]:
    return [(passage.body.text, passage.chapter_level) for passage in read_plaintext(trace(text))]


@pytest.mark.parametrize(
    ("text", "paragraphs"),
    [
        ("One\nline.\n\nTwo.", ["One line.", "Two."]),
        ("One\r\nline.\r\n \t\r\nTwo.\r\n", ["One line.", "Two."]),
        ("One\rline.\r\rTwo.", ["One line.", "Two."]),
        ("\n\n\nOne.", ["One."]),
        ("\u3000\u3000第一段。\n\u3000\u3000第二段\n还是它。", ["第一段。", "第二段 还是它。"]),
        ("no final newline", ["no final newline"]),
        ("I\n\n好", ["I", "好"]),
        ("", []),
        (" \n\0\n", []),
    ],
)
def test_paragraphs_stand_between_blank_lines_or_at_an_indent(text: str, paragraphs: list[str]) -> None:
    assert [body for body, _ in read(text)] == paragraphs


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("Chapter 12", 2),
        ("CHAPTER XIV.", 2),
        ("Chapter Twenty-One: The Road Home", 2),
        ("chapter 3 - Rain", 2),
        ("Epilogue", 2),
        ("第十二章", 2),
        ("第12回 归来", 2),
        ("第一百零八节：雨", 2),
        ("楔子", 2),
        ("Part One", 1),
        ("BOOK II: The Sea", 1),
        ("第三卷 海", 1),
        ("Chapter", 0),
        ("Chapter 12 was the hardest to write", 0),
        ("Chapters 12", 0),
        ("第十二章很难写", 0),
        ("Part of it", 0),
        ("Chapter 1: " + "x" * 200, 0),
    ],
)
def test_a_line_by_itself_that_is_a_number_of_a_chapter_is_a_heading(line: str, level: int) -> None:
    assert read(f"Before.\n\n{line}\n\nAfter.") == [("Before.", 0), (line, level), ("After.", 0)]


def test_a_line_among_others_is_no_heading() -> None:
    assert read("Chapter 12\nwas the hardest.") == [("Chapter 12 was the hardest.", 0)]
    assert read("the hardest was\nChapter 12") == [("the hardest was Chapter 12", 0)]


def test_a_heading_between_indented_paragraphs_needs_no_blank_line() -> None:
    text = "\u3000\u3000一。\n第二章\n\u3000\u3000二。"
    assert read(text) == [("一。", 0), ("第二章", 2), ("二。", 0)]
