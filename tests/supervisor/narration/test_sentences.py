from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.narration.sentences import language_of, sentence_ends

_PIECES = [
    "Mr. Smith left. ",
    "He said “No! Go.” ",
    "走吧。",
    "“走！”他喊道。",
    "word ",
    "中文，",
    "x" * 50,
    "… ",
    "(a. ",
]


def sentences(text: str) -> list[str]:
    ends = [0, *sentence_ends(text)]
    return [text[start:end] for start, end in pairwise(ends)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Hello. Mr. Smith went home. It cost 3.14 at 12:30.",
            ["Hello. ", "Mr. Smith went home. ", "It cost 3.14 at 12:30."],
        ),
        ("“走！”他喊道。然后走了。", ["“走！”", "他喊道。", "然后走了。"]),
        ("他说：“走吧。我们回家。”她笑了。", ["他说：“走吧。我们回家。”", "她笑了。"]),
        ("“Go away. Now!” he said. “Why?” she asked.", ["“Go away. Now!” he said. ", "“Why?” she asked."]),
        ("Tom说：“你好！” Then he left.", ["Tom说：“你好！” ", "Then he left."]),
        ("no end", ["no end"]),
        ("", []),
    ],
)
def test_a_sentence_ends_where_readers_say(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "language"), [("你好 world", "en"), ("你好世界 ok", "zh"), ("...", "en"), ("他叫 Tom。", "zh")]
)
def test_the_language_is_the_one_that_dominates(text: str, language: str) -> None:
    assert language_of(text) == language


@given(st.lists(st.sampled_from(_PIECES), max_size=400).map("".join))
def test_sentences_joined_are_the_text(text: str) -> None:
    assert "".join(sentences(text)) == text
    assert all(sentences(text))


def test_a_window_that_ends_within_a_sentence_does_not_end_it() -> None:
    # Longer than two windows, with no stop to end a window at.
    text = "word, " * 2000 + "end. Next."
    assert sentences(text)[1:] == ["Next."]


def test_windows_cut_where_sentences_end() -> None:
    text = "This is a sentence of the usual length. " * 400
    assert set(sentences(text)) == {"This is a sentence of the usual length. "}


class Lossy:
    """A sentencex that swallows spaces, as an upgrade of it might."""

    def segment(self, _language: str, text: str) -> list[str]:
        return text.split()


def test_a_splitter_that_loses_something_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervisor.narration.sentences._SENTENCEX", Lossy())
    assert sentences("One. Two.") == ["One. Two."]
