"""Standard input and output for a door alone: whatever a library reads or prints, it is not there.

The door gets descriptors of its own; 0 becomes /dev/null, so that no child reads the door's lines, and 1
becomes standard error, so that nothing but the door's lines is on the standard output. Bytes that C code
writes to descriptor 1 are turned away too; rebinding `sys.stdout` would let them through.
"""

import contextlib
import fcntl
import os
import stat
import sys
from dataclasses import dataclass

from supervisor.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """What was standard input and output: neither blocks, both close on exec.

    Attributes:
        inlet_fd: To read from.
        outlet_fd: To write to.
    """

    inlet_fd: int
    outlet_fd: int

    def close(self) -> None:
        """Close both."""
        os.close(self.inlet_fd)
        os.close(self.outlet_fd)


def claim_streams() -> Streams:
    """Take standard input and output for a door. To be called once, before anything is read or opened.

    A standard error that is closed is /dev/null from here on: whatever is opened next would be it.

    Raises:
        UsageError: If one of them is closed.
    """
    nothing = _above_stdio(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
    if not _is_open(2):
        os.dup2(nothing, 2)
    inlet_fd = _claimed(0, _reading(0), "input")
    try:
        outlet_fd = _claimed(1, os.O_WRONLY, "output")
    except UsageError:
        os.close(inlet_fd)
        raise
    # What was printed before now belongs where it was meant to go, and not between two lines of ours.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return Streams(inlet_fd=inlet_fd, outlet_fd=outlet_fd)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _reading(fd: int) -> int:
    """Return what to open standard input anew for.

    A pipe with a name that is open for both (`<> lines`, systemd's `ListenFIFO=`) has no end, however many
    writers come and go: that is what it was opened for.
    """
    try:
        is_pipe = stat.S_ISFIFO(os.fstat(fd).st_mode)
        mode = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
    except OSError:
        return os.O_RDONLY
    return os.O_RDWR if is_pipe and mode == os.O_RDWR else os.O_RDONLY


def _claimed(fd: int, flags: int, name: str) -> int:
    """Return a descriptor of ours for the same thing, above 2 and not blocking."""
    try:
        kind = stat.S_IFMT(os.fstat(fd).st_mode)
    except OSError as error:
        raise UsageError(f"standard {name} is closed ({error.strerror}); --stdio talks over it") from error
    # Whether a descriptor blocks is a property of what it was opened as, which others share: the shell that
    # started us, or standard error on the same terminal. A pipe or a terminal can be opened anew.
    if kind in (stat.S_IFIFO, stat.S_IFCHR):
        with contextlib.suppress(OSError):
            return _above_stdio(
                os.open(f"/proc/self/fd/{fd}", flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
            )
    ours = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    if kind != stat.S_IFREG:
        os.set_blocking(ours, False)
    return ours


def _above_stdio(fd: int) -> int:
    if fd > 2:  # noqa: PLR2004 - standard error
        return fd
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(fd)
    return moved
