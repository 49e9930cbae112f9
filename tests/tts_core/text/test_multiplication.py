"""Asterisks."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_core.text.multiplication import IN_CHINESE, IN_ENGLISH


def by_four_rules(text: str, word: str, numerals: str) -> str:
    """The same in the long form: a bracket before, after, on both sides, on none."""
    factor = f"[{numerals}a-zA-Z]"
    rules = [
        rf"(?<={before})\s*\*\s*(?={after})"
        for before in (factor, rf"{factor}\)")
        for after in (factor, rf"\({factor}")
    ]
    return re.sub("|".join(rules), word, text).replace("*", "")


@given(st.text("a9三(（) *+", max_size=12))
def test_both_languages_read_an_asterisk_as_four_plain_rules_do(text: str) -> None:
    assert IN_ENGLISH.read(text) == by_four_rules(text, "multiply", "0-9")
    assert IN_CHINESE.read(text) == by_four_rules(text, "乘", "一二三四五六七八九十百千万亿")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("三*四", "三乘四"),
        ("(a) * (b)", "(a)乘(b)"),
        ("**重点**", "重点"),
        ("零*一", "零一"),
        ("a*b*c", "a乘b乘c"),
    ],
)
def test_between_factors_it_is_spoken_and_elsewhere_it_goes(text: str, expected: str) -> None:
    assert IN_CHINESE.read(text) == expected


def test_in_english_it_is_spoken_without_spaces_around_it() -> None:
    assert IN_ENGLISH.read("a * b") == "amultiplyb"
