"""Short-lived processes on the event loop; the standard library's `json.tool` stands for a worker."""

import asyncio
import itertools
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.errors import InputError
from supervisor.loop import workers
from supervisor.loop.workers import (
    TRIES,
    TRIES_OF_HUNG,
    Patience,
    WorkerFailed,
    run_worker,
    run_worker_to_the_end,
)


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


def run_program(program: str, folder: Path, monkeypatch: pytest.MonkeyPatch, patience: Patience) -> bytes:
    """Run a program of the test's own as a worker."""
    (folder / "own_worker.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return asyncio.run(run_worker("own_worker", iter([b"work\n"]), state_marker="/t", patience=patience))


#: Stands for minutes; what must not happen stands far off.
SHORT = Patience(stopped_s=60, still_s=0.4, vain_s=60)


def test_a_worker_that_waits_for_what_never_comes_is_ended_as_one_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A lock that nobody gives back: it is not stopped, and it lives.
    program = "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()"
    with pytest.raises(WorkerFailed, match=r"SIGKILL: it did nothing for 0\.4 s") as caught:
        run_program(program, tmp_path, monkeypatch, SHORT)
    assert (caught.value.by_signal, caught.value.hung) == (True, True)


def test_a_worker_that_computes_and_never_gets_on_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = Patience(stopped_s=60, still_s=60, vain_s=1.2)
    with pytest.raises(WorkerFailed, match=r"it computed and did not get on for 1\.2 s") as caught:
        run_program("while True: pass", tmp_path, monkeypatch, patience)
    assert caught.value.hung


def test_a_worker_that_gives_signs_is_waited_for_and_they_are_no_part_of_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It waits longer than one that hangs is waited for, and says each time that it got on.
    program = (
        "import os, select\n"
        "for _ in range(8):\n"
        "    os.write(1, b'\\n')\n"
        "    select.select([], [], [], 0.4)\n"
        "print('done')\n"
    )
    assert run_program(program, tmp_path, monkeypatch, Patience(still_s=2.0)) == b"done\n"


def test_a_worker_that_hangs_each_time_is_given_up_sooner_than_one_that_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_worker.py").write_text("import threading; threading.Event().wait()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(workers, "PATIENCE", SHORT)
    told: list[str] = []
    work = run_worker_to_the_end("own_worker", lambda: iter([b""]), state_marker="/t", told=told.append)
    with pytest.raises(WorkerFailed, match=rf"so {TRIES_OF_HUNG} times: look whether the files") as caught:
        asyncio.run(work)
    assert (caught.value.by_signal, len(told)) == (False, TRIES_OF_HUNG - 1)
    assert all("it did nothing" in one for one in told)


def test_lines_that_cannot_be_made_end_the_worker_and_are_told() -> None:
    def lines() -> Iterator[bytes]:
        yield b"["
        raise InputError("the ledger lacks a line")

    with pytest.raises(InputError, match="lacks a line"):
        work(lines())


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
