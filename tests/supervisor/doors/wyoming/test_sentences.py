"""The same text gives the same sentences, in whatever pieces it comes; nothing that can be spoken is lost."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.doors.wyoming.sentences import MOST_SENTENCE_CHARS, Sentence, Sentences

TEXT = """Dr. Smith went home. "Stop!" he cried, and so on... Did it cost 3.14 dollars? Yes!

New paragraph: 第一句。第二句！“走！”他喊道。好了。
- - -
In the U.S. Army, e.g. here, it ended"""

# Marks and spaces that sentences end with, and letters that follow: what random text hardly ever has.
texts = st.text(st.sampled_from("aB9 .!?…。！？”\"'()“\n,中"), max_size=120)


def cut(pieces: list[str]) -> list[Sentence]:
    sentences = Sentences()
    found = [sentence for piece in pieces for sentence in sentences.feed(piece)]
    last = sentences.finish()
    assert sentences.waiting_chars == 0
    return found if last is None else [*found, last]


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    edges = [0, *sorted(at % (len(text) + 1) for at in cuts), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(edges)]


def test_sentences_are_those_that_a_reader_sees() -> None:
    assert [(sentence.text.strip(), sentence.begins_paragraph) for sentence in cut(list(TEXT))] == [
        ("Dr. Smith went home.", False),
        ('"Stop!" he cried, and so on...', False),
        ("Did it cost 3.14 dollars?", False),
        ("Yes!", False),
        ("New paragraph: 第一句。", True),
        ("第二句！", False),
        ("“走！”", False),
        ("他喊道。", False),
        ("好了。", False),
        ("- - -\nIn the U.S. Army, e.g. here, it ended", False),
    ]


@given(texts, st.lists(st.integers(0, 200), max_size=12))
def test_the_pieces_that_a_text_comes_in_change_nothing(text: str, cuts: list[int]) -> None:
    assert cut(pieces_of(text, cuts)) == cut([text]) == cut(list(text))


@given(texts)
def test_nothing_that_can_be_spoken_is_lost(text: str) -> None:
    spoken = "".join(sentence.text for sentence in cut([text]))
    assert [char for char in spoken if char.isalnum()] == [char for char in text if char.isalnum()]


@pytest.mark.parametrize("piece", ["word ", "x", "。", ". ", "Dr. ", "a.\n", "“", "\n"])
def test_a_sentence_without_an_end_is_cut_where_it_is_too_long(piece: str) -> None:
    text = piece * (3 * MOST_SENTENCE_CHARS // len(piece))
    whole = cut([text])
    assert all(len(sentence.text) <= MOST_SENTENCE_CHARS for sentence in whole)
    assert whole == cut(pieces_of(text, list(range(0, len(text), 700))))


def test_a_sentence_is_given_as_soon_as_the_next_one_begins() -> None:
    sentences = Sentences()
    assert sentences.feed("It is late. ") == []
    (first,) = sentences.feed("I")
    assert first.text == "It is late. "
    assert sentences.feed("t is Dr. M") == []
    assert sentences.feed("oll.\n\n") == []
    (second,) = sentences.feed("W")
    assert second.text == "It is Dr. Moll.\n\n"
    last = sentences.finish()
    assert last == Sentence(text="W", begins_paragraph=True)


def test_what_cannot_be_spoken_is_no_sentence_and_no_pause() -> None:
    assert cut(["... \n\n", "— ", "!!! "]) == []
    for text in ("One.\n\n...\n\nTwo.", "One.\n\n！！Two."):
        found = cut([text])
        assert [(one.text.strip(), one.begins_paragraph) for one in found] == [
            ("One.", False),
            ("Two.", True),
        ]
