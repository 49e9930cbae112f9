"""A stream is cut into the same lines however it comes, and no line is kept beyond its bound."""

from hypothesis import given
from hypothesis import strategies as st

from supervisor.doors.lines import Lines, Unkept

LONGEST = 8


def all_of(lines: Lines, most: int = 1000) -> list[bytes | Unkept]:
    found: list[bytes | Unkept] = []
    while len(found) < most and (line := lines.next()) is not None:
        found.append(line)
    return found


def cut(pieces: list[tuple[bytes, int]]) -> list[bytes | Unkept]:
    lines, found = Lines(LONGEST), list[bytes | Unkept]()
    for piece, taken in pieces:
        lines.feed(piece)
        found += all_of(lines, taken)
    lines.end()
    return found + all_of(lines)


pieces = st.text("ab\n", max_size=24).map(str.encode)
streams = st.lists(pieces, max_size=8)


@given(st.lists(st.tuples(pieces, st.integers(0, 9)), max_size=8))
def test_the_lines_are_those_of_the_whole_stream_however_many_are_taken_when(
    taken: list[tuple[bytes, int]],
) -> None:
    lines = b"".join(piece for piece, _ in taken).split(b"\n")
    lines = lines if lines[-1] else lines[:-1]
    assert cut(taken) == [line if len(line) <= LONGEST else Unkept.TOO_LONG for line in lines]


@given(streams)
def test_what_is_kept_is_never_more_than_a_line_and_what_came_last(pieces: list[bytes]) -> None:
    lines = Lines(LONGEST)
    for piece in pieces:
        lines.feed(piece)
        all_of(lines)
        assert lines.waiting_bytes <= LONGEST + len(piece)


def test_a_line_that_is_too_long_is_told_before_its_end_and_once() -> None:
    lines = Lines(LONGEST)
    lines.feed(b"x" * 9)
    assert all_of(lines) == [Unkept.TOO_LONG]
    lines.feed(b"x" * 900)
    assert (all_of(lines), lines.waiting_bytes) == ([], 0)
    lines.feed(b"x\nab\n")
    assert all_of(lines) == [b"ab"]


def test_a_long_line_in_small_pieces_is_not_searched_from_its_start_each_time() -> None:
    lines = Lines()
    for _ in range(100_000):  # from the start each time: 50 GB of looking
        lines.feed(b"0123456789")
        assert lines.next() is None
    lines.end()
    assert lines.next() == b"0123456789" * 100_000


def test_whether_there_is_a_next_is_known_before_it_is_taken() -> None:
    lines = Lines(4)
    assert not lines.has_next
    lines.feed(b"ab")
    assert not lines.has_next
    assert lines.next() is None
    lines.feed(b"\n\n")
    assert lines.has_next
    assert (lines.next(), lines.has_next, lines.next(), lines.has_next) == (b"ab", True, b"", False)
    lines.feed(b"abcde")
    assert lines.has_next
    assert lines.next() is Unkept.TOO_LONG
