"""Segments as the model's own code cuts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_core.errors import TextError
from tts_core.text.splitting import split_as_upstream

SENTENCE = "清晨的阳光透过窗户洒在书桌上，"  # 15 units


def test_a_segment_ends_at_the_first_mark_from_thirty_on() -> None:
    assert split_as_upstream(SENTENCE * 5) == [SENTENCE * 2, SENTENCE * 2, SENTENCE]
    assert split_as_upstream("一" * 28 + "。" + SENTENCE) == ["一" * 28 + "。" + SENTENCE]
    assert split_as_upstream("一" * 29 + "。" + SENTENCE) == ["一" * 29 + "。", SENTENCE]


def test_a_segment_without_marks_is_cut_every_sixty_units() -> None:
    assert [len(one) for one in split_as_upstream("一" * 130)] == [60, 60, 10]


def test_a_mark_does_not_begin_a_segment_after_such_a_cut() -> None:
    assert split_as_upstream("一" * 60 + "。二") == ["一" * 60 + "。", "二"]
    assert split_as_upstream("一" * 61 + "。") == ["一" * 60, "一。"]


def test_an_english_word_counts_by_its_syllables() -> None:
    words = "water " * 30  # 42 of weight
    assert split_as_upstream(f"{words}, and so on") == [f"{words}, ", "and so on"]
    assert split_as_upstream("the " * 41 + ", b") == ["the " * 41 + ", b"]  # 29.7 with the mark


def test_sixty_units_of_more_than_sixty_weight_are_cut_by_units() -> None:
    words = [f"{word} " for word in ["hello"] * 70]
    assert split_as_upstream("".join(words)) == ["".join(words[:60]), "".join(words[60:])]


def test_long_words_without_a_mark_are_the_fault_that_the_model_has() -> None:
    with pytest.raises(TextError, match="40 words"):
        split_as_upstream("internationalization " * 40)


def test_white_space_before_the_first_word_is_the_other() -> None:
    with pytest.raises(TextError, match="white space"):
        split_as_upstream(" hello")


def test_nothing_is_cut_into_nothing() -> None:
    assert split_as_upstream("") == []


@given(st.text("一二。，, ?ab", max_size=400))
def test_joined_again_the_segments_are_the_text(text: str) -> None:
    text = text.lstrip()
    assert "".join(split_as_upstream(text)) == text
