"""Make a process and the pipes to it, whole or not at all. `process.py` gives them a meaning."""

import contextlib
import errno
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass

from supervisor.edge.launch import CannotStart, let_go_first
from supervisor.edge.pipes import open_pipe, open_sockets
from supervisor.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Stdio:
    """Descriptors for a new process: stdin None = /dev/null; `passed` keep their numbers."""

    stdin: int | None
    stdout: int
    stderr: int
    passed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A process that runs, and the descriptor that tells of its death."""

    popen: "subprocess.Popen[bytes]"
    pidfd: int


class Ends:
    """The descriptors of one start: the far ends always close, ours unless they are handed over."""

    def __init__(self) -> None:
        self._ours = ExitStack()
        self._theirs = ExitStack()

    def __enter__(self) -> "Ends":
        return self

    def __exit__(self, *_: object) -> None:
        self._theirs.close()
        self._ours.close()

    def open(self, *, parent_reads: bool) -> tuple[int, int]:
        """Open a pipe as (our end, its end).

        Raises:
            CannotStart: If there are no descriptors left.
        """
        with _refusals_named("a pipe to a process"):
            ours, theirs = open_pipe(parent_reads=parent_reads)
        self._ours.callback(os.close, ours)
        self._theirs.callback(os.close, theirs)
        return ours, theirs

    def open_socket(self) -> tuple[socket.socket, int]:
        """Open a pair of sockets for packets as (our end, its end).

        Raises:
            CannotStart: If there are no descriptors left.
        """
        with _refusals_named("a socket to a process"):
            ours, theirs = open_sockets()
        self._ours.callback(ours.close)
        self._theirs.callback(theirs.close)
        return ours, theirs.fileno()

    def start(self, words: list[str], env: dict[str, str], stdio: Stdio) -> Started:
        """Start a program; unless it is handed over, it ends when the block does.

        Raises:
            ConfigError: If it is no program that can be run.
            CannotStart: If the system has no room for it.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(
                "start processes in the main thread: they die with the thread that forked them"
            )
        if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
            # Inherited from some launchers: the kernel would throw away how a child ended.
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with _refusals_named(words[0]):
            popen = subprocess.Popen(  # noqa: S603 -- our own interpreter, no shell
                words,
                env=env,
                stdin=subprocess.DEVNULL if stdio.stdin is None else stdio.stdin,
                stdout=stdio.stdout,
                stderr=stdio.stderr,
                pass_fds=stdio.passed,
                close_fds=True,
                start_new_session=True,
            )
        self._ours.callback(_abandon, popen)
        let_go_first(popen.pid)
        pidfd = open_pidfd(popen.pid)
        self._ours.callback(os.close, pidfd)
        return Started(popen=popen, pidfd=pidfd)

    def let_go(self) -> None:
        """Close the far ends now: the process that they are for has its own copies."""
        self._theirs.close()

    def hand_over(self) -> None:
        """Leave the process and our ends to the caller."""
        self._ours.pop_all()


@contextlib.contextmanager
def _refusals_named(thing: str) -> Generator[None]:
    """Turn what the system refuses into an error with a mend."""
    try:
        yield
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        raise ConfigError(
            f"child.python: {thing} cannot be run: {error.strerror}; name a working Python"
        ) from error
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            raise ConfigError(f"child.python: {thing} is not a program; name a working Python") from error
        raise CannotStart(
            f"no room to start {thing}: {error.strerror}; raise the limits of processes, open files or "
            "memory (ulimit -u, -n, -v), or end other programs, then try again"
        ) from error


def open_pidfd(pid: int) -> int:
    """Return a descriptor of a child of ours.

    Raises:
        CannotStart: If the system does not give one, or there is no such process.
    """
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError as error:
        raise CannotStart(f"process {pid} was gone before it could be watched; try again") from error
    except OSError as error:
        raise CannotStart(
            f"pidfd_open: {error.strerror}; needs Linux 5.3 or newer, and a container whose system call "
            "filter allows it"
        ) from error


def _abandon(popen: "subprocess.Popen[bytes]") -> None:
    popen.kill()
    popen.wait()
