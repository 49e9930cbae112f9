"""Who watches which job: what is told of it as it comes, and how it ended."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from supervisor.core.notes import ChildState, MemoryDecision, Note, Notice, Progress, Stage
from supervisor.edge.ledger_values import JobView
from supervisor.errors import SupervisorError, TryLater

#: What a finished job of which something was not spoken ends with (interface §1).
_SOME_FAILED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a job came out, as the command that did it by itself would end.

    Attributes:
        exit_code: Of interface §1.
        message: Why it is not all done; empty otherwise.
    """

    exit_code: int
    message: str = ""


def ended(view: JobView, error: SupervisorError | None = None) -> Ended:
    """Return how a job ended that nobody works at.

    Args:
        view: How it stands.
        error: What ended it, where that is known.
    """
    if view.state == "done":
        return Ended(exit_code=_SOME_FAILED if view.failed else 0)
    if view.state == "cancelled":
        return Ended(exit_code=SupervisorError.exit_code, message=f"job {view.job} was cancelled")
    if error is not None:
        return Ended(exit_code=error.exit_code, message=str(error))
    kind = SupervisorError if view.state == "failed" else TryLater
    return Ended(exit_code=kind.exit_code, message=view.error or f"job {view.job} is {view.state}")


@dataclass(slots=True, eq=False)
class _Watch:
    """One who watches."""

    told: Callable[[Note], None]
    end: asyncio.Future[Ended]


class Watchers:
    """Those of all jobs of a service."""

    def __init__(self) -> None:
        self._of: dict[str, list[_Watch]] = {}
        self._latest: dict[str, dict[type[Note], Note]] = {}  # of jobs in hand: where they are
        self._ends: dict[str, Counter[str]] = {}  # of jobs in hand: how children ended meanwhile

    async def watch(self, job: str, told: Callable[[Note], None]) -> Ended:
        """Have what is told of a job told, from where it is now; wait for its end.

        Args:
            job: Id; it waits or is in hand.
            told: Takes notes.
        """
        watch = _Watch(told, asyncio.get_running_loop().create_future())
        self._of.setdefault(job, []).append(watch)
        for note in self._latest.get(job, {}).values():
            told(note)
        try:
            return await watch.end
        finally:
            self._forget(job, watch)

    def begin(self, job: str) -> None:
        """Take that a job is in hand from now on."""
        self._latest[job] = {}
        self._ends[job] = Counter()

    def over(self, job: str) -> None:
        """Take that nobody works at it any more."""
        self._latest.pop(job, None)
        self._ends.pop(job, None)

    def tell(self, job: str, note: Note) -> None:
        """Tell those who watch a job what is about it."""
        if job in self._latest and isinstance(note, Progress):
            note = self._of_this_job(note)
        if job in self._latest and isinstance(note, Stage | Progress):
            self._latest[job][type(note)] = note
        for watch in list(self._of.get(job, ())):
            watch.told(note)

    def tell_all(self, note: Note) -> None:
        """Tell those whose job is in hand what is about the child that speaks it, or about the service."""
        if isinstance(note, ChildState | MemoryDecision | Notice):
            for job in list(self._latest):
                if isinstance(note, ChildState) and note.state == "gone":
                    self._ends[job]["recycled" if note.recycled else "" if note.planned else "died"] += 1
                self.tell(job, note)

    def end(self, job: str, ended: Ended) -> None:
        """Let those who watch a job know how it ended."""
        for watch in self._of.get(job, ()):
            if not watch.end.done():
                watch.end.set_result(ended)

    def end_all(self, ended: Ended) -> None:
        """Let everyone know what ended the service."""
        for job in self._of:
            self.end(job, ended)

    def _of_this_job(self, note: Progress) -> Progress:
        """Count what befell children while the job was in hand: the service has counted for days."""
        ends = self._ends[note.job]
        return replace(note, recycles=ends["recycled"], deaths=ends["died"])

    def _forget(self, job: str, watch: _Watch) -> None:
        self._of[job].remove(watch)
        if not self._of[job]:
            del self._of[job]
