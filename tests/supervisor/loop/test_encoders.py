"""The pool: a spare that waits, places that are few, and nothing left behind."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from supervisor.loop.encoders import Encoders
from supervisor.loop.encoding import Encoding, EncodingFailed, Format
from tests.supervisor.encoding.sounds import heard_by_av, tone
from tests.tree import ROOT

pytestmark = pytest.mark.processes

SECOND = tone(1, 24_000)


@asynccontextmanager
async def pool(*, most: int = 4, idle_s: float = 60.0) -> AsyncGenerator[Encoders]:
    """Open one; nothing of it may be left at the end."""
    before = descriptors()
    encoders = Encoders(state_marker="/t", most=most, idle_s=idle_s)
    try:
        yield encoders
    finally:
        await encoders.close()
    assert (encoders.running, encoders.pids) == (0, frozenset())
    assert descriptors() == before


def descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


async def encode(encoders: Encoders, format_: Format, seconds: int = 1, samples: int | None = None) -> bytes:
    async with await encoders.open(format_, 24_000, samples=samples) as encoding:
        return (await asyncio.gather(read(encoding), write(encoding, seconds)))[0]


async def read(encoding: Encoding) -> bytes:
    return b"".join([piece async for piece in encoding])


async def write(encoding: Encoding, seconds: int) -> None:
    for _ in range(seconds):
        await encoding.write(SECOND)
    await encoding.finish()


def run(test: Coroutine[object, object, None]) -> None:
    asyncio.run(test)


@pytest.mark.parametrize("format_", ["mp3", "opus", "aac", "flac", "wav"])
def test_every_format_is_whole(format_: Format) -> None:
    async def test() -> None:
        async with pool() as encoders:
            heard = heard_by_av(await encode(encoders, format_, seconds=3, samples=72_000))
            assert 3.0 <= heard.seconds <= 3.3

    run(test())


def test_formats_without_a_codec_start_nothing() -> None:
    async def test() -> None:
        async with pool() as encoders:
            assert await encode(encoders, "pcm") == SECOND
            await encode(encoders, "wav")
            assert encoders.pids == frozenset()

    run(test())


def test_the_second_stream_gets_the_process_that_waited() -> None:
    async def test() -> None:
        async with pool() as encoders:
            async with await encoders.open("mp3", 24_000):
                assert len(encoders.pids) == 2
                first = encoders.pids
            (spare,) = encoders.pids
            assert spare in first
            async with await encoders.open("opus", 24_000):
                assert spare in encoders.pids

    run(test())


def test_a_spare_that_nobody_needs_is_ended() -> None:
    async def test() -> None:
        async with pool(idle_s=0.05) as encoders:
            await encode(encoders, "mp3")
            for spare in encoders.pids:
                await death_of(spare)
            assert encoders.pids == frozenset()
            assert heard_by_av(await encode(encoders, "mp3")).seconds >= 1.0

    run(test())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_spare_that_somebody_ended_is_nobodys_error(number: signal.Signals) -> None:
    async def test() -> None:
        async with pool() as encoders:
            await encode(encoders, "mp3")
            (spare,) = encoders.pids
            os.kill(spare, number)
            await death_of(spare)
            assert heard_by_av(await encode(encoders, "mp3")).seconds >= 1.0
            assert spare not in encoders.pids
            assert len(encoders.pids) == 1

    run(test())


def test_one_more_than_there_are_places_waits_for_one() -> None:
    async def test() -> None:
        async with pool(most=2) as encoders:
            first, second = [await encoders.open("mp3", 24_000) for _ in range(2)]
            third = asyncio.ensure_future(encoders.open("mp3", 24_000))
            await asyncio.wait([third], timeout=0.1)
            assert (third.done(), encoders.running, encoders.waiting) == (False, 2, 1)
            await first.close()
            await (await third).close()
            await second.close()

    run(test())


def test_who_gives_up_waiting_for_a_place_takes_none() -> None:
    async def test() -> None:
        async with pool(most=1) as encoders:
            first = await encoders.open("mp3", 24_000)
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(encoders.open("mp3", 24_000), 0.01)
            await first.close()
            assert await encode(encoders, "mp3")

    run(test())


def test_a_stream_that_was_killed_gives_its_place_back() -> None:
    async def test() -> None:
        async with pool(most=1) as encoders:
            await encode(encoders, "mp3")
            (taken,) = encoders.pids
            async with await encoders.open("mp3", 24_000) as encoding:
                os.kill(taken, signal.SIGKILL)
                with pytest.raises(EncodingFailed, match="SIGKILL"):
                    await asyncio.gather(read(encoding), write(encoding, 10))
            assert await encode(encoders, "mp3")

    run(test())


def test_closing_the_pool_tells_who_has_a_stream_and_who_waits_for_one() -> None:
    async def test() -> None:
        async with pool(most=1) as encoders:
            first = await encoders.open("mp3", 24_000)
            reading = asyncio.ensure_future(read(first))
            waiting = [asyncio.ensure_future(encoders.open("mp3", 24_000)) for _ in range(3)]
            await asyncio.sleep(0)
            await encoders.close()
            for told in (reading, *waiting):
                with pytest.raises(EncodingFailed):
                    await told
            with pytest.raises(EncodingFailed, match="the service ends"):
                await encoders.open("mp3", 24_000)

    run(test())


def test_sixteen_at_once_over_four_places_are_all_whole() -> None:
    async def test() -> None:
        async with pool() as encoders:
            made = await asyncio.gather(*(encode(encoders, "opus") for _ in range(16)))
            assert len(set(made)) == 1
            assert heard_by_av(made[0]).seconds == 1.0

    run(test())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_thousand_streams_leave_nothing() -> None:
    async def test() -> None:
        async with pool() as encoders:
            whole = await encode(encoders, "mp3")
            opened = descriptors()

            async def one(number: int) -> None:
                if number % 3:
                    assert await encode(encoders, "mp3") == whole
                    return
                async with await encoders.open("mp3", 24_000) as encoding:  # a client that leaves
                    await encoding.write(SECOND)

            for begin in range(0, 1000, 8):
                await asyncio.gather(*(one(number) for number in range(begin, begin + 8)))
            assert (encoders.running, encoders.waiting, len(encoders.pids)) == (0, 0, 1)
            assert len(descriptors()) == len(opened)

    run(test())


def test_all_processes_go_with_a_parent_that_is_killed() -> None:
    script = """
import asyncio, sys
from supervisor.loop.encoders import Encoders
async def main():
    encoders = Encoders(state_marker="/t", most=4)
    await encoders.open("mp3", 24000)
    print(*encoders.pids, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pidfds = [os.pidfd_open(int(pid)) for pid in parent.stdout.readline().split()]
    parent.kill()
    parent.communicate()
    assert len(pidfds) == 2
    for pidfd in pidfds:
        asyncio.run(readable(pidfd))


async def death_of(pid: int) -> None:
    """Wait for the end of a process, and until everybody here who waits for it has heard of it."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    await readable(pidfd)
    for _ in range(3):  # the reader that reaps it, what that sets off, and what it tells
        await asyncio.sleep(0)


async def readable(pidfd: int) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pidfd, ended.set)
    try:
        async with asyncio.timeout(15):
            await ended.wait()
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)
