"""Submitted jobs: taken out of the ledger in their order, planned, spoken, delivered.

Stages of different jobs overlap: while one is delivered, the next is spoken. At most `MOST_IN_HAND` are in
hand, so that a thousand submitted books cost a thousand rows and no more.
"""

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

import msgspec

from supervisor import errors
from supervisor.config import faults_in_words
from supervisor.core.notes import Note, Notice
from supervisor.edge.disk import free_bytes
from supervisor.edge.ledger_submissions import OtherInHand
from supervisor.edge.ledger_values import HELD, JobView
from supervisor.loop.health import Ailment
from supervisor.loop.jobinhand import Desk, InHand, WantOfRoom
from supervisor.loop.room import ROOM_BYTES
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import Submission, TakenIn, Watched
from supervisor.loop.submitted import submit
from supervisor.loop.submitting import job_wanted
from supervisor.loop.watching import Ended, ended

#: One that is spoken, and one that is planned before it or delivered after it.
MOST_IN_HAND: Final = 2

#: A job that found no room is tried again when there is some, and at most so seldom.
_MOST_PATIENCE_S: Final = 300.0

_PAUSED: Final = Notice(level="info", name="queue", text=HELD)


class JobQueue:
    """One service's jobs."""

    def __init__(self, desk: Desk) -> None:
        """Begin with what services before this one left; nothing is done before `begin`."""
        self._desk = desk
        self._in_hand: dict[str, InHand] = {}
        self._withdrawn: set[str] = set()  # being cancelled or paused: not over before that is noted
        self._closed = ""
        self._starved: dict[str, WantOfRoom] = {}  # jobs that found no room
        self._patience_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        desk.ledger.requeue_parked()

    def begin(self) -> None:
        """Take up what waits, now and from now on."""
        self._look()

    @property
    def in_hand(self) -> tuple[str, ...]:
        """The jobs that are planned, spoken or delivered now."""
        return tuple(self._in_hand)

    @property
    def ailments(self) -> list[Ailment]:
        """What jobs wait for that found no room."""
        return [want.ailment for want in self._starved.values()]

    def close(self, why: str) -> None:
        """Begin nothing more, and break off what plans or delivers; what is spoken ends with the floor."""
        self._closed = why
        if self._timer is not None:
            self._timer.cancel()
        for job in self._in_hand.values():
            job.halt(why)

    async def closed(self) -> None:
        """Wait until all that was in hand is parked: the next service goes on with it."""
        await asyncio.gather(*(job.task for job in self._in_hand.values()), return_exceptions=True)

    # ------------------------------------------------------------------ what clients ask

    async def submit(self, submission: Submission) -> TakenIn:
        """Take a job in; it is on disk for good when this returns. See `Service.submit`."""
        known = None if submission.key is None else self._desk.ledger.job_of_key(submission.key)
        if known is not None:
            return TakenIn(job=known)  # whatever else is said: its inputs may be gone by now
        with _room_told():
            try:
                request = job_wanted(submission, self._desk.folder)
                outcome = submit(self._desk.ledger, request, time.time())
            except (errors.UsageError, errors.InputError, errors.Unwritable, OtherInHand) as error:
                raise CannotAsk(str(error), kind="bad_input", retryable=False) from error
        self._desk.telling.sights.moved(outcome.job)
        self._look()
        # With a key the answer is the same each time.
        return TakenIn(job=outcome.job, is_new=outcome.is_new or submission.key is not None)

    def view(self, job: str) -> JobView:
        """Return how far a job is."""
        view = self._desk.ledger.view(job)
        if view is None:
            raise CannotAsk(f"there is no job {job} here", kind="bad_input", retryable=False)
        return self._as_it_is(view)

    def views(self) -> list[JobView]:
        """Return all jobs, oldest first."""
        return [self._as_it_is(view) for view in self._desk.ledger.views()]

    def _as_it_is(self, view: JobView) -> JobView:
        """Say what a full disk kept out of the ledger: that the job is parked, and why."""
        want = self._starved.get(view.job)
        if want is None or view.state not in ("running", "paused"):
            return view
        return msgspec.structs.replace(view, state="parked", error=want.why)

    async def cancel(self, job: str) -> JobView:
        """Take a job back; one that is over stays as it is."""
        self.view(job)
        await self._take_out(job, "cancelled")
        if job not in self._in_hand:
            with _room_told():
                self._desk.ledger.cancel(job)
            self._starved.pop(job, None)
            self._desk.telling.watchers.end(job, ended(self.view(job)))
        return self._moved(job)

    async def pause(self, job: str) -> JobView:
        """Have a job wait until it is resumed. See `Service.pause`."""
        self.view(job)
        await self._take_out(job, "paused")
        with _room_told():
            if job in self._in_hand or not self._desk.ledger.hold(job):
                raise CannotAsk(_past_pausing(self.view(job)), kind="bad_input", retryable=False)
        self._starved.pop(job, None)
        self._desk.telling.watchers.tell(job, _PAUSED)
        return self._moved(job)

    async def resume(self, job: str) -> JobView:
        """Go on with a job that was paused. See `Service.resume`."""
        view = self.view(job)
        if job in self._withdrawn:  # it is being paused: first that, then this
            await asyncio.gather(self._in_hand[job].task, return_exceptions=True)
        if job not in self._in_hand:
            with _room_told():
                if not self._desk.ledger.resume(job, time.time()) and view.state in ("failed", "cancelled"):
                    raise CannotAsk(_not_paused(view), kind="bad_input", retryable=False)
            self._look()
        return self._moved(job)

    async def _take_out(self, job: str, why: str) -> None:
        """Have nobody work at a job, unless its files are being written; what is spoken is kept."""
        in_hand = self._in_hand.get(job)
        if in_hand is not None and not in_hand.delivers:
            self._withdrawn.add(job)
            in_hand.halt(why)
            self._desk.floor.withdraw(job)
            await asyncio.gather(in_hand.task, return_exceptions=True)
        if job not in self._in_hand:
            self._withdrawn.discard(job)

    async def watch(self, job: str, told: Callable[[Note], None]) -> Watched:
        """Tell what becomes of a job until it is over. See `Service.watch`."""
        view = self.view(job)
        is_paused = view.error == HELD
        if job not in self._in_hand and view.state != "queued" and not is_paused:
            return _watched(view, ended(view))
        if is_paused:
            told(_PAUSED)
        elif job not in self._in_hand:
            text = f"job {job} waits for its turn; the service is busy with others"
            told(Notice(level="info", name="queue", text=text))
        faults = self._desk.config().engine.faults
        if faults is not None:
            text = f"faults are rehearsed: {faults_in_words(faults)}"
            told(Notice(level="warning", name="faults", text=text))
        over = await self._desk.telling.watchers.watch(job, told)
        return _watched(self.view(job), over)

    async def retry(self, job: str) -> JobView:
        """Queue a job again that is over, or parked."""
        self.view(job)
        if job not in self._in_hand:
            with _room_told():
                self._desk.ledger.retry(job, time.time())
            self._starved.pop(job, None)
            self._look()
        return self._moved(job)

    def _moved(self, job: str) -> JobView:
        """Show that something was done to a job, and return how far it is."""
        self._desk.telling.sights.moved(job)
        return self.view(job)

    # ------------------------------------------------------------------ work

    def _look(self) -> None:
        """Take up what waits, if there is a place for it."""
        try:
            self._take_up()
        except errors.DiskFull:  # it stays queued
            self._look_later(self._poll_s)

    def _take_up(self) -> None:
        while len(self._in_hand) < MOST_IN_HAND and not (self._closed or self._is_planning or self._is_full):
            waiting = self._desk.ledger.queued(1)
            if not waiting or not self._desk.ledger.take(waiting[0].job):
                return
            job = waiting[0].job
            self._in_hand[job] = in_hand = InHand(self._desk, waiting[0])
            self._starved.pop(job, None)
            self._desk.telling.watchers.begin(job)
            self._desk.telling.sights.moved(job)
            in_hand.begin(self._look, self._over)

    @property
    def _is_planning(self) -> bool:
        return any(not job.is_planned for job in self._in_hand.values())

    def _over(self, job: str) -> None:
        over = self._in_hand.pop(job)
        self._tell_the_end(job, over.failure)
        if over.lacked_room is None:
            self._patience_s = 0.0
        else:
            self._starved[job] = over.lacked_room
            self._patience_s = min(max(self._poll_s, 2 * self._patience_s), _MOST_PATIENCE_S)
            self._look_later(self._patience_s)  # what is free may not be enough
        self._desk.telling.sights.moved(job)
        self._look()

    def _tell_the_end(self, job: str, failure: errors.SupervisorError | None) -> None:
        watchers = self._desk.telling.watchers
        watchers.over(job)
        # One that is parked with the service goes on with the next: who watches asks that one.
        if not self._closed and job not in self._withdrawn:
            watchers.end(job, ended(self.view(job), failure))

    # ------------------------------------------------------------------ want of room

    @property
    def _poll_s(self) -> float:
        return self._desk.config().memory.poll_s

    @property
    def _is_full(self) -> bool:
        return bool(self._starved) and free_bytes(self._desk.state.path) < ROOM_BYTES

    def _look_later(self, after_s: float) -> None:
        if self._timer is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(after_s, self._look_for_room)

    def _look_for_room(self) -> None:
        """Queue again what found no room, where there is some now."""
        self._timer = None
        try:
            for job, want in list(self._starved.items()):
                if not self._is_full and free_bytes(want.folder) >= want.needed_bytes:
                    self._desk.ledger.set_state(job, "queued")
                    del self._starved[job]
                    self._desk.telling.sights.moved(job)
        except errors.DiskFull:
            pass  # looked for again, below
        if self._starved:
            self._look_later(self._poll_s)
        self._look()


def _past_pausing(view: JobView) -> str:
    if view.state == "running":
        return f"job {view.job}: its files are being written; there is nothing left to pause"
    return f"job {view.job} is {view.state}: there is nothing to pause"


def _not_paused(view: JobView) -> str:
    return f"job {view.job} is {view.state}, not paused: `jobs/retry` goes on with it"


def _watched(view: JobView, over: Ended) -> Watched:
    return Watched(job=view, exit_code=over.exit_code, message=over.message)


@contextmanager
def _room_told() -> Generator[None]:
    """Have who asks told of a full disk."""
    try:
        yield
    except errors.DiskFull as error:
        raise CannotAsk(str(error), kind="disk_full", retryable=True) from error
