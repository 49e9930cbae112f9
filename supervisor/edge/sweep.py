"""End what an earlier parent of this state folder left alive. Never by name, only by our marker.

To be called with the state folder's lock held: whoever carries its marker then has no parent
that could still want it, except this process' own ancestors (a test or a shell of a test).
"""

import contextlib
import os
import select
import signal
from dataclasses import dataclass

from supervisor.edge import proc
from supervisor.edge.clock import monotonic_s
from supervisor.wire.lifeline import STATE_VARIABLE

#: A killed process with many gigabytes takes a second to unmap; one inside a driver may never end.
DEADLINE_S = 5.0

#: A fork may slip between a look and the kill; each further look finds what the one before missed.
_LOOKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """A leftover process that was sent SIGKILL.

    Attributes:
        pid: Its number.
        command: Its command line, for people.
        gone: Whether it was dead within the deadline.
    """

    pid: int
    command: str
    gone: bool


def sweep(state_marker: str, *, deadline_s: float = DEADLINE_S) -> list[Swept]:
    """Kill every process of this user that carries the marker, and wait until they are dead.

    Args:
        state_marker: Real path of the state folder.
        deadline_s: Longest time to wait, in all.
    """
    marker = os.fsencode(f"{STATE_VARIABLE}={state_marker}")
    until_s = monotonic_s() + deadline_s
    swept: dict[int, Swept] = {}
    for _ in range(_LOOKS):
        found = [pid for pid in _marked(marker) if pid not in swept or swept[pid].gone]
        if not found:
            break
        swept |= {one.pid: one for one in _end(found, marker, until_s)}
    return list(swept.values())


def _marked(marker: bytes) -> list[int]:
    spared = _ourselves_and_ancestors()
    own = [pid for pid in proc.pids_of_user(os.getuid()) if pid not in spared]
    return [pid for pid in own if marker in proc.environment(pid)]


def _ourselves_and_ancestors() -> set[int]:
    line: set[int] = set()
    pid: int | None = os.getpid()
    while pid is not None and pid not in line:
        line.add(pid)
        pid = proc.parent(pid)
    return line


def _end(pids: list[int], marker: bytes, until_s: float) -> list[Swept]:
    with contextlib.ExitStack() as open_fds:
        killed: dict[int, tuple[int, str]] = {}
        for pid in pids:
            pidfd = _kill(pid, marker, open_fds)
            if pidfd is not None:
                killed[pidfd] = (pid, proc.command(pid))
        alive = _wait(set(killed), until_s)
        return [
            Swept(pid=pid, command=command, gone=pidfd not in alive)
            for pidfd, (pid, command) in killed.items()
        ]


def _kill(pid: int, marker: bytes, open_fds: contextlib.ExitStack) -> int | None:
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return None  # gone meanwhile
    open_fds.callback(os.close, pidfd)
    # Once more, now that the number cannot change hands: it may have before the descriptor was open.
    if marker not in proc.environment(pid):
        return None
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except OSError:
        return None
    return pidfd


def _wait(pidfds: set[int], until_s: float) -> set[int]:
    """Return those that were still alive when the time was up."""
    alive = set(pidfds)
    poll = select.poll()
    for pidfd in alive:
        poll.register(pidfd, select.POLLIN)
    while alive and (left_s := until_s - monotonic_s()) > 0:
        for pidfd, _ in poll.poll(left_s * 1000):
            poll.unregister(pidfd)
            alive.discard(pidfd)
    return alive
