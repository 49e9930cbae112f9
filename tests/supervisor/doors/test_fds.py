"""Descriptors are read and written in the loop's own time, whatever kind they are of."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from supervisor.doors.fds import PIECE_BYTES, Inlet, Outlet, drop_unread
from tests.supervisor.doors.pipes import PATIENCE_S


async def within(future: "asyncio.Future[None]") -> None:
    await asyncio.wait_for(future, PATIENCE_S)


def test_a_file_is_read_a_piece_a_turn_to_its_end_and_not_while_it_is_paused(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(bytes(5 * PIECE_BYTES + 7))

    async def read() -> list[int]:
        over, sizes = asyncio.get_running_loop().create_future(), list[int]()
        with path.open("rb", buffering=0) as file:

            def feed(data: bytes) -> None:
                sizes.append(len(data))
                inlet.pause()
                asyncio.get_running_loop().call_later(0.001, inlet.resume)

            inlet = Inlet(file.fileno(), feed, lambda: over.set_result(None))
            inlet.resume()
            inlet.resume()
            await within(over)
            inlet.resume()  # after the end nothing is read
            return sizes

    assert asyncio.run(read()) == [PIECE_BYTES] * 5 + [7]


def test_what_a_slow_reader_does_not_take_waits_and_nothing_of_it_is_lost() -> None:
    sent = [bytes([number]) * PIECE_BYTES for number in range(20)]

    async def write() -> bytes:
        read_fd, write_fd = os.pipe()
        os.set_blocking(write_fd, False)
        left = [*sent]
        outlet = Outlet(write_fd, lambda _: left.pop(0) if left else b"", lambda: None)
        outlet.wake()
        await asyncio.sleep(0.01)
        assert len(left) >= 17  # the pipe, and what it did not take
        reading = asyncio.to_thread(read_all, read_fd)
        task = asyncio.ensure_future(reading)
        await outlet.drained(PATIENCE_S)
        outlet.close()
        os.close(write_fd)
        read = await task
        os.close(read_fd)
        return read

    assert asyncio.run(write()) == b"".join(sent)


def read_all(fd: int) -> bytes:
    return b"".join(iter(lambda: os.read(fd, 4096), b""))


def test_a_reader_that_leaves_is_found_while_there_is_nothing_to_write() -> None:
    async def look() -> None:
        gone = asyncio.get_running_loop().create_future()
        read_fd, write_fd = os.pipe()
        outlet = Outlet(write_fd, lambda _: b"", lambda: gone.set_result(None))
        outlet.watch()
        os.close(read_fd)
        await within(gone)
        outlet.wake()  # nothing is tried any more
        os.close(write_fd)

    asyncio.run(look())


def test_a_reader_that_leaves_is_found_by_writing() -> None:
    async def write() -> None:
        gone = asyncio.get_running_loop().create_future()
        read_fd, write_fd = os.pipe()
        os.close(read_fd)
        outlet = Outlet(write_fd, lambda _: b"x", lambda: gone.set_result(None))
        outlet.wake()
        await within(gone)
        assert outlet.is_idle
        os.close(write_fd)

    asyncio.run(write())


def test_draining_waits_no_longer_than_it_may() -> None:
    async def write() -> None:
        read_fd, write_fd = os.pipe()
        os.set_blocking(write_fd, False)
        outlet = Outlet(write_fd, lambda _: bytes(2 * PIECE_BYTES), lambda: None)
        outlet.wake()
        await outlet.drained(0.05)
        assert not outlet.is_idle
        outlet.close()
        os.close(read_fd)
        os.close(write_fd)

    asyncio.run(write())


def test_a_socket_with_something_unread_ends_for_its_other_end_without_an_error() -> None:
    for drops in (False, True):
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            theirs.sendall(bytes(100_000))
            ours.sendall(b"the last word")
            if drops:
                drop_unread(ours.fileno())
            ours.close()
            assert theirs.recv(100) == b"the last word"
            if drops:
                assert theirs.recv(100) == b""
            else:
                with pytest.raises(ConnectionResetError):
                    theirs.recv(100)
