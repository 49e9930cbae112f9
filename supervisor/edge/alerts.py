"""Start the program that the user named for alerts, with one event on its standard input. No decisions.

No shell is between. Its life is tied to ours by a short program in front of it, which asks the kernel
and then becomes it: an alert that hangs must not outlive the service that it speaks of.
"""

import os
import sys
from collections.abc import Sequence
from typing import Final

from supervisor.edge.launch import environment_for_strangers
from supervisor.edge.process import Process
from supervisor.edge.spawn import Ends, Stdio

#: Prints of a program that nobody finds, as a shell has it.
NOT_FOUND_EXIT_CODE: Final = 127

# PR_SET_PDEATHSIG with SIGKILL, then a look whether the parent is there still: see wire/lifeline.py.
_TIED: Final = f"""
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    os._exit(113)
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.stderr.write(f"alerts.command: {{sys.argv[2]}} cannot be run ({{error.strerror}})\\n")
    sys.exit({NOT_FOUND_EXIT_CODE})
"""


def start_alert(command: Sequence[str], event: bytes) -> Process:
    """Start it; what it writes on either stream comes through `stderr_fd`.

    Args:
        command: Program and arguments.
        event: All of its standard input.

    Raises:
        SupervisorError: If the system has no room for it. Nothing is left open or running.
    """
    words = [sys.executable, "-I", "-S", "-c", _TIED, str(os.getpid()), *command]
    with Ends() as ends, open(os.memfd_create("alert"), "w+b", buffering=0) as stdin:  # noqa: PTH123 - it has no path
        stdin.write(event)
        stdin.seek(0)
        stderr_fd, their_stderr_fd = ends.open(parent_reads=True)
        stdio = Stdio(stdin=stdin.fileno(), stdout=their_stderr_fd, stderr=their_stderr_fd)
        started = ends.start(words, environment_for_strangers(), stdio)
        process = Process(started.popen, pidfd=started.pidfd, stderr_fd=stderr_fd)
        ends.hand_over()
    return process
