import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.narration.segments import cut
from supervisor.wire.speech import speakable

_PIECES = [
    "a",
    "b. ",
    "c, ",
    "中",
    "。",
    "，",
    "… ",
    "... ",
    "1,000 ",
    "word ",
    "e\u0301",
    "👨\u200d👩",
    "🇨🇭",
    "”",
    "x" * 30,
]
paragraphs = st.lists(st.sampled_from(_PIECES), max_size=60).map(
    lambda pieces: " ".join("".join(pieces).split())
)
sizes = st.integers(1, 60)


def pieces(text: str, segment_chars: int) -> list[str]:
    return [text[piece.start : piece.end] for piece in cut(text, segment_chars)]


@given(paragraphs, sizes)
def test_pieces_fit_speak_and_stand_in_order(text: str, segment_chars: int) -> None:
    at = 0
    for piece in cut(text, segment_chars):
        said = text[piece.start : piece.end]
        assert at <= piece.start
        assert len(said) <= segment_chars
        assert said == said.strip()
        assert speakable(said)
        assert not speakable(text[at : piece.start])
        at = piece.end
    assert not speakable(text[at:])


@given(paragraphs, sizes)
def test_the_same_paragraph_has_the_same_cuts(text: str, segment_chars: int) -> None:
    assert cut(text, segment_chars) == cut(text, segment_chars)


@given(paragraphs, paragraphs, sizes)
def test_what_comes_later_moves_no_whole_segment_before_it(
    first: str, second: str, segment_chars: int
) -> None:
    first = f"{first} stop. ".lstrip()
    alone, followed = (pieces(text.strip(), segment_chars) for text in (first, f"{first}Next {second}"))
    # The last one may still be joined by what follows.
    assert followed[: len(alone) - 1] == alone[:-1]


@pytest.mark.parametrize(
    ("text", "segment_chars", "expected"),
    [
        ("One. Two. Three.", 100, ["One. Two. Three."]),
        ("One two. Three four. Five.", 20, ["One two. Three four.", "Five."]),
        ("one two, three four, five six", 21, ["one two, three four,", "five six"]),
        ("one two three four", 8, ["one two", "three", "four"]),
        ("one two", 3, ["one", "two"]),
        ("aa bbb cc", 6, ["aa bbb", "cc"]),
        ("Hi. One two, three four, five six seven", 24, ["Hi.", "One two, three four,", "five six seven"]),
        ("“Oh. And so they went on, far away”", 25, ["“Oh. And so they went on,", "far away”"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("一二三，四五六、七八九", 8, ["一二三，四五六、", "七八九"]),
        ("that cost 1,000,000 then", 16, ["that cost", "1,000,000 then"]),
        ("aaaa,bbbb,cccc", 10, ["aaaa,bbbb,", "cccc"]),
        ("“First one. Second one. Third one here”", 25, ["“First one. Second one.", "Third one here”"]),
        ("（他说：“走！”我们走了很远很远）", 10, ["（他说：“走！”", "我们走了很远很远）"]),
    ],
)
def test_a_cut_is_at_a_mark_else_at_a_space_else_hard(
    text: str, segment_chars: int, expected: list[str]
) -> None:
    assert pieces(text, segment_chars) == expected


@pytest.mark.parametrize(
    ("text", "segment_chars", "expected"),
    [
        ("ae\u0301io", 2, ["a", "e\u0301", "io"]),
        ("a👨\u200d👩\u200d👧b", 5, ["a", "👨\u200d👩\u200d👧", "b"]),
        ("a👍🏽b", 2, ["a", "👍🏽", "b"]),
        ("a🇨🇭🇩🇪b", 4, ["a🇨🇭", "🇩🇪b"]),
        ("a🏴\U000e0067\U000e007fb", 3, ["a", "🏴\U000e0067\U000e007f", "b"]),
    ],
)
def test_a_hard_cut_keeps_together_what_is_seen_as_one(
    text: str, segment_chars: int, expected: list[str]
) -> None:
    # What has no letter is in no piece: it is accounted for as nothing to speak.
    assert pieces(text, segment_chars) == [piece for piece in expected if speakable(piece)]


def test_a_character_of_a_hundred_marks_is_cut_all_the_same() -> None:
    text = "a" + "\u0301" * 200
    assert pieces(text, 100) == [text[:100]]  # what follows has no letter


@pytest.mark.parametrize(
    ("text", "segment_chars", "expected"),
    [
        ("Yes. ... No.", 8, ["Yes. ...", "No."]),
        ("... Yes.", 8, ["... Yes."]),
        ("Abcdefg. !!! Hi.", 9, ["Abcdefg.", "!!! Hi."]),
        ("Abcdefg. !!!!!!!! Abcdefg.", 9, ["Abcdefg.", "Abcdefg."]),
        ("。。。", 9, []),
    ],
)
def test_what_is_mute_stays_with_a_neighbour_that_has_room(
    text: str, segment_chars: int, expected: list[str]
) -> None:
    assert pieces(text, segment_chars) == expected


def test_a_blank_text_has_no_piece() -> None:
    assert pieces("  ", 5) == pieces("", 5) == []


def test_only_a_cut_within_a_sentence_ends_none() -> None:
    text = "One two, three four, five. “Six seven. Eight nine ten”"
    found = [(text[piece.start : piece.end], piece.ends_sentence) for piece in cut(text, 21)]
    assert found == [
        ("One two, three four,", False),
        ("five. “Six seven.", True),  # a sentence's end, if one within a quotation
        ("Eight nine ten”", True),
    ]
