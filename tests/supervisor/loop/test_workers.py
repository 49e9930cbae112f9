"""Short-lived processes on the event loop; the standard library's `json.tool` stands for a worker."""

import asyncio
import itertools
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.loop.workers import TRIES, WorkerFailed, run_worker, run_worker_to_the_end


def work(lines: Iterator[bytes]) -> bytes:
    return asyncio.run(run_worker("json.tool", lines, state_marker="/t"))


def test_lines_go_in_and_the_answer_comes_out() -> None:
    assert json.loads(work(iter([b"[1,\n", b"2]\n"]))) == [1, 2]


def test_more_than_a_pipe_holds_goes_through() -> None:
    numbers = list(range(400_000))
    lines = itertools.chain([b"[0"], (b",%d\n" % number for number in numbers[1:]), [b"]"])
    assert json.loads(work(lines)) == numbers


def test_a_worker_without_an_answer_is_named_with_its_last_words() -> None:
    with pytest.raises(WorkerFailed, match=r"json\.tool exited with status 1: .*Expecting") as caught:
        work(iter([b"no json\n"]))
    assert not caught.value.by_signal


def test_a_worker_that_is_stopped_and_not_woken_is_ended_as_one_that_was_killed() -> None:
    async def stop() -> None:
        def lines() -> Iterator[bytes]:
            yield b"["
            (pid,) = children()
            os.kill(pid, signal.SIGSTOP)
            while True:
                yield b" " * 1024

        await run_worker("json.tool", lines(), state_marker="/t")

    with pytest.raises(WorkerFailed, match="killed by SIGKILL") as caught:
        asyncio.run(stop())
    assert caught.value.by_signal


def test_a_worker_that_is_killed_each_time_is_given_up() -> None:
    told: list[str] = []

    def lines() -> Iterator[bytes]:
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        yield b""

    with pytest.raises(WorkerFailed, match="killed by SIGKILL"):
        asyncio.run(run_worker_to_the_end("json.tool", lines, state_marker="/t", told=told.append))
    assert len(told) == TRIES - 1


def test_a_worker_that_ends_by_itself_is_not_started_again() -> None:
    told: list[str] = []
    work = run_worker_to_the_end("json.tool", lambda: iter([b"no json"]), state_marker="/t", told=told.append)
    with pytest.raises(WorkerFailed, match="Expecting"):
        asyncio.run(work)
    assert told == []


def children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def test_a_worker_that_stops_reading_does_not_hold_us_up() -> None:
    # `this` prints its text and never reads: the pipe breaks in the middle of what is fed.
    answer = asyncio.run(run_worker("this", (b"x" * 4096 for _ in itertools.count()), state_marker="/t"))
    assert b"Beautiful is better than ugly" in answer


def test_a_cancelled_worker_is_gone_and_leaves_no_descriptor() -> None:
    async def cancel() -> None:
        fed = asyncio.Event()

        def lines() -> Iterator[bytes]:
            yield b"["
            fed.set()
            while True:
                yield b" " * 1024

        task = asyncio.create_task(run_worker("json.tool", lines(), state_marker="/t"))
        await fed.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    before = descriptors()
    asyncio.run(cancel())
    assert descriptors() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
