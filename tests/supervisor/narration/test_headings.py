import pytest

from supervisor.narration.headings import heading_level


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("  Chapter 12\r\n", 2),
        ("preface:", 2),
        ("第 3 章·雨", 2),
        ("Volume the Second", 1),
        ("第二部", 1),
        ("Chapterhouse", 0),
        ("Prologue to it", 0),
        ("第二部分的人", 0),
        ("Chapter 1: " + "x" * 200, 0),
        ("", 0),
    ],
)
def test_a_line_that_is_nothing_but_a_number_of_a_chapter_has_a_level(line: str, level: int) -> None:
    assert heading_level(line) == level
