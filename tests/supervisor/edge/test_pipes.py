import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.edge.pipes import PIPE_BYTES, PipeWriter, open_pipe, read_some

MORE_THAN_FITS = PIPE_BYTES + 1000


@pytest.fixture
def pipe() -> Iterator[list[int]]:
    """The reading end and the writing end, neither of which blocks; a test may close one."""
    write_fd, read_fd = open_pipe(parent_reads=False)
    os.set_blocking(read_fd, False)
    fds = [read_fd, write_fd]
    yield fds
    for fd in fds:
        os.close(fd)


@given(st.lists(st.binary(max_size=400_000), max_size=8), st.integers(1, 300_000))
def test_whatever_is_sent_arrives_whole_and_in_order(pieces: list[bytes], turn_bytes: int) -> None:
    write_fd, read_fd = open_pipe(parent_reads=False)
    os.set_blocking(read_fd, False)
    try:
        writer = PipeWriter(write_fd)
        for piece in pieces:
            assert writer.send(piece) in {"sent", "waiting"}
        arrived = b""
        while len(arrived) < sum(map(len, pieces)):
            arrived += read_some(read_fd, turn_bytes).data
            writer.flush()
        assert arrived == b"".join(pieces)
        assert writer.waiting_bytes == 0
    finally:
        os.close(read_fd)
        os.close(write_fd)


def test_a_full_pipe_makes_the_rest_wait(pipe: list[int]) -> None:
    writer = PipeWriter(pipe[1])
    assert writer.send(bytes(MORE_THAN_FITS)) == "waiting"
    assert writer.waiting_bytes > 0
    assert writer.flush() == "waiting"
    while writer.waiting_bytes:
        read_some(pipe[0])
        writer.flush()
    assert writer.flush() == "sent"


def test_a_backlog_over_its_bound_is_refused_whole(pipe: list[int]) -> None:
    writer = PipeWriter(pipe[1], backlog_bytes=MORE_THAN_FITS)
    assert writer.send(bytes(MORE_THAN_FITS)) == "waiting"
    waiting = writer.waiting_bytes
    assert writer.send(bytes(MORE_THAN_FITS - waiting)) == "waiting"
    assert writer.send(b"x") == "full"
    assert writer.waiting_bytes == MORE_THAN_FITS


def test_a_reader_that_left_is_a_value_for_ever(pipe: list[int]) -> None:
    writer = PipeWriter(pipe[1])
    os.close(pipe.pop(0))
    assert writer.send(b"x") == "broken"
    assert writer.flush() == "broken"
    assert writer.send(b"x") == "broken"
    assert writer.waiting_bytes == 0


def test_an_empty_pipe_is_not_an_ended_one(pipe: list[int]) -> None:
    assert not read_some(pipe[0]).ended
    os.write(pipe[1], b"last")
    os.close(pipe.pop())
    received = read_some(pipe[0])
    assert (received.data, received.ended) == (b"last", True)


def test_a_turn_reads_no_more_than_it_may(pipe: list[int]) -> None:
    os.write(pipe[1], b"abcdef")
    assert read_some(pipe[0], 4).data == b"abcd"
    assert read_some(pipe[0], 4).data == b"ef"


def test_only_the_parents_end_never_blocks_and_neither_is_inherited() -> None:
    for parent_reads in (True, False):
        ours, theirs = open_pipe(parent_reads=parent_reads)
        assert (os.get_blocking(ours), os.get_blocking(theirs)) == (False, True)
        assert not os.get_inheritable(ours)
        assert not os.get_inheritable(theirs)
        os.close(ours)
        os.close(theirs)


def test_a_pipe_keeps_clear_of_the_standard_descriptors() -> None:
    kept = os.dup(0)
    os.close(0)
    try:
        ends = open_pipe(parent_reads=True)
        assert min(ends) > 2
        for fd in ends:
            os.close(fd)
    finally:
        os.dup2(kept, 0)
        os.close(kept)
