"""Lines as they come, and no more than is asked for."""

import asyncio
import os
from pathlib import Path

from supervisor.doors.lines import LONGEST_LINE_BYTES, Unkept
from supervisor.doors.piper.stdin import Stdin


def test_each_line_is_there_when_it_comes() -> None:
    async def test() -> None:
        read_fd, write_fd = os.pipe()
        os.set_blocking(read_fd, False)
        stdin = Stdin(read_fd)
        for word in (b"one", b"two", b""):
            coming = asyncio.ensure_future(stdin.next())
            await asyncio.sleep(0)
            assert not coming.done()
            os.write(write_fd, word + b"\n")
            assert await coming == word
        os.write(write_fd, b"last, without its end")
        os.close(write_fd)
        assert await stdin.next() == b"last, without its end"
        assert [await stdin.next(), await stdin.next()] == [None, None]
        stdin.close()
        os.close(read_fd)

    asyncio.run(test())


def test_a_file_is_read_line_by_line_too(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b"".join(b"line %d\n" % number for number in range(20_000)))

    async def test() -> list[bytes]:
        fd = os.open(tmp_path / "lines", os.O_RDONLY)
        stdin = Stdin(fd)
        found: list[bytes] = []
        while isinstance(line := await stdin.next(), bytes):
            found.append(line)
        stdin.close()
        os.close(fd)
        return found

    assert asyncio.run(test()) == [b"line %d" % number for number in range(20_000)]


def test_a_line_without_end_is_dropped_and_the_next_is_there(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b"x" * (LONGEST_LINE_BYTES + 1) + b"\nshort\n")

    async def test() -> list[bytes | Unkept | None]:
        fd = os.open(tmp_path / "lines", os.O_RDONLY)
        stdin = Stdin(fd)
        found = [await stdin.next() for _ in range(3)]
        stdin.close()
        os.close(fd)
        return found

    assert asyncio.run(test()) == [Unkept.TOO_LONG, b"short", None]
