import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.narration.traced import Traced, TracedBuilder, squeeze, trace


def stretches(traced: Traced, source: str) -> list[str]:
    return [source[start:end] for start, end in zip(traced.starts, traced.ends, strict=True)]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("plain text", "plain text"),
        ("  both ends\n", "both ends"),
        ("one\r\n  two", "one two"),
        ("one\u3000two\xa0three\x85four", "one two three four"),
        ("so\u00adft\0", "soft"),
        ("a \u200b b", "a b"),
        (" ", ""),
        ("\0", ""),
        ("", ""),
    ],
)
def test_space_becomes_single_and_the_invisible_goes(raw: str, expected: str) -> None:
    assert squeeze(trace(raw)).text == expected


@given(st.text(alphabet="ab \n\t\0\u3000", max_size=30), st.integers(0, 5))
def test_each_character_stands_for_itself_and_a_space_for_its_run(raw: str, at: int) -> None:
    source = "-" * at + raw
    squeezed = squeeze(trace(raw, at=at))
    for char, stretch in zip(squeezed.text, stretches(squeezed, source), strict=True):
        assert stretch.isspace() if char == " " else stretch == char
    starts = list(squeezed.starts)
    assert starts == sorted(set(starts))


def test_a_space_does_not_stand_for_what_is_between_two_spaces() -> None:
    source = "a <!-- c --> b"
    built = TracedBuilder()
    built.add(trace(source)[0:2])
    built.add(trace(source)[12:14])
    assert stretches(squeeze(built.build()), source) == ["a", " ", "b"]


@pytest.mark.parametrize(
    ("text", "place", "starts", "ends"),
    [("a", (3, 9), [3], [9]), ("ab", (3, 9), [3, 4], [4, 9]), (" ", (3, 3), [3], [3])],
)
def test_written_characters_share_their_writing(
    text: str, place: tuple[int, int], starts: list[int], ends: list[int]
) -> None:
    built = TracedBuilder()
    built.add_written(text, *place)
    written = built.build()
    assert (written.text, list(written.starts), list(written.ends)) == (text, starts, ends)


def test_a_part_is_a_part_of_the_places_too() -> None:
    part = trace("hello", at=10)[1:3]
    assert (part.text, list(part.starts), list(part.ends)) == ("el", [11, 12], [12, 13])
