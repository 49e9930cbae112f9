"""Run a piece of work in a forked process and stream what it writes.

For libraries whose output depends on what they did before: each fork begins from the same
state, and whatever it does to that state dies with it.
"""

import fcntl
import gc
import os
import signal
import traceback
from collections.abc import Callable, Generator

from child.engine import EngineError
from supervisor.wire.lifeline import tie_to_parent

#: As large as the system lets anyone have, so that the fork need not wait for its reader.
_PIPE_BYTES = 1024 * 1024
#: Read at most this much at once: 6 s of sound at 22050 Hz.
_READ_BYTES = 256 * 1024
#: Write no less than this at once, the end aside: 1.5 s of sound, which eSpeak makes in 2 ms.
_WRITE_BYTES = 64 * 1024

#: Exit status of a fork whose work said that it failed; its words are on stderr.
_REFUSED_STATUS = 3

#: Gets a function that writes bytes for the reader; returns None, or in words why it failed.
Work = Callable[[Callable[[bytes], None]], str | None]


def run_forked(work: Work) -> Generator[bytes]:
    """Yield what `work` writes, as it comes.

    Closing the iterator early kills the fork.

    Raises:
        EngineError: If the work failed, or its process did not end well.
    """
    read_fd, write_fd = os.pipe()
    fcntl.fcntl(write_fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    pid = _fork(work, read_fd, write_fd)
    os.close(write_fd)
    try:
        while piece := os.read(read_fd, _READ_BYTES):
            yield piece
        status = os.waitstatus_to_exitcode(_reap(pid))
        pid = 0
    finally:
        os.close(read_fd)
        if pid:
            os.kill(pid, signal.SIGKILL)
            _reap(pid)
    if status != 0:
        raise EngineError(_in_words(status))


def _fork(work: Work, read_fd: int, write_fd: int) -> int:
    parent_pid = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        tie_to_parent(parent_pid)
        os.close(read_fd)
        _close_all_but(write_fd)
        gc.disable()  # it lives for milliseconds
        writer = _Writer(write_fd)
        refused = work(writer.write)
        writer.flush()
        if refused is not None:
            _log(f"the forked synthesizer: {refused}")
        os._exit(0 if refused is None else _REFUSED_STATUS)
    except BaseException:  # noqa: BLE001 -- whatever it is, a fork must never return into the child's code
        _log(traceback.format_exc().rstrip())
    finally:
        os._exit(1)


def _close_all_but(kept_fd: int) -> None:
    # The wire must not stay open in a fork, or the parent would wait for an end that never comes.
    os.closerange(3, kept_fd)
    os.closerange(kept_fd + 1, os.sysconf("SC_OPEN_MAX"))


def _log(text: str) -> None:
    # Straight to the descriptor: whatever sys.stderr was may have been closed above.
    os.write(2, text.encode("utf-8", "backslashreplace") + b"\n")


class _Writer:
    """Gathers small pieces: each write wakes the reader, and becomes a chunk on the wire."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._gathered = bytearray()

    def write(self, piece: bytes) -> None:
        self._gathered += piece
        if len(self._gathered) >= _WRITE_BYTES:
            self.flush()

    def flush(self) -> None:
        rest = memoryview(self._gathered)
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        self._gathered = bytearray()


def _reap(pid: int) -> int:
    return os.waitpid(pid, 0)[1]


def _in_words(status: int) -> str:
    if status < 0:
        return f"the synthesizer's process was killed by {signal.Signals(-status).name}"
    if status == _REFUSED_STATUS:
        return "the synthesizer refused the text; its reason is in the log"
    return f"the synthesizer's process ended with status {status}; its reason is in the log"
