"""One encoding process on the event loop: samples in, bytes out, its death, and how it is ended."""

import asyncio
import fcntl
import os
import struct
import sys
import termios
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from supervisor.edge.pipes import read_some
from supervisor.edge.process import WorkerProcess, start_worker
from supervisor.errors import SupervisorError
from supervisor.loop.encoding import EncodingFailed
from supervisor.loop.stillness import LOOKS, Flow, Stillness

if TYPE_CHECKING:
    from supervisor.core.death import Death

_MODULE: Final = "supervisor.encoding"

#: One piece of what is read.
_PIECE_BYTES: Final = 64 * 1024

#: Of its last words.
_MOST_WORDS_BYTES: Final = 2000


class Encoder:
    """One process from its start until it is gone; with a header written to it, an `Encoding`.

    It has no buffer here: what is in flight is in two pipes, a megabyte each at most.
    """

    def __init__(self, *, state_marker: str, stall_s: float, over: Callable[["Encoder"], None]) -> None:
        """Start it; it loads its codec while it waits for the first byte.

        Args:
            state_marker: Real path of the state folder.
            stall_s: Without a byte moved, while there is something to do, until it is ended.
            over: Told once, when nothing of it is left: no process, no descriptor.

        Raises:
            EncodingFailed: If the system has no room for it.
        """
        self._process = _start(state_marker)
        self._loop = asyncio.get_running_loop()
        self._over = over
        self._stall_s = stall_s
        self._gone: asyncio.Future[Death] = self._loop.create_future()
        self._left: asyncio.Future[None] = self._loop.create_future()
        self._waits: set[asyncio.Future[None]] = set()
        self._dismissed = False
        self._input_ended = False
        self._moved_bytes = 0
        self._stillness = Stillness()
        self._stalled = False
        self._words = b""
        self._loop.add_reader(self._process.pidfd, self._on_death)
        self._timer = self._loop.call_later(stall_s / LOOKS, self._look)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether it may still be given work, asked of the kernel: its death may not have been told yet."""
        self._on_death()
        return not self._gone.done() and not self._dismissed

    async def write(self, pcm: bytes) -> None:
        """Write all of it; see `Encoding`."""
        rest = memoryview(pcm)
        while rest:
            self._must_be_open()
            try:
                written = os.write(self._process.stdin_fd, rest)
            except BlockingIOError:
                await self._until(self._process.stdin_fd, reads=False)
            except BrokenPipeError:
                raise await self._failure() from None
            else:
                self._moved_bytes += written
                rest = rest[written:]

    async def finish(self) -> None:
        """Say that this was all; see `Encoding`."""
        self._must_be_open()
        self._input_ended = True
        self._process.end_input()

    def __aiter__(self) -> Self:
        """Read it; see `Encoding`."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next bytes; see `Encoding`."""
        while not self._dismissed:
            received = read_some(self._process.stdout_fd, _PIECE_BYTES)
            self._moved_bytes += len(received.data)
            if received.data:
                return received.data
            if received.ended:
                death = await asyncio.shield(self._gone)
                if death.exit_code == 0 and self._input_ended and not self._dismissed:
                    raise StopAsyncIteration
                raise await self._failure()
            await self._until(self._process.stdout_fd, reads=True)
        raise _closed()

    async def close(self) -> None:
        """Have it gone; returns when nothing of it is left. Also if that is not waited for, it goes."""
        self.dismiss()
        await asyncio.shield(self._left)

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()

    def dismiss(self) -> None:
        """Have it gone, whatever it does; whoever waits for it is told. Idempotent."""
        if self._dismissed:
            return
        self._dismissed = True
        self._timer.cancel()
        # Here, while the numbers are still ours: a closed one may be another's by the time a waiter wakes.
        if self._process.stdin_fd >= 0:
            self._loop.remove_writer(self._process.stdin_fd)
        self._loop.remove_reader(self._process.stdout_fd)
        for wait in self._waits:
            if not wait.done():
                wait.set_exception(_closed())
        self._process.kill_group()
        self._gone.add_done_callback(self._leave)

    # ------------------------------------------------------------------ waiting

    async def _until(self, fd: int, *, reads: bool) -> None:
        """Wait until a descriptor can be used.

        Raises:
            EncodingFailed: If it is dismissed meanwhile.
        """
        ready: asyncio.Future[None] = self._loop.create_future()
        add, remove = (
            (self._loop.add_reader, self._loop.remove_reader)
            if reads
            else (self._loop.add_writer, self._loop.remove_writer)
        )
        self._waits.add(ready)
        add(fd, _set, ready)
        try:
            await ready
        finally:
            self._waits.discard(ready)
            if not self._dismissed:
                remove(fd)

    def _must_be_open(self) -> None:
        if self._dismissed or self._input_ended:
            raise _closed()

    # ------------------------------------------------------------------ its end

    def _look(self) -> None:
        flow = Flow(
            unread_bytes=0 if self._input_ended else _unread_bytes(self._process.stdin_fd),
            untaken_bytes=_unread_bytes(self._process.stdout_fd),
            input_ended=self._input_ended,
            moved_bytes=self._moved_bytes,
        )
        if self._stillness.look(flow):
            self._stalled = True
            self._process.kill_group()
        else:
            self._timer = self._loop.call_later(self._stall_s / LOOKS, self._look)

    def _on_death(self) -> None:
        death = None if self._gone.done() else self._process.reap()
        if death is not None:
            self._loop.remove_reader(self._process.pidfd)
            self._timer.cancel()
            self._words = read_some(self._process.stderr_fd, _MOST_WORDS_BYTES).data
            self._gone.set_result(death)

    def _leave(self, _: object) -> None:
        self._process.close()
        self._left.set_result(None)
        self._over(self)

    async def _failure(self) -> EncodingFailed:
        """Say how it ended; its input or output is at an end, so it has or is about to."""
        death = await asyncio.shield(self._gone)
        if self._dismissed:
            return _closed()
        words = self._words.decode("utf-8", "replace").strip()
        said = words.splitlines()[-1] if words else "it said nothing"
        if self._stalled:
            message = f"the encoder stood still for {self._stall_s:g} s and was ended; try again"
        elif death.signal is not None:
            message = f"the encoder {death.in_words}; try again"
        else:
            message = f"the encoder {death.in_words}: {said}"
        return EncodingFailed(message, retryable=death.signal is not None)


def _start(state_marker: str) -> WorkerProcess:
    try:
        return start_worker(python=sys.executable, module=_MODULE, state_marker=state_marker)
    except SupervisorError as error:
        raise EncodingFailed(f"the encoder cannot be started: {error}", retryable=True) from error


def _set(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


def _closed() -> EncodingFailed:
    return EncodingFailed("the stream is closed", retryable=False)


def _unread_bytes(fd: int) -> int:
    """Return what lies in a pipe and nobody has read, asked at either end."""
    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0]
