"""Pieces that the engine speaks at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_core.text.cutting import cut
from tts_core.text.splitting import split_as_upstream
from tts_core.text.units import units, weight

SENTENCE = "清晨的阳光透过窗户洒在书桌上，"  # 15 units
ENGLISH = "This is a rather long sentence that keeps going, with commas, and it never seems to stop. "


def texts() -> st.SearchStrategy[str]:
    words = st.sampled_from(
        ["一", "二三", "hello ", "internationalization ", "don't ", "3.14", "。", "，", "?! ", " ", "”", "\n"]
    )
    return st.lists(words | st.text(max_size=3), max_size=150).map("".join)


@given(texts())
def test_no_text_is_refused_and_no_character_is_lost(text: str) -> None:
    pieces = cut(text)
    assert "".join(pieces) == text
    assert all(pieces)


@given(texts())
def test_no_piece_is_heavier_than_sixty(text: str) -> None:
    assert all(sum(map(weight, units(piece.strip()))) <= 60.000001 for piece in cut(text))


@given(texts().map(str.strip))
def test_only_the_last_piece_may_be_all_white_space(text: str) -> None:
    assert not [piece for piece in cut(text) if piece.isspace()]


@pytest.mark.parametrize("text", ["", SENTENCE, SENTENCE * 4, ENGLISH, "好。" * 50])
def test_where_the_models_own_places_are_good_they_are_the_same(text: str) -> None:
    assert cut(text) == split_as_upstream(text)


def test_the_end_of_a_sentence_comes_before_a_comma() -> None:
    text = "一" * 31 + "，" + "二" * 18 + "。" + "三" * 30 + "。"
    assert cut(text) == ["一" * 31 + "，" + "二" * 18 + "。", "三" * 30 + "。"]
    early = "一" * 20 + "。" + "二" * 15 + "，" + "三" * 40 + "。"
    assert cut(early) == ["一" * 20 + "。", "二" * 15 + "，" + "三" * 40 + "。"]


def test_a_comma_comes_before_a_place_between_words() -> None:
    assert cut("一" * 20 + "，" + "二" * 50) == ["一" * 20 + "，", "二" * 50]


def test_english_is_cut_after_whole_sentences() -> None:
    assert cut(ENGLISH * 4) == [ENGLISH * 2, ENGLISH * 2]
    assert split_as_upstream(ENGLISH * 4)[0].endswith("with commas, ")


def test_long_english_without_marks_is_cut_between_words_and_evenly() -> None:
    pieces = cut("internationalization " * 21)
    assert [piece.split() for piece in pieces] == [["internationalization"] * n for n in (10, 5, 6)]
    assert all(piece.endswith(" ") for piece in pieces)


def test_chinese_without_marks_is_cut_evenly_at_its_end() -> None:
    assert [len(piece) for piece in cut("一" * 130)] == [60, 35, 35]
    assert [len(piece) for piece in cut("一" * 62)] == [31, 31]


def test_a_few_last_words_stay_with_the_piece_before_them() -> None:
    text = "一" * 40 + "。好的。"
    assert cut(text) == [text]


def test_white_space_at_the_beginning_stays_with_the_first_word() -> None:
    assert cut("  hello") == ["  hello"]
    assert cut("   ") == ["   "]


def test_a_mark_and_what_it_closes_stay_together() -> None:
    text = "“" + "一" * 35 + "？！”" + "他说" * 15
    assert cut(text) == ["“" + "一" * 35 + "？！”", "他说" * 15]
    assert cut("he said " * 30 + '"so it is, and it was." "Oh" ' + "and on " * 20)[0].endswith(
        ("is, ", 'was." ')
    )


def test_numbers_and_initials_are_not_cut() -> None:
    text = "a " * 40 + "3.14159 " + "b " * 40
    assert any("3.14159 " in piece for piece in cut(text))
    assert not [piece for piece in cut("so J. Smith said it and " * 20) if piece.endswith("J. ")]


def test_a_word_that_is_too_long_by_itself_is_cut_within() -> None:
    assert [len(piece) for piece in cut("x" * 1000)] == [480, 480, 40]


def test_a_picture_of_several_characters_is_not_taken_apart() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert all(piece.count("\u200d") % 2 == 0 for piece in cut(family * 60))


def test_a_book_without_a_mark_is_cut_in_good_time() -> None:
    pieces = cut("一二三四五" * 10_000)
    assert len(pieces) == -(-50_000 // 60)
