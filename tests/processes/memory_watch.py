"""Private memory of the children of a running command, sampled from outside while it runs."""

import threading
from pathlib import Path
from types import TracebackType

from supervisor.wire.forking import CHILD_NAME
from tests.processes.narration import Narration, readable

#: Between samples; a sample itself takes about as long.
_EVERY_S = 0.01


class MemoryWatch:
    """Samples as long as the block is left open, or the parent lives.

    Counts what would come back if the child ended: its anonymous memory, shared with forks or not,
    what of it is swapped out, and file pages that nobody else maps.

    Attributes:
        most_bytes: The highest sample of each child process, by pid.
    """

    def __init__(self, run: Narration) -> None:
        self._run = run
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.most_bytes: dict[int, int] = {}

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def highest_bytes(self) -> int:
        """The highest sample of all; there must be one."""
        return max(self.most_bytes.values())

    def _watch(self) -> None:
        while not self._over.is_set() and not readable(self._run.pidfd, _EVERY_S):
            for pid in _children(self._run.pid):
                self.most_bytes[pid] = max(self.most_bytes.get(pid, 0), private_bytes(pid))


def private_bytes(pid: int) -> int:
    """What a process holds of its own; 0 once it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return 0
    kib = {line.split()[0]: int(line.split()[1]) for line in lines}
    # Anonymous pages are dirty for ever once written: what is private and clean is files'.
    return 1024 * (kib.get("Anonymous:", 0) + kib.get("Private_Clean:", 0) + kib.get("Swap:", 0))


def _children(parent_pid: int) -> list[int]:
    """Child lives of a parent; not its workers."""
    try:
        pids = Path(f"/proc/{parent_pid}/task/{parent_pid}/children").read_text().split()
    except OSError:
        return []
    return [int(pid) for pid in pids if _is_child_life(int(pid))]


def _is_child_life(pid: int) -> bool:
    try:
        # By name: the command line of a child that was forked is its template's.
        return Path(f"/proc/{pid}/comm").read_text().strip() == CHILD_NAME
    except OSError:
        return False
