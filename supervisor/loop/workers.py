"""Short-lived processes on the event loop: work goes in line by line, one answer comes out."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from supervisor.edge.pipes import PipeWriter, read_some
from supervisor.edge.process import WorkerProcess, start_worker

if TYPE_CHECKING:
    from supervisor.core.death import Death

#: Fed to the worker at once; the rest waits in the ledger until this much is read.
_FEED_BYTES = 256 * 1024


#: Between looks at whether a worker is stopped (SIGSTOP), and looks in a row until it is ended:
#: nobody works on a planner with a debugger, and a night's run must not wait for who forgot it.
_LOOK_S = 0.5
_LOOKS = 10


#: Starts of a worker that is killed each time.
TRIES = 10


class WorkerFailed(Exception):
    """A worker ended without an answer; the message has its status and its last words.

    Attributes:
        by_signal: Killed rather than ended: by somebody, or by the kernel for want of memory.
            What it did was one transaction, or a file under a temporary name, so it may be tried again.
    """

    def __init__(self, message: str, *, by_signal: bool) -> None:
        super().__init__(message)
        self.by_signal = by_signal


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
        said = " / ".join(words) or "it said nothing"
        raise WorkerFailed(f"{module} {death.in_words}: {said}", by_signal=death.signal is not None)
    return bytes(worker.output)


async def run_worker_to_the_end(
    module: str,
    lines: Callable[[], Iterator[bytes]],
    *,
    state_marker: str,
    told: Callable[[str], None],
) -> bytes:
    """Run a worker as `run_worker` does; one that is killed is started again, within a bound.

    Args:
        module: Of this package.
        lines: Makes the lines anew for each start.
        state_marker: Real path of the state folder.
        told: Takes a sentence for each start after the first.

    Raises:
        WorkerFailed: If it ended by itself without an answer, or was killed `TRIES` times.
    """
    for _ in range(TRIES - 1):
        try:
            return await run_worker(module, lines(), state_marker=state_marker)
        except WorkerFailed as error:
            if not error.by_signal:
                raise
            told(f"{error}; it is started again")
    return await run_worker(module, lines(), state_marker=state_marker)


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
        self._looks = 0
        self._timer = self._loop.call_later(_LOOK_S, self._look)

    def close(self) -> None:
        """End it if it lives, and close every descriptor."""
        self._timer.cancel()
        self._end_input()
        for fd in (self._process.stdout_fd, self._process.stderr_fd, self._process.pidfd):
            self._loop.remove_reader(fd)
        self._process.end_now()
        self._process.close()

    def _look(self) -> None:
        self._looks = self._looks + 1 if self._process.is_stopped() else 0
        if self._looks >= _LOOKS:
            self._process.kill_group()
        self._timer = self._loop.call_later(_LOOK_S, self._look)

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
