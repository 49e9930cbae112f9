"""Units of a text, and what they weigh."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_core.text.units import SYLLABLE_WEIGHT, units, weight


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("你好。", ["你", "好", "。"]),
        ("don't stop-gap", ["don't ", "stop-gap"]),
        ("'tis -x", ["'", "tis ", "-", "x"]),
        ("a1b", ["a", "1", "b"]),
        ("用python写", ["用", "python", "写"]),
        ("  a  b", ["  ", "a  ", "b"]),
        ("好　的", ["好　", "的"]),
        ("ひらがな漢字", ["ひらがな", "漢", "字"]),
        ("a 'b", ["a ", "'", "b"]),
        ("naïve café", ["naïve ", "café"]),
    ],
)
def test_units_are_characters_words_and_signs(text: str, expected: list[str]) -> None:
    assert units(text) == expected


@given(st.text())
def test_joined_again_they_are_the_text_and_only_the_first_can_be_white(text: str) -> None:
    parts = units(text)
    assert "".join(parts) == text
    assert not [part for part in parts[1:] if part.isspace()]


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("你", 1),
        ("。 ", 1),
        ("5", 1),
        ("hello ", 2 * SYLLABLE_WEIGHT),
        ("don't", 1),
        ("café", 1),
        (" ", 1),
        ("hmm", 0),
    ],
)
def test_an_english_word_weighs_by_its_syllables_and_the_rest_weighs_one(unit: str, expected: float) -> None:
    assert weight(unit) == expected
