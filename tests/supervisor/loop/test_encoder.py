"""One encoding process: whole, killed, stopped, and held up from both sides."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from supervisor.loop.encoder import Encoder
from supervisor.loop.encoding import EncodingFailed
from tests.supervisor.encoding.sounds import heard_by_av, pcm_by_av, tone

pytestmark = pytest.mark.processes

MP3 = b'{"format":"mp3","sample_rate_hz":24000}\n'
FLAC = b'{"format":"flac","sample_rate_hz":24000}\n'
SECOND = tone(1, 24_000)


@asynccontextmanager
async def encoder(*, stall_s: float = 15.0) -> AsyncGenerator[Encoder]:
    """Start one; nothing of it may be left at the end."""
    over: list[Encoder] = []
    before = descriptors()
    async with Encoder(state_marker="/t", stall_s=stall_s, over=over.append) as one:
        yield one
    assert over == [one]
    assert descriptors() == before
    assert not alive(one.pid)


def descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def read(one: Encoder) -> bytes:
    return b"".join([piece async for piece in one])


async def write(one: Encoder, header: bytes, seconds: int) -> None:
    await one.write(header)
    for _ in range(seconds):
        await one.write(SECOND)
    await one.finish()


def run(test: Coroutine[object, object, None]) -> None:
    asyncio.run(test)


def test_two_tasks_write_and_read_a_whole_stream() -> None:
    async def test() -> None:
        async with encoder() as one:
            writing = asyncio.ensure_future(write(one, MP3, 30))
            assert 30.0 <= heard_by_av(await read(one)).seconds <= 30.2
            await writing

    run(test())


def test_pieces_come_before_the_end_is_said() -> None:
    async def test() -> None:
        async with encoder() as one:
            await one.write(MP3 + SECOND)
            assert await anext(one)

    run(test())


def test_a_killed_process_is_an_error_to_who_reads_and_to_who_writes() -> None:
    async def test() -> None:
        async with encoder() as one:
            await one.write(MP3 + SECOND)
            await anext(one)
            os.kill(one.pid, signal.SIGKILL)
            with pytest.raises(EncodingFailed, match="killed by SIGKILL") as read_error:
                await read(one)
            with pytest.raises(EncodingFailed, match="killed by SIGKILL"):
                await one.write(SECOND)
            assert read_error.value.retryable

    run(test())


def test_a_process_killed_after_the_last_sample_makes_no_short_success() -> None:
    async def test() -> None:
        async with encoder() as one:
            os.kill(one.pid, signal.SIGSTOP)  # so that it has not read, let alone ended
            await one.write(MP3 + SECOND)
            await one.finish()
            os.kill(one.pid, signal.SIGKILL)
            with pytest.raises(EncodingFailed, match="killed by SIGKILL"):
                await read(one)

    run(test())


def test_what_the_process_refuses_is_said_in_its_words_and_not_to_be_tried_again() -> None:
    async def test() -> None:
        async with encoder() as one:
            await one.write(b'{"format":"wma","sample_rate_hz":24000}\n')
            for _ in range(2):
                with pytest.raises(EncodingFailed, match=r"status 1: the first line is no header") as caught:
                    await read(one)
                assert not caught.value.retryable

    run(test())


def test_both_pipes_full_hold_up_the_writer_alone_and_go_on_when_somebody_reads() -> None:
    async def test() -> None:
        async with encoder() as one:
            noise = os.urandom(12_000_000)  # FLAC makes it no smaller, so it fills both ways

            async def write_noise() -> None:
                await one.write(FLAC + noise)
                await one.finish()

            writing = asyncio.ensure_future(write_noise())
            await asyncio.wait([writing], timeout=0.5)
            assert not writing.done()
            flac = await read(one)
            await writing
        assert pcm_by_av(flac) == noise

    run(test())


def test_a_process_that_is_stopped_with_work_is_ended_after_its_time() -> None:
    async def test() -> None:
        async with encoder(stall_s=2.0) as one:
            os.kill(one.pid, signal.SIGSTOP)
            await one.write(MP3 + SECOND)
            with pytest.raises(EncodingFailed, match="stood still for 2 s") as caught:
                await read(one)
            assert caught.value.retryable

    run(test())


def test_a_process_with_nothing_to_do_is_not_ended_for_that() -> None:
    async def test() -> None:
        async with encoder(stall_s=0.2) as one:
            reading = asyncio.ensure_future(read(one))
            await asyncio.wait([reading], timeout=0.5)  # twice its time, without work
            assert one.lives
            reading.cancel()

    run(test())


@pytest.mark.parametrize("waits", ["write", "read", "nobody"])
def test_closing_it_tells_whoever_waits(waits: str) -> None:
    async def test() -> None:
        async with encoder() as one:
            os.kill(one.pid, signal.SIGSTOP)
            waiter: asyncio.Task[bytes] | asyncio.Task[None] | None = None
            if waits == "write":
                waiter = asyncio.ensure_future(write(one, MP3, 200))
            elif waits == "read":
                waiter = asyncio.ensure_future(read(one))
            await asyncio.sleep(0)
            await one.close()
            if waiter is not None:
                with pytest.raises(EncodingFailed, match="closed"):
                    await waiter
            with pytest.raises(EncodingFailed, match="closed"):
                await one.write(SECOND)
            with pytest.raises(EncodingFailed, match="closed"):
                await read(one)

    run(test())


def test_whoever_is_cancelled_while_it_waits_leaves_the_other_alone() -> None:
    async def test() -> None:
        async with encoder() as one:
            reading = asyncio.ensure_future(read(one))
            await asyncio.sleep(0)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            await write(one, MP3, 1)
            assert 1.0 <= heard_by_av(await read(one)).seconds <= 1.2

    run(test())


def test_a_close_that_is_cancelled_closes_nevertheless() -> None:
    async def test() -> None:
        async with encoder() as one:
            closing = asyncio.ensure_future(one.close())
            await asyncio.sleep(0)
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing

    run(test())
