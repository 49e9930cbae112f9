"""What a text is asked for in."""

from hypothesis import given
from hypothesis import strategies as st

from supervisor.doors.piper.sentences import MOST_CHARS, requests_of

TEXT = "The ferry left. Nobody slept! 开往青石镇的渡轮到了。Was it late?"


def test_a_text_is_asked_for_as_a_whole() -> None:
    assert requests_of(TEXT, by_sentence=False) == [TEXT]


def test_with_silence_between_sentences_each_is_asked_for_by_itself() -> None:
    parts = requests_of(TEXT, by_sentence=True)
    assert [part.strip() for part in parts] == [
        "The ferry left.",
        "Nobody slept!",
        "开往青石镇的渡轮到了。",
        "Was it late?",
    ]


def test_what_cannot_be_spoken_is_no_sentence() -> None:
    assert [part.strip() for part in requests_of("Yes. ... No.", by_sentence=True)] != []
    assert requests_of("...", by_sentence=True) == []


def test_a_long_text_is_asked_for_in_parts_that_end_with_sentences() -> None:
    text = "This is a sentence of a book. " * 1000
    parts = requests_of(text, by_sentence=False)
    assert len(parts) > 2
    assert all(len(part) <= MOST_CHARS and part.endswith(". ") for part in parts)


@given(st.integers(0, 40_000), st.sampled_from(["x", "word ", "A sentence. ", "字", "字。"]))
def test_nothing_of_a_long_text_is_left_out_and_no_part_is_too_long(length: int, unit: str) -> None:
    text = ("Begin. " + unit * length)[: 7 + length]
    parts = requests_of(text, by_sentence=False)
    assert "".join(parts).rstrip() == text.rstrip()
    assert all(len(part) <= MOST_CHARS for part in parts)
