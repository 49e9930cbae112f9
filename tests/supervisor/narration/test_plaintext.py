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


def test_a_line_that_looks_like_a_title_belongs_to_the_heading_above_it() -> None:
    assert read("Chapter 1\nThe Title\n\nIt was so.") == [("Chapter 1 The Title", 2), ("It was so.", 0)]
    assert read("\u7b2c\u4e00\u7ae0\n\u5f52\u6765\n\u3000\u3000\u4ed6\u3002")[0] == (
        "\u7b2c\u4e00\u7ae0 \u5f52\u6765",
        2,
    )
    assert read("Chapter 1\nIt was the hardest.")[0][1] == 0
    assert read("Chapter 1\n\u201cIt was the hardest.\u201d")[0][1] == 0
    assert read("Chapter 1\nThe Title\nIt was so")[0][1] == 0


@pytest.mark.parametrize(
    ("text", "paragraphs"),
    [
        ("  One goes\non here.\n  Two.", ["One goes on here.", "Two."]),
        ("\tOne.\n\tTwo\nis long.\n\t\u201cThree.\u201d", ["One.", "Two is long.", "\u201cThree.\u201d"]),
        ("Chapter 1\n  One goes\non.\n  Two.", ["Chapter 1", "One goes on.", "Two."]),
        ("One goes\non\nand on.", ["One goes on and on."]),
        ("Smith, J\n  The Book\n\nJones, K\n  A Tale.", ["Smith, J The Book", "Jones, K A Tale."]),
        ("One.\n  a quotation of\n  two lines.\nTwo.", ["One.", "a quotation of two lines. Two."]),
    ],
)
def test_indents_start_paragraphs_where_they_follow_sentences(text: str, paragraphs: list[str]) -> None:
    assert [body for body, _ in read(text)] == paragraphs


@pytest.mark.parametrize(
    ("text", "paragraphs"),
    [
        ("- a\n- b", ["- a", "- b"]),
        ("Buy:\n1. a\n   more\n2. b\n3. c", ["Buy:", "1. a more", "2. b", "3. c"]),
        ("\u2014 Oui.\n\u2014 Non.", ["\u2014 Oui.", "\u2014 Non."]),
        ("He said\n- but why?\nnothing\n- at all.", ["He said - but why? nothing - at all."]),
        ("It was\n12. Then\n14. Was it?", ["It was 12. Then 14. Was it?"]),
        ("1. a\n2) b\n- c", ["1. a 2) b - c"]),
    ],
)
def test_the_lines_of_a_list_are_paragraphs(text: str, paragraphs: list[str]) -> None:
    assert [body for body, _ in read(text)] == paragraphs


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("in torr-\nents of", "in torr-ents of"),
        ("a well-  \r\n  known man", "a well-known man"),
        ("torr\u00ad\nents", "torrents"),
        ("Anglo-\nSaxon", "Anglo- Saxon"),
        ("two-\nand three-year", "two- and three-year"),
        ("wait -\nwhat", "wait - what"),
        ("1939-\n1945", "1939- 1945"),
    ],
)
def test_a_word_that_is_divided_at_the_end_of_a_line_is_one_word(text: str, body: str) -> None:
    assert read(text) == [(body, 0)]


def test_a_heading_between_indented_paragraphs_needs_no_blank_line() -> None:
    text = "\u3000\u3000一。\n第二章\n\u3000\u3000二。"
    assert read(text) == [("一。", 0), ("第二章", 2), ("二。", 0)]
