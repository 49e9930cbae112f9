"""Spaces, marks in a row, and ends."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_core.text.marks import MARKS
from tts_core.text.punctuation import ended, tidied


def spaces_one_by_one(text: str) -> str:
    """Walk over a text and look at both neighbours of each space."""
    text = re.sub(" +", " ", text)
    kept = ""
    for at, char in enumerate(text):
        before, after = text[at - 1] if at else "", text[at + 1 : at + 2]
        word = before.isascii() and before.isalnum()
        if char != " " or ((word or (before and before in ".,!?;:")) and after.isascii() and after.isalnum()):
            kept += char
    return kept


@given(st.text("aZ9 .,!?;:的，。'é²", max_size=12))
def test_a_space_stays_only_where_an_english_word_follows_a_word_or_a_mark(text: str) -> None:
    expected = spaces_one_by_one(text)
    assert tidied(text).count(" ") == expected.count(" ")


@given(st.text(MARKS + "ab的", max_size=12))
def test_of_marks_in_a_row_the_last_one_stays(text: str) -> None:
    runs = re.sub(f"[{MARKS}]+", lambda run: run[0][-1], text)
    assert tidied(text) == runs.replace("！", "。").replace("!", ".")


@pytest.mark.parametrize(
    ("text", "expected"), [("#标签", "标签"), ("a.#.b", "a..b"), ("好！", "好。"), ("what?!", "what.")]
)
def test_hashes_and_exclamations_go(text: str, expected: str) -> None:
    assert tidied(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "."),
        ("好", "好。"),
        ("好，", "好。"),
        ("好？", "好？"),
        ("好?", "好?"),
        ("ok", "ok."),
        ("ok,", "ok."),
        ("？", "？"),
        ("。", "."),
        ("ok…", "ok…."),
    ],
)
def test_every_text_ends_with_a_stop_or_a_question_mark(text: str, expected: str) -> None:
    assert ended(text) == expected
