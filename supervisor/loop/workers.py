"""Short-lived processes on the event loop: work goes in line by line, one answer comes out."""

import asyncio
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from supervisor.edge.pipes import PipeWriter, read_some
from supervisor.edge.process import WorkerProcess, start_worker

if TYPE_CHECKING:
    from supervisor.core.death import Death

#: Fed to the worker at once; the rest waits in the ledger until this much is read.
_FEED_BYTES = 256 * 1024


class WorkerFailed(Exception):
    """A worker ended without an answer; the message has its status and its last words."""


async def run_worker(module: str, lines: Iterator[bytes], *, state_marker: str) -> bytes:
    """Run `python -m MODULE`, feed it lines and return what it printed.

    Cancelling ends the worker at once.

    Args:
        module: Of this package.
        lines: Whole lines, made as they are needed: memory stays flat.
        state_marker: Real path of the state folder.

    Raises:
        WorkerFailed: If it ended without printing anything.
    """
    process = start_worker(python=sys.executable, module=module, state_marker=state_marker)
    worker = _Worker(process, lines)
    try:
        death = await worker.ended
    finally:
        worker.close()
    if not worker.output.strip():
        words = worker.errors.decode("utf-8", "replace").strip().splitlines()[-3:]
        raise WorkerFailed(f"{module} {death.in_words}: {' / '.join(words) or 'it said nothing'}")
    return bytes(worker.output)


class _Worker:
    """Descriptors of one worker on the loop."""

    def __init__(self, process: WorkerProcess, lines: Iterator[bytes]) -> None:
        self._process = process
        self._lines = lines
        self._writer = PipeWriter(process.stdin_fd)
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Death] = self._loop.create_future()
        self.output = bytearray()
        self.errors = bytearray()
        self._loop.add_writer(process.stdin_fd, self._on_writable)
        self._loop.add_reader(process.stdout_fd, self._on_output)
        self._loop.add_reader(process.stderr_fd, self._on_errors)
        self._loop.add_reader(process.pidfd, self._on_death)

    def close(self) -> None:
        """End it if it lives, and close every descriptor."""
        self._end_input()
        for fd in (self._process.stdout_fd, self._process.stderr_fd, self._process.pidfd):
            self._loop.remove_reader(fd)
        self._process.end_now()
        self._process.close()

    def _on_writable(self) -> None:
        try:
            while self._writer.waiting_bytes < _FEED_BYTES:
                if self._writer.send(next(self._lines)) == "broken":
                    self._end_input()
                    return
        except StopIteration:
            if self._writer.flush() != "waiting":
                self._end_input()
        else:
            self._writer.flush()

    def _on_output(self) -> None:
        self._take(self._process.stdout_fd, self.output)

    def _on_errors(self) -> None:
        self._take(self._process.stderr_fd, self.errors)

    def _take(self, fd: int, into: bytearray) -> None:
        received = read_some(fd)
        into += received.data
        if received.ended:
            self._loop.remove_reader(fd)

    def _on_death(self) -> None:
        self._on_output()
        self._on_errors()
        death = self._process.reap()
        if death is not None and not self.ended.done():
            self._loop.remove_reader(self._process.pidfd)
            self.ended.set_result(death)

    def _end_input(self) -> None:
        if self._process.stdin_fd >= 0:
            self._loop.remove_writer(self._process.stdin_fd)
            self._process.end_input()
