"""Start processes of ours, know of their death, end them and all they forked. No decisions.

Every process gets a session of its own, the state folder's marker in its environment, and the
parent's pid to tie its life to. Its death is told by the pidfd alone: a pipe may stay open
in a grandchild for long. Exactly one place collects the status: `Process.reap`. A process that
a template forked and that became our child is told and ended in the same way.
"""

import contextlib
import os
import select
import signal
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from supervisor.core.death import Death
from supervisor.edge import proc
from supervisor.edge.launch import environment_for, find_python
from supervisor.edge.spawn import Ends, Stdio
from supervisor.wire.lifeline import LIFE_VARIABLE

if TYPE_CHECKING:
    import subprocess

#: What a child runs; tests put other programs in its place.
CHILD_PROGRAM = ("-m", "child")

#: A killed process of 4 GiB is gone after 0.2 s; more than this is a driver's doing.
FAREWELL_S = 5.0

#: Pids whose status somebody here will collect. The kernel's table of our children has no owner
#: for each, and `strangers.py` must take no status that is waited for; so there is one set a process.
_waited_for: Final[set[int]] = set()


def waited_for() -> frozenset[int]:
    """Return the pids of processes that were started or adopted here and not reaped yet."""
    return frozenset(_waited_for)


class Process:
    """One process of ours, from its start until `close`.

    Attributes:
        pid: Also the number of its session and process group.
        pidfd: Readable once the process is dead; watch it, then call `reap`.
        stderr_fd: The parent's end of what it writes for people; never blocks.
    """

    def __init__(self, source: "subprocess.Popen[bytes] | int", *, pidfd: int, stderr_fd: int) -> None:
        """Own a process.

        Args:
            source: As we started it; or the pid of a child of ours that another process forked.
            pidfd: Of it.
            stderr_fd: Our end.
        """
        self.pid = source if isinstance(source, int) else source.pid
        self.pidfd = pidfd
        self.stderr_fd = stderr_fd
        self._popen = None if isinstance(source, int) else source
        self._death: Death | None = None
        _waited_for.add(self.pid)

    def terminate(self) -> None:
        """Send SIGTERM to the process alone.

        Not to what it forked: a fork that dies first would look like a failed segment. The
        group follows at the latest when the process is reaped.
        """
        self._signal(signal.SIGTERM)

    def dump_stack(self) -> bool:
        """Have faulthandler write the stacks of all threads to stderr, even with the GIL held.

        Returns:
            False if the process does not listen for it (yet): the signal would have killed it.
        """
        listens = self._death is None and proc.catches(self.pid, signal.SIGUSR1)
        if listens:
            self._signal(signal.SIGUSR1)
        return listens

    def kill_group(self) -> None:
        """Send SIGKILL to the process and to all of its group."""
        self._signal(signal.SIGKILL)
        self._kill_group_of_unreaped()

    def reap(self) -> Death | None:
        """Return how the process ended, or None while it lives. The first answer stays.

        What it forked is killed before the status is collected, also when it died by itself:
        until then the kernel keeps the group's number, so no stranger can be hit.
        """
        if self._death is None and (ended := self._ended()):
            self._death = ended
            _waited_for.discard(self.pid)
            if self._popen is not None:
                # Disarms Popen: it must neither warn nor wait for a pid that is no longer ours.
                self._popen.returncode = 0
        return self._death

    def end_now(self, wait_s: float = FAREWELL_S) -> Death | None:
        """Kill the process and its group, and collect it: for a way out, where nothing else waits.

        Returns:
            None if it is still there after `wait_s`: inside a driver, most likely.
        """
        if self._death is None and self.pidfd >= 0:
            self.kill_group()
            select.select([self.pidfd], [], [], wait_s)
        return self.reap()

    def state(self) -> proc.State | None:
        """Return what the kernel says it is doing; None once reaped."""
        return None if self._death else proc.state(self.pid)

    def is_stopped(self) -> bool:
        """Say whether a SIGSTOP or a debugger holds it."""
        return self.state() == "stopped"

    def is_uninterruptible(self) -> bool:
        """Say whether it is inside a driver, where not even SIGKILL reaches it."""
        return self._death is None and proc.is_uninterruptible(self.pid)

    def close(self) -> None:
        """Close every descriptor; to be called once it is reaped, or to let it go. Idempotent."""
        self.pidfd = _closed(self.pidfd)
        self.stderr_fd = _closed(self.stderr_fd)

    def _signal(self, number: signal.Signals) -> None:
        if self._death is None and self.pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):  # dead, not yet reaped
                signal.pidfd_send_signal(self.pidfd, number)

    def _kill_group_of_unreaped(self) -> None:
        if self._death is None:
            # PermissionError: only a member that changed its user is left; the lifeline is theirs.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def _ended(self) -> Death | None:
        try:
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return None
            self._kill_group_of_unreaped()
            result = os.waitid(os.P_PID, self.pid, os.WEXITED)
        except ChildProcessError:
            return Death()  # somebody else took the status, so the number may be a stranger's by now
        return _death(result) if result else Death()


class ChildProcess(Process):
    """A process that speaks the wire.

    Attributes:
        read_fd: Frames from the child; never blocks.
        write_fd: Frames to the child; never blocks; -1 after `hang_up`.
    """

    def __init__(
        self,
        source: "subprocess.Popen[bytes] | int",
        *,
        pidfd: int,
        stderr_fd: int,
        read_fd: int,
        write_fd: int,
    ) -> None:
        super().__init__(source, pidfd=pidfd, stderr_fd=stderr_fd)
        self.read_fd = read_fd
        self.write_fd = write_fd

    def hang_up(self) -> None:
        """Close the way to the child: it reads the end of the pipe and leaves."""
        self.write_fd = _closed(self.write_fd)

    def close(self) -> None:
        """Close every descriptor. Idempotent."""
        super().close()
        self.hang_up()
        self.read_fd = _closed(self.read_fd)


class WorkerProcess(Process):
    """A short-lived process that reads its work on stdin and answers on stdout.

    Attributes:
        stdin_fd: Never blocks; -1 after `end_input`.
        stdout_fd: Never blocks.
    """

    def __init__(
        self, popen: "subprocess.Popen[bytes]", *, pidfd: int, stderr_fd: int, stdin_fd: int, stdout_fd: int
    ) -> None:
        super().__init__(popen, pidfd=pidfd, stderr_fd=stderr_fd)
        self.stdin_fd = stdin_fd
        self.stdout_fd = stdout_fd

    def end_input(self) -> None:
        """Close its stdin: there is no more work."""
        self.stdin_fd = _closed(self.stdin_fd)

    def close(self) -> None:
        """Close every descriptor. Idempotent."""
        super().close()
        self.end_input()
        self.stdout_fd = _closed(self.stdout_fd)


def start_child(
    *,
    python: str,
    life: int,
    state_marker: str,
    extra_env: Mapping[str, str] | None = None,
    program: Sequence[str] = CHILD_PROGRAM,
) -> ChildProcess:
    """Start one child life; its frames travel on two pipes of their own, never on fd 0 or 1.

    Args:
        python: Interpreter: a path or a name on PATH.
        life: Number of the life, from 1.
        state_marker: Real path of the state folder.
        extra_env: Added to what the child inherits; wins.
        program: What the interpreter runs; `--read FD --write FD` is added.

    Raises:
        CannotStart: With the thing and the mend. Nothing is left open or running.
    """
    env = environment_for(python, state_marker, {LIFE_VARIABLE: str(life), **(extra_env or {})})
    with Ends() as ends:
        read_fd, child_write_fd = ends.open(parent_reads=True)
        write_fd, child_read_fd = ends.open(parent_reads=False)
        stderr_fd, child_stderr_fd = ends.open(parent_reads=True)
        passed = (child_read_fd, child_write_fd)
        frames = ("--read", str(child_read_fd), "--write", str(child_write_fd))
        words = [find_python(python), "-P", *program, *frames]
        stdio = Stdio(stdin=None, stdout=child_stderr_fd, stderr=child_stderr_fd, passed=passed)
        started = ends.start(words, env, stdio)
        child = ChildProcess(
            started.popen, pidfd=started.pidfd, stderr_fd=stderr_fd, read_fd=read_fd, write_fd=write_fd
        )
        ends.hand_over()
    return child


def start_worker(
    *,
    python: str,
    module: str,
    state_marker: str,
    extra_env: Mapping[str, str] | None = None,
    program: Sequence[str] | None = None,
) -> WorkerProcess:
    """Start `python -m MODULE`, tied to us in the same way, with its work on stdin.

    Raises:
        CannotStart: With the thing and the mend. Nothing is left open or running.
    """
    env = environment_for(python, state_marker, extra_env or {})
    with Ends() as ends:
        stdin_fd, child_stdin_fd = ends.open(parent_reads=False)
        stdout_fd, child_stdout_fd = ends.open(parent_reads=True)
        stderr_fd, child_stderr_fd = ends.open(parent_reads=True)
        words = [find_python(python), "-P", *(program or ("-m", module))]
        stdio = Stdio(stdin=child_stdin_fd, stdout=child_stdout_fd, stderr=child_stderr_fd)
        started = ends.start(words, env, stdio)
        worker = WorkerProcess(
            started.popen, pidfd=started.pidfd, stderr_fd=stderr_fd, stdin_fd=stdin_fd, stdout_fd=stdout_fd
        )
        ends.hand_over()
    return worker


def _closed(fd: int) -> int:
    if fd >= 0:
        os.close(fd)
    return -1


def _death(result: os.waitid_result) -> Death:
    if result.si_code == os.CLD_EXITED:
        return Death(exit_code=result.si_status)
    return Death(signal=result.si_status, core_dumped=result.si_code == os.CLD_DUMPED)
