"""Reap what our descendants leave to us, and never a status that somebody waits for.

Whoever is the reaper of its descendants gets every orphan among them: the forks of a child that
was killed, a child that lost its template before we heard of it. They are reaped, not mourned.
"""

import contextlib
import os
from collections.abc import Collection

from supervisor.edge import proc
from supervisor.wire.forking import CHILD_NAME, TEMPLATE_NAME


def reap_strangers(known: Collection[int]) -> int:
    """Collect the dead that were left to us; return how many.

    A process is taken for left to us if it is dead, not known, of another session than ours, and
    either no leader of its session or named as our children are. So the status of a program that
    something else in this process started (`subprocess`, asyncio) stays where it belongs.

    Args:
        known: Pids whose status is waited for.
    """
    return sum(_reaped(pid) for pid in proc.children(os.getpid()) if pid not in known and _is_left_to_us(pid))


def _is_left_to_us(pid: int) -> bool:
    told = proc.standing(pid)
    if told is None or told.state != "zombie" or told.session == os.getsid(0):
        return False
    return told.session != pid or told.name in (CHILD_NAME, TEMPLATE_NAME)


def _reaped(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is not None
    return False
