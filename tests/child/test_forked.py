"""Work in a fork: streamed, pure of consequences, and never left behind."""

import os
import signal
from collections.abc import Callable

import psutil
import pytest

from child.engine import EngineError
from child.forked import run_forked

Write = Callable[[bytes], None]


def children() -> list[psutil.Process]:
    return psutil.Process().children()


def test_what_is_written_arrives_whole() -> None:
    def work(write: Write) -> None:
        for number in range(300):
            write(bytes([number % 256]) * 4999)

    expected = b"".join(bytes([number % 256]) * 4999 for number in range(300))
    assert b"".join(run_forked(work)) == expected


def test_what_the_work_changes_stays_in_the_fork() -> None:
    spoken: list[str] = []

    def work(write: Write) -> None:
        spoken.append("once")
        write(str(len(spoken)).encode())

    assert [b"".join(run_forked(work)) for _ in range(3)] == [b"1"] * 3
    assert spoken == []


def test_it_streams_before_the_work_is_over() -> None:
    def work(write: Write) -> None:
        write(b"x" * 100_000)
        signal.pause()  # so it can only end by being killed

    pieces = run_forked(work)
    assert next(pieces)
    pieces.close()
    assert children() == []


def test_a_fork_holds_no_descriptor_of_the_child() -> None:
    wire_read, wire_write = os.pipe()

    def work(write: Write) -> None:
        for fd in (wire_read, wire_write):
            try:
                os.fstat(fd)
                write(b"open ")
            except OSError:
                write(b"closed ")

    assert b"".join(run_forked(work)) == b"closed closed "
    os.close(wire_read)
    os.close(wire_write)


def crashing(_write: Write) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def leaving(_write: Write) -> None:
    os._exit(7)


def refusing(_write: Write) -> str:
    return "no such voice"


def stumbling(_write: Write) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (crashing, "killed by SIGSEGV"),
        (leaving, "ended with status 7"),
        (refusing, "refused the text"),
        (stumbling, "ended with status 1"),
    ],
)
def test_a_fork_that_fails_is_told_in_words(work: Callable[[Write], str | None], words: str) -> None:
    with pytest.raises(EngineError, match=words):
        list(run_forked(work))
    assert children() == []


def test_the_reason_goes_to_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EngineError):
        list(run_forked(refusing))
    with pytest.raises(EngineError):
        list(run_forked(stumbling))
    logged = capfd.readouterr().err
    assert "no such voice" in logged
    assert "ZeroDivisionError" in logged


def test_forks_leave_no_descriptors_behind() -> None:
    before = psutil.Process().num_fds()
    for _ in range(20):
        list(run_forked(lambda write: write(b"x")))
    assert psutil.Process().num_fds() == before
