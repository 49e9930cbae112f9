"""Read host memory: what the child holds for itself, and what the machine has left.

The child's figure answers one question: how much would come back if it ended, with all it forked?
Alone, that is psutil's USS and what of it was swapped out. With forks of its own (one for each
segment of some engines) USS hides whatever they share by copy-on-write: a leak of 1 GiB would
vanish while a fork lives. Then written memory is summed by its proportional part over all of
them, which counts a page once however many of them map it, plus unwritten file pages of each alone.

A child that was forked from a template shares with that too, and none of it would come back. Alone, USS
leaves it out; with forks of its own, what it shared when it was last seen alone is taken off.

psutil is imported at the first reading: a parent that never reads does not pay for it.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from supervisor.core.readings import HostReading
from supervisor.edge import proc
from supervisor.edge.clock import monotonic_s

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")

#: Of a processor, for walks over the child's pages: a parent that waits may take a hundredth in all.
_WALK_SHARE = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A control group's limit.

    Attributes:
        limit_bytes: What its processes may hold together.
        held_bytes: What they hold now, without file pages that can be dropped at once.
    """

    limit_bytes: int
    held_bytes: int


def read_host(child_pid: int | None) -> HostReading:
    """Read the machine, and the child if there is one: exactly, whatever it costs."""
    return _reading(None if child_pid is None else private_bytes(child_pid))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """An exact figure, the kernel's own count at that moment, and until when they are the base.

    Attributes:
        shared_bytes: Written memory that it had in common with others then: with its template.
    """

    pid: int
    private_bytes: int
    held: proc.Held
    shared_bytes: int
    until_s: float

    def now(self, held: proc.Held) -> int:
        """Return the figure, moved with the count.

        Of a child that has memory in common with others, what it only maps of theirs is not its own.
        """
        grown_bytes = held.anonymous_bytes - self.held.anonymous_bytes
        if not self.shared_bytes:
            grown_bytes += held.shared_bytes - self.held.shared_bytes
        return max(1, self.private_bytes + grown_bytes)


class HostReader:
    """Reads again and again at next to no cost, for whoever watches a child through the night.

    The exact figure takes a walk over every page: 50 ms for 4 GiB, which at two readings a second
    would be a tenth of a processor. Between two walks it moves with the kernel's own count of what
    the child holds. With forks there is a walk each time: a count would have their shared pages twice.
    """

    def __init__(self) -> None:
        self._walk: _Walk | None = None

    def read(self, child_pid: int | None) -> HostReading:
        """Read the machine, and the child if there is one."""
        return _reading(None if child_pid is None else self._private_bytes(child_pid))

    def _private_bytes(self, pid: int) -> int | None:
        held = proc.held(pid)
        walk = self._walk
        if walk is not None and walk.pid != pid:
            self._walk = walk = None
        if held is None:
            return private_bytes(pid)
        if forked := proc.descendants(pid):
            return _with_forks(pid, forked, walk)
        if walk is None or monotonic_s() >= walk.until_s:
            return self._walk_now(pid, held)
        return walk.now(held)

    def _walk_now(self, pid: int, held: proc.Held) -> int | None:
        began_s = monotonic_s()
        mapped = proc.mapped(pid)
        exact_bytes = private_bytes(pid) if mapped is None else _own_bytes(mapped)
        ended_s = monotonic_s()
        self._walk = None
        if exact_bytes is not None:
            self._walk = _Walk(
                pid=pid,
                private_bytes=exact_bytes,
                held=held,
                shared_bytes=0 if mapped is None else mapped.shared_bytes,
                until_s=ended_s + (ended_s - began_s) / _WALK_SHARE,
            )
        return exact_bytes


def _own_bytes(mapped: proc.Mapped) -> int:
    """Return what psutil calls USS, and what of it was swapped out, from a walk that is done already."""
    return mapped.private_bytes + mapped.clean_file_bytes + mapped.swap_bytes


def _with_forks(pid: int, forked: list[int], alone: _Walk | None) -> int | None:
    child = proc.mapped(pid)
    if alone is None or not alone.shared_bytes or child is None:
        return private_bytes(pid)
    forks = [figure for figure in map(proc.mapped, forked) if figure is not None]
    shared_with_forks_bytes = max(0, child.shared_bytes - alone.shared_bytes)
    return shared_with_forks_bytes + sum(_own_bytes(one) for one in (child, *forks))


def _reading(child_private_bytes: int | None) -> HostReading:
    import psutil  # noqa: PLC0415 -- see the module's words

    memory = psutil.virtual_memory()
    bounds = _bounds_of(_OWN_CGROUPS.read_text() if _OWN_CGROUPS.exists() else "", _CGROUPS)
    room = [max(0, bound.limit_bytes - bound.held_bytes) for bound in bounds]
    return HostReading(
        total_bytes=min([memory.total, *(bound.limit_bytes for bound in bounds)]),
        available_bytes=min([memory.available, *room]),
        child_private_bytes=child_private_bytes,
    )


def private_bytes(pid: int) -> int | None:
    """Return the bytes that would come back if the process and all it forked ended; None = gone."""
    forked = proc.descendants(pid)
    shared = _of_family([pid, *forked]) if forked else None
    return _alone(pid) if shared is None else shared


def _alone(pid: int) -> int | None:
    import psutil  # noqa: PLC0415 -- see the module's words

    try:
        memory = psutil.Process(pid).memory_full_info()
    except (psutil.Error, OSError):
        return None
    # A zombie still answers, with nothing: that is "gone", not "holds nothing".
    return memory.uss + memory.swap or None


def _of_family(pids: list[int]) -> int | None:
    figures = [figure for figure in map(proc.mapped, pids) if figure is not None]
    total = sum(one.anonymous_bytes + one.clean_file_bytes + one.swap_bytes for one in figures)
    return total or None


def _bounds_of(own: str, root: Path) -> list[Bound]:
    """Return the limits around us: of our control group and of each above it.

    Args:
        own: Text of /proc/self/cgroup.
        root: Where control groups are mounted.
    """
    bounds: list[Bound | None] = []
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            bounds += [_bound_v2(folder) for folder in _upward(root, path)]
        elif "memory" in controllers.split(","):
            bounds += [_bound_v1(folder) for folder in _upward(root / "memory", path)]
    return [bound for bound in bounds if bound is not None]


def _upward(mount: Path, path: str) -> list[Path]:
    """Return the folders from a control group up to its mount.

    In a container the path may be the host's and lead nowhere; the mount itself is ours then.
    """
    parts = PurePosixPath(path.lstrip("/"))
    return [mount / part for part in (parts, *parts.parents)]


def _bound_v2(folder: Path) -> Bound | None:
    return _bound(folder, limit="memory.max", held="memory.current", inactive="inactive_file")


def _bound_v1(folder: Path) -> Bound | None:
    return _bound(
        folder, limit="memory.limit_in_bytes", held="memory.usage_in_bytes", inactive="total_inactive_file"
    )


def _bound(folder: Path, *, limit: str, held: str, inactive: str) -> Bound | None:
    limit_bytes = _number(folder / limit)
    held_bytes = _number(folder / held)
    if limit_bytes is None or held_bytes is None:
        return None  # "max", or no such group
    droppable = _stat(folder / "memory.stat", inactive)
    return Bound(limit_bytes=limit_bytes, held_bytes=max(0, held_bytes - droppable))


def _number(path: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    return None


def _stat(path: Path, name: str) -> int:
    with contextlib.suppress(OSError, ValueError):
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0
