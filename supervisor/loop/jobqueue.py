"""Submitted jobs: taken out of the ledger in their order, planned, spoken, delivered.

Stages of different jobs overlap: while one is delivered, the next is spoken. At most `MOST_IN_HAND` are in
hand, so that a thousand submitted books cost a thousand rows and no more.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor import errors
from supervisor.config import Config
from supervisor.core.notes import Note, Notice
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_submissions import OtherInHand
from supervisor.edge.ledger_values import JobView
from supervisor.edge.ledger_wanted import StoredSubmission
from supervisor.edge.statefolder import StateFolder
from supervisor.log import Log
from supervisor.loop.requestqueue import Floor
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import Submission
from supervisor.loop.stages import Stages
from supervisor.loop.submitted import request_of, submit
from supervisor.loop.submitting import job_wanted

#: One that is spoken, and one that is planned before it or delivered after it.
MOST_IN_HAND: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the jobs of a service share.

    Attributes:
        config: Returns all of it, as it is now.
        state: The state folder, owned.
        ledger: In it.
        floor: Where segments are spoken.
        show: Takes notes.
        log: Takes events.
        folder: That relative paths of clients are relative to.
    """

    config: Callable[[], Config]
    state: StateFolder
    ledger: Ledger
    floor: Floor
    show: Callable[[Note], None]
    log: Log
    folder: Path


class JobQueue:
    """One service's jobs."""

    def __init__(self, desk: Desk) -> None:
        """Begin with what services before this one left; nothing is done before `begin`."""
        self._desk = desk
        self._in_hand: dict[str, _InHand] = {}
        self._closed = ""
        desk.ledger.requeue_parked()

    def begin(self) -> None:
        """Take up what waits, now and from now on."""
        self._look()

    @property
    def is_busy(self) -> bool:
        """Whether a job is in hand."""
        return bool(self._in_hand)

    def close(self, why: str) -> None:
        """Begin nothing more, and break off what plans or delivers; what is spoken ends with the floor."""
        self._closed = why
        for job in self._in_hand.values():
            job.halt(why)

    async def closed(self) -> None:
        """Wait until all that was in hand is parked: the next service goes on with it."""
        await asyncio.gather(*(job.task for job in self._in_hand.values()), return_exceptions=True)

    # ------------------------------------------------------------------ what clients ask

    async def submit(self, submission: Submission) -> str:
        """Take a job in; it is on disk for good when this returns. See `Service.submit`."""
        known = None if submission.key is None else self._desk.ledger.job_of_key(submission.key)
        if known is not None:
            return known  # whatever else is said: its inputs may be gone by now
        try:
            request = job_wanted(submission, self._desk.folder)
            outcome = submit(self._desk.ledger, request, time.time())
        except (errors.UsageError, errors.InputError, errors.Unwritable, OtherInHand) as error:
            raise CannotAsk(str(error), kind="bad_input", retryable=False) from error
        except errors.DiskFull as error:
            raise CannotAsk(str(error), kind="disk_full", retryable=True) from error
        self._look()
        return outcome.job

    def view(self, job: str) -> JobView:
        """Return how far a job is."""
        view = self._desk.ledger.view(job)
        if view is None:
            raise CannotAsk(f"there is no job {job} here", kind="bad_input", retryable=False)
        return view

    def views(self) -> list[JobView]:
        """Return all jobs, oldest first."""
        return self._desk.ledger.views()

    async def cancel(self, job: str) -> JobView:
        """Take a job back; one that is over stays as it is."""
        self.view(job)
        in_hand = self._in_hand.get(job)
        if in_hand is not None and not in_hand.delivers:
            in_hand.halt("cancelled")
            self._desk.floor.withdraw(job)
            await asyncio.gather(in_hand.task, return_exceptions=True)
        if job not in self._in_hand:
            self._desk.ledger.cancel(job)
        return self.view(job)

    async def retry(self, job: str) -> JobView:
        """Queue a job again that is over, or parked."""
        self.view(job)
        if job not in self._in_hand:
            self._desk.ledger.retry(job, time.time())
            self._look()
        return self.view(job)

    # ------------------------------------------------------------------ work

    def _look(self) -> None:
        """Take up what waits, if there is a place for it."""
        while not self._closed and len(self._in_hand) < MOST_IN_HAND and not self._is_planning:
            waiting = self._desk.ledger.queued(1)
            if not waiting or not self._desk.ledger.take(waiting[0].job):
                return
            job = waiting[0].job
            self._in_hand[job] = in_hand = _InHand(self._desk, waiting[0])
            in_hand.begin(self._look, self._over)

    @property
    def _is_planning(self) -> bool:
        return any(not job.is_planned for job in self._in_hand.values())

    def _over(self, job: str) -> None:
        del self._in_hand[job]
        self._look()


class _InHand:
    """A job from its planning to its delivery.

    Attributes:
        task: Brings it to its end.
        is_planned: Whether the planner is through with it.
        delivers: Whether its files are written: that is not broken off.
    """

    def __init__(self, desk: Desk, stored: StoredSubmission) -> None:
        self._desk = desk
        self._stored = stored
        self._job = stored.job
        self._stages: Stages | None = None
        self._why = ""
        self.is_planned = False
        self.delivers = False
        self.task: asyncio.Task[None] = asyncio.ensure_future(asyncio.sleep(0))

    def begin(self, planned: Callable[[], None], over: Callable[[str], None]) -> None:
        """Begin.

        Args:
            planned: Called when the next job may be planned.
            over: Called at the end, whatever it is.
        """
        self.task = asyncio.ensure_future(self._bring(planned))
        self.task.add_done_callback(lambda _: over(self._job))

    def halt(self, why: str) -> None:
        """Break it off at the next boundary; what is spoken is kept."""
        self._why = self._why or why
        if self._stages is not None:
            self._stages.halt(why)

    async def _bring(self, planned: Callable[[], None]) -> None:
        try:
            await self._through(planned)
        except errors.SupervisorError as error:
            await self._end(error)
        finally:
            self.is_planned = True

    async def _through(self, planned: Callable[[], None]) -> None:
        desk = self._desk
        self._stages = stages = Stages(
            config=desk.config(),
            state=desk.state,
            ledger=desk.ledger,
            request=request_of(desk.ledger, self._stored),
            job=self._job,
            show=desk.show,
            log=desk.log,
        )
        await stages.plan()
        self.is_planned = True
        planned()
        await desk.floor.take_in(stages.shelf(), ahead=False)
        if self._why:
            raise errors.Interrupted(self._why)
        self.delivers = True
        outcome = await stages.deliver()
        desk.log.event("job.state", job=self._job, state="done", failed=len(outcome.failures))

    async def _end(self, error: errors.SupervisorError) -> None:
        """Note why it did not come to its end: parked where it will go on, else failed."""
        if self._stages is not None and self._stages.is_planned:
            await self._stages.park(error)
        elif isinstance(error, errors.Interrupted | errors.TryLater | errors.DiskFull):
            self._desk.ledger.set_state(self._job, "parked", str(error))
        else:
            self._desk.ledger.set_state(self._job, "failed", str(error))
        if not isinstance(error, errors.Interrupted):
            self._desk.show(Notice(level="error", name="job", text=f"job {self._job}: {error}"))
        self._desk.log.event("job.state", job=self._job, state="parked or failed", why=str(error))
