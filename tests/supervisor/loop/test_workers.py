"""Short-lived processes on the event loop; the standard library's `json.tool` stands for a worker."""

import asyncio
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.loop.workers import WorkerFailed, run_worker


def work(lines: Iterator[bytes]) -> bytes:
    return asyncio.run(run_worker("json.tool", lines, state_marker="/t"))


def test_lines_go_in_and_the_answer_comes_out() -> None:
    assert json.loads(work(iter([b"[1,\n", b"2]\n"]))) == [1, 2]


def test_more_than_a_pipe_holds_goes_through() -> None:
    numbers = list(range(400_000))
    lines = itertools.chain([b"[0"], (b",%d\n" % number for number in numbers[1:]), [b"]"])
    assert json.loads(work(lines)) == numbers


def test_a_worker_without_an_answer_is_named_with_its_last_words() -> None:
    with pytest.raises(WorkerFailed, match=r"json\.tool exited with status 1: .*Expecting"):
        work(iter([b"no json\n"]))


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
