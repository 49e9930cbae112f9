"""A stream is cut into the same lines however it comes, and no line is kept beyond its bound."""

import os
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor.doors.backlog import Backlog, Room
from supervisor.doors.lines import BEGUN_BYTES, Lines, Unkept

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


def of(sizes: list[int]) -> bytes:
    return b"\n".join(b"%d" % (number % 10) * size for number, size in enumerate(sizes))


@given(sizes=st.lists(st.integers(0, 4 * BEGUN_BYTES), max_size=6), cut=st.integers(1, 2 * BEGUN_BYTES))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_long_line_waits_for_its_end_elsewhere_and_comes_out_whole(
    tmp_path: Path, sizes: list[int], cut: int
) -> None:
    room = Room(BEGUN_BYTES, tmp_path)
    lines, found, stream = Lines(3 * BEGUN_BYTES, Backlog(room)), list[bytes | Unkept](), of(sizes)
    for at in range(0, len(stream), cut):
        lines.feed(stream[at : at + cut])
        found += all_of(lines)
        assert lines.waiting_bytes < BEGUN_BYTES
    lines.end()
    found += all_of(lines)
    wanted = stream.split(b"\n")
    wanted = wanted if wanted[-1] else wanted[:-1]
    assert found == [line if len(line) <= 3 * BEGUN_BYTES else Unkept.TOO_LONG for line in wanted]
    assert (room.left_bytes, room.spill.held_bytes) == (BEGUN_BYTES, 0)


def test_a_line_that_cannot_be_put_aside_is_kept_and_one_that_is_lost_is_told(tmp_path: Path) -> None:
    kept = Lines(aside=Backlog(Room(0, tmp_path / "nowhere")))
    room = Room(0, tmp_path)
    lost = Lines(aside=Backlog(room))
    for lines in (kept, lost):
        lines.feed(b"x" * 2 * BEGUN_BYTES)
        assert lines.next() is None
    os.ftruncate(room.spill._fd, 0)  # pyright: ignore[reportPrivateUsage] - to break what it reads
    for lines in (kept, lost):
        lines.feed(b"\nnext\n")
    assert all_of(kept) == [b"x" * 2 * BEGUN_BYTES, b"next"]
    assert all_of(lost) == [Unkept.LOST, b"next"]


def test_the_beginning_of_a_line_goes_with_whoever_sent_it(tmp_path: Path) -> None:
    room = Room(0, tmp_path)
    lines = Lines(aside=Backlog(room))
    lines.feed(b"x" * 3 * BEGUN_BYTES)
    assert (lines.next(), lines.waiting_bytes) == (None, 0)
    assert room.spill.held_bytes > 0
    lines.close()
    assert room.spill.held_bytes == 0
