"""What waits for a reader, and what is known of him."""

import asyncio
import os
from pathlib import Path

from supervisor.doors.piper.stdout import Stdout
from supervisor.edge.pipes import read_some

MUCH = 3 * 1024 * 1024


def test_all_of_it_comes_out_in_order_however_slowly_it_is_read(tmp_path: Path) -> None:
    async def test() -> bytes:
        read_fd, write_fd = os.pipe2(os.O_NONBLOCK)
        stdout = Stdout(write_fd, tmp_path)
        for number in range(MUCH // 1024):
            stdout.put(bytes([number % 256]) * 1024)
        written = asyncio.ensure_future(stdout.written())
        got = b""
        while not written.done():
            await asyncio.sleep(0)
            got += read_some(read_fd).data
        os.close(write_fd)
        got += read_some(read_fd, 2 * MUCH).data
        stdout.close()
        os.close(read_fd)
        return got

    assert asyncio.run(test()) == b"".join(bytes([number % 256]) * 1024 for number in range(MUCH // 1024))


def test_who_waits_until_less_waits_goes_on_when_enough_was_read(tmp_path: Path) -> None:
    async def test() -> None:
        read_fd, write_fd = os.pipe2(os.O_NONBLOCK)
        stdout = Stdout(write_fd, tmp_path)
        stdout.put(bytes(MUCH))
        waiting = asyncio.ensure_future(stdout.below(MUCH // 2))
        await asyncio.sleep(0)
        assert not waiting.done()
        while not waiting.done():
            read_some(read_fd)
            await asyncio.sleep(0)
        stdout.close()
        os.close(read_fd)
        os.close(write_fd)

    asyncio.run(test())


def test_a_reader_who_leaves_is_found_and_nobody_waits_for_him(tmp_path: Path) -> None:
    async def test() -> None:
        read_fd, write_fd = os.pipe2(os.O_NONBLOCK)
        stdout = Stdout(write_fd, tmp_path)
        stdout.put(bytes(MUCH))
        waiting = [asyncio.ensure_future(stdout.written()), asyncio.ensure_future(stdout.below(0))]
        await asyncio.sleep(0)
        os.close(read_fd)
        await asyncio.gather(*waiting)
        assert stdout.broken
        stdout.put(b"for nobody")
        stdout.close()
        os.close(write_fd)

    asyncio.run(test())
