"""Marks, and which language a text is taken for."""

import re

import pytest

from tts_core.text.marks import ANY_MARK, MARKS, has_chinese, is_mark


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abc", False),
        ("", False),
        ("a的b", True),
        ("，。？", False),
        ("ひらがな", False),
        ("㐀", False),
        ("一", True),
    ],
)
def test_one_character_of_the_basic_block_makes_a_text_chinese(text: str, *, expected: bool) -> None:
    assert has_chinese(text) is expected


def test_the_class_of_marks_matches_each_of_them_and_nothing_else() -> None:
    found = {char for char in map(chr, range(0x10000)) if re.fullmatch(ANY_MARK, char)}
    assert found == set(MARKS) == {char for char in map(chr, range(0x10000)) if is_mark(char)}


def test_two_marks_or_none_are_not_one() -> None:
    assert not is_mark("")
    assert not is_mark("。？")
