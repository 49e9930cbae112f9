"""What a line of a Piper program says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.doors.lines import Unkept
from supervisor.doors.piper.lines import BadLine, Wish, read_line


def test_a_line_of_text_is_its_text() -> None:
    assert read_line("  Guten Morgen, 世界. \r".encode(), json=False) == Wish(text="Guten Morgen, 世界.")


@pytest.mark.parametrize("json_input", [False, True])
@pytest.mark.parametrize("line", [b"", b"  \t", b"\r"])
def test_an_empty_line_asks_for_nothing(line: bytes, json_input: bool) -> None:
    assert read_line(line, json=json_input) is None


def test_an_object_says_where_to_and_by_whom() -> None:
    line = b'{"text": "Hi", "output_file": "a.wav", "speaker": "alice", "speaker_id": 7, "noise_scale": 0.3}'
    wish = read_line(line, json=True)
    assert wish == Wish(text="Hi", output_file="a.wav", speaker="alice", speaker_id=7)


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ("", None),
        (', "speaker": "alice"', "alice"),
        (', "speaker_id": 3', "3"),
        (', "speaker": null', None),
        (', "speaker": "alice", "speaker_id": 3', "3"),
        (', "speaker": 4', "4"),
        (', "speaker_id": "5"', "5"),
    ],
)
def test_the_number_of_a_speaker_counts_before_the_name(said: str, who: str | None) -> None:
    wish = read_line(f'{{"text": "Hi"{said}}}'.encode(), json=True)
    assert wish is not None
    assert wish.who == who


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"Hello", "not JSON"),
        (b'{"text": "Hi"', "not JSON"),
        (b'"Hi"', "no object"),
        (b"[]", "no object"),
        (b"{}", "text"),
        (b'{"text": 5}', "text"),
        (b'{"text": "  "}', "its text is empty"),
        (b'{"text": "Hi", "output_file": ""}', "no name"),
        (b'{"text": "Hi", "output_file": "a\\u0000b"}', "no name"),
        (b'{"text": "Hi", "speaker_id": 1.5}', "speaker_id"),
        (b'{"text": "\xff"}', "not UTF-8"),
        (Unkept.TOO_LONG, "longer than"),
    ],
)
def test_a_bad_object_is_told_by_what_is_wrong_with_it(line: bytes | Unkept, why: str) -> None:
    with pytest.raises(BadLine, match=why):
        read_line(line, json=True)


def test_a_text_that_is_not_utf8_is_bad_too() -> None:
    with pytest.raises(BadLine, match="0xe9 at 3"):
        read_line("café".encode("latin-1"), json=False)


@given(st.binary(max_size=80))
def test_whatever_comes_is_a_wish_nothing_or_bad(line: bytes) -> None:
    for json_input in (False, True):
        try:
            wish = read_line(line, json=json_input)
        except BadLine:
            continue
        assert wish is None or wish.text.strip() == wish.text or json_input
