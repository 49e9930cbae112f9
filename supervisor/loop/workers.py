"""Short-lived processes on the event loop: work goes in line by line, one answer comes out.

None can be waited for in vain. One that is stopped, that does nothing, or that computes without getting on
is ended and begun again, and given up after some tries.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from supervisor.edge import proc
from supervisor.edge.clock import monotonic_s
from supervisor.edge.pipes import PipeWriter, read_some
from supervisor.edge.process import FAREWELL_S, WorkerProcess, start_worker
from supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from supervisor.core.death import Death

#: Fed to the worker at once; the rest waits in the ledger until this much is read.
_FEED_BYTES: Final = 256 * 1024

#: Between looks at what a worker does.
_LOOK_S: Final = 0.5

#: Starts of a worker that is killed each time, and of one that hangs each time: that costs minutes.
TRIES: Final = 10
TRIES_OF_HUNG: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a worker is waited for.

    Attributes:
        stopped_s: While it is stopped (SIGSTOP): nobody works on a planner with a debugger, and a night's
            run must not wait for who forgot it.
        still_s: Without a sign of life, an answer, or processor time: it waits for something that does not
            come. The fsync of a finished file of gigabytes takes a slow disk minutes.
        vain_s: Without a sign of life although it computes: it goes round in circles. Signs come with each
            step of the work; the longest, cutting the largest text, takes a slow machine ten minutes.
        dying_s: From SIGKILL to its death: it is inside a driver or a file system that does not answer.
    """

    stopped_s: float = 5.0
    still_s: float = 300.0
    vain_s: float = 3600.0
    dying_s: float = 30.0


#: With all workers.
PATIENCE: Final = Patience()


class WorkerFailed(Exception):
    """A worker ended without an answer; the message has its status and its last words.

    Attributes:
        by_signal: Killed rather than ended: by somebody, or by the kernel for want of memory.
            What it did was one transaction, or a file under a temporary name, so it may be tried again.
        hung: Killed by us, since it did not get on.
    """

    def __init__(self, message: str, *, by_signal: bool, hung: bool = False) -> None:
        super().__init__(message)
        self.by_signal = by_signal
        self.hung = hung


async def run_worker(
    module: str, lines: Iterator[bytes], *, state_marker: str, patience: Patience | None = None
) -> bytes:
    """Run `python -m MODULE`, feed it lines and return what it printed, without the empty lines before it.

    Cancelling ends the worker at once.

    Args:
        module: Of this package.
        lines: Whole lines, made as they are needed: memory stays flat.
        state_marker: Real path of the state folder.
        patience: How long it is waited for; None = `PATIENCE`.

    Raises:
        WorkerFailed: If it ended without printing anything, or does not end.
        SupervisorError: What making a line raised.
    """
    process = start_worker(python=sys.executable, module=module, state_marker=state_marker)
    worker = _Worker(process, lines, patience or PATIENCE)
    try:
        death = await worker.ended
    finally:
        worker.close()
    if death is None:
        said = f"process {process.pid} of {module}: {worker.hangs}, and SIGKILL does not end it"
        why = "it is inside a driver, or a file system that does not answer"
        raise WorkerFailed(f"{said}: {why}", by_signal=False, hung=True)
    if not worker.output.strip():
        words = worker.errors.decode("utf-8", "replace").strip().splitlines()[-3:]
        said = worker.hangs or " / ".join(words) or "it said nothing"
        by_signal = death.signal is not None
        raise WorkerFailed(f"{module} {death.in_words}: {said}", by_signal=by_signal, hung=worker.is_hung)
    return bytes(worker.output).lstrip()


async def run_worker_to_the_end(
    module: str,
    lines: Callable[[], Iterator[bytes]],
    *,
    state_marker: str,
    told: Callable[[str], None],
) -> bytes:
    """Run a worker as `run_worker` does; one that is killed, or hangs, is started again, within bounds.

    Args:
        module: Of this package.
        lines: Makes the lines anew for each start.
        state_marker: Real path of the state folder.
        told: Takes a sentence for each start after the first.

    Raises:
        WorkerFailed: If it ended by itself without an answer, was killed `TRIES` times, or hung
            `TRIES_OF_HUNG` times.
    """
    hung = 0
    for _ in range(TRIES - 1):
        try:
            return await run_worker(module, lines(), state_marker=state_marker)
        except WorkerFailed as error:
            hung += error.hung
            if not error.by_signal:
                raise
            if hung >= TRIES_OF_HUNG:
                said = f"{error}; so {hung} times: look whether the files it works on can be read and written"
                raise WorkerFailed(said, by_signal=False, hung=True) from error
            told(f"{error}; it is started again")
    return await run_worker(module, lines(), state_marker=state_marker)


class _Worker:
    """Descriptors of one worker on the loop.

    Attributes:
        ended: How it ended; None = it does not.
        hangs: Why it was killed, in words; empty if it was not.
        is_hung: Whether it did not get on, rather than that somebody stopped it.
    """

    def __init__(self, process: WorkerProcess, lines: Iterator[bytes], patience: Patience) -> None:
        self._process = process
        self._lines = lines
        self._patience = patience
        self._writer = PipeWriter(process.stdin_fd)
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Death | None] = self._loop.create_future()
        self.output = bytearray()
        self.errors = bytearray()
        self.hangs = ""
        self.is_hung = False
        self._loop.add_writer(process.stdin_fd, self._on_writable)
        self._loop.add_reader(process.stdout_fd, self._on_output)
        self._loop.add_reader(process.stderr_fd, self._on_errors)
        self._loop.add_reader(process.pidfd, self._on_death)
        self._stopped_s = self._still_s = self._vain_s = self._dying_s = self._cpu_s = 0.0
        self._looked_s = monotonic_s()
        self._timer = self._loop.call_later(_LOOK_S, self._look)

    def close(self) -> None:
        """End it if it lives, and close every descriptor."""
        self._timer.cancel()
        self._end_input()
        for fd in (self._process.stdout_fd, self._process.stderr_fd, self._process.pidfd):
            self._loop.remove_reader(fd)
        self._process.end_now(0.0 if self.hangs else FAREWELL_S)
        self._process.close()

    # ------------------------------------------------------------------ whether it gets on

    def _look(self) -> None:
        # What passes between two looks counts for no more than that: we may have stood still ourselves.
        step_s, self._looked_s = min(monotonic_s() - self._looked_s, 2 * _LOOK_S), monotonic_s()
        if not self.hangs:
            self._count(step_s)
            self._judge(self._patience)
        else:
            self._dying_s += step_s
            if self._dying_s >= self._patience.dying_s and not self.ended.done():
                self.ended.set_result(None)
        self._timer = self._loop.call_later(min(_LOOK_S, self._patience.still_s / 4), self._look)

    def _count(self, step_s: float) -> None:
        self._vain_s += step_s
        self._stopped_s = self._stopped_s + step_s if self._process.is_stopped() else 0.0
        cpu_s = proc.cpu_s(self._process.pid)
        self._still_s = self._still_s + step_s if cpu_s == self._cpu_s else 0.0
        self._cpu_s = cpu_s

    def _judge(self, patience: Patience) -> None:
        if self._stopped_s >= patience.stopped_s:
            self._kill(f"it was stopped (SIGSTOP) for {patience.stopped_s:g} s", hung=False)
        elif self._still_s >= patience.still_s:
            self._kill(f"it did nothing for {patience.still_s:g} s", hung=True)
        elif self._vain_s >= patience.vain_s:
            self._kill(f"it computed and did not get on for {patience.vain_s:g} s", hung=True)

    def _kill(self, why: str, *, hung: bool) -> None:
        self.hangs, self.is_hung = why, hung
        self._process.kill_group()

    # ------------------------------------------------------------------ descriptors

    def _on_writable(self) -> None:
        try:
            while self._writer.waiting_bytes < _FEED_BYTES:
                if self._writer.send(next(self._lines)) == "broken":
                    self._end_input()
                    return
        except StopIteration:
            if self._writer.flush() != "waiting":
                self._end_input()
        except SupervisorError as error:  # the ledger cannot say what comes next
            self._end_input()
            if not self.ended.done():
                self.ended.set_exception(error)
        else:
            self._writer.flush()

    def _on_output(self) -> None:
        self._take(self._process.stdout_fd, self.output)
        if self.output.isspace():  # signs of life
            self.output.clear()

    def _on_errors(self) -> None:
        self._take(self._process.stderr_fd, self.errors)

    def _take(self, fd: int, into: bytearray) -> None:
        received = read_some(fd)
        into += received.data
        if received.data:
            self._still_s = self._vain_s = 0.0
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
