"""Tie a process to its parent's life, in the only way that works with the GIL held.

The kernel sends SIGKILL to this process when its parent ends (PR_SET_PDEATHSIG): a C call that
holds the GIL, a deaf signal mask or an endless loop cannot stop that. It is bound to the *thread*
that started us, so the parent starts processes from its main thread alone; and it is not
inherited over a fork, so whoever forks further calls `tie_to_parent` in the fork again.
"""

import os
import signal

#: Environment: pid of the parent, as decimal digits.
PARENT_VARIABLE = "TTS_SUPERVISOR_PARENT"

#: Environment: real path of the state folder. Marks every process of ours for the sweep.
STATE_VARIABLE = "TTS_SUPERVISOR_STATE"

#: Environment: number of the child's life, only in children.
LIFE_VARIABLE = "TTS_SUPERVISOR_LIFE"

#: Status of a process that found its parent gone before it began.
ORPHANED_EXIT_CODE = 113

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15


def tie_to_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent ends; leave at once if it has already.

    Never raises: on a system without prctl the other lifelines (end of pipe) remain.

    Args:
        parent_pid: Pid of the process that started this one.
    """
    _ask_kernel(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # A parent that died before the call above sends no signal any more: look once, after it.
    if os.getppid() != parent_pid:
        os._exit(ORPHANED_EXIT_CODE)


def tie_to_parent_in_environment() -> None:
    """Do the same for the parent that `PARENT_VARIABLE` names; without it do nothing.

    Without it somebody runs this process by hand, and a terminal is all it depends on.
    """
    named = os.environ.get(PARENT_VARIABLE, "")
    if named.isdecimal():
        tie_to_parent(int(named))


def name_process(name: str) -> None:
    """Name this process for `ps`; what it forks from now on has the same name until it takes another.

    Args:
        name: ASCII, at most 15 characters.
    """
    _ask_kernel(_PR_SET_NAME, name.encode())


def _ask_kernel(what: int, value: int | bytes) -> None:
    try:
        import ctypes  # noqa: PLC0415 -- 1 MB that a process pays only if it is to be tied

        ctypes.CDLL(None).prctl(what, value, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return  # no ctypes, no C library, no prctl: see above
