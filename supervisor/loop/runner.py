"""Carry out what the conductor asks for: the one place that waits while a job is spoken."""

import asyncio
import itertools
import math
from collections import deque
from typing import Literal, assert_never

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.conductor import Conductor
from supervisor.edge.clock import monotonic_s
from supervisor.errors import SupervisorError
from supervisor.loop.crib import Crib
from supervisor.loop.parts import Parts
from supervisor.loop.place import Place
from supervisor.loop.shelf import Shelf
from supervisor.loop.workers import WorkerFailed


class Runner:
    """One conductor and its jobs: one child at a time, two while one takes over from the other."""

    def __init__(self, conductor: Conductor, place: Place, shelf: Shelf | None = None) -> None:
        """Make it; nothing happens before `run`.

        Args:
            conductor: Decides.
            place: Where it happens.
            shelf: Of the job that the conductor knows already; None if it knows none.
        """
        self._conductor = conductor
        self._place = place
        self._loop = asyncio.get_running_loop()
        self._inbox: deque[ev.Event] = deque()
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._over: asyncio.Future[do.Finish] = self._loop.create_future()
        self._crib = Crib(place, self.tell)
        self._shelves = {} if shelf is None else {shelf.job: shelf}
        self._ends: dict[str, asyncio.Future[None]] = {}
        self._parts = Parts(self._shelves, self.tell)
        self._cutting: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[do.Answer]] = {}
        self._numbers = itertools.count(1)

    async def run(self) -> do.Finish:
        """Run the job to its end and return how it ended; no child is left then.

        Raises:
            SupervisorError: If the ledger itself cannot be written or read.
        """
        try:
            self.tell(ev.Begun())
            return await self._over
        finally:
            self._close()

    def tell(self, event: ev.Event) -> None:
        """Take an event; what it asks for is done before this returns, unless one is in hand.

        Nothing is done once the run is over.
        """
        if self._over.done():
            return
        self._inbox.append(event)
        if not self._busy:
            self._pump()

    def take_in(self, shelf: Shelf, *, ahead: bool = False) -> asyncio.Future[None]:
        """Have one more job spoken; its plan is on the shelf.

        Args:
            shelf: Where its segments are.
            ahead: Whether it goes before all that is not.

        Returns:
            What is done when every segment is done or set aside, or was withdrawn; never, where the run ends
            before that.
        """
        self._shelves[shelf.job] = shelf
        end = self._ends[shelf.job] = self._loop.create_future()
        self.tell(ev.Planned(size=shelf.size(), ahead=ahead))
        return end

    def withdraw(self, job: str) -> None:
        """Have no more of a job spoken; its end follows once nothing of it is in the child's hands."""
        self.tell(ev.Withdrawn(job=job))

    async def ask(self, what: Literal["clean", "recycle"]) -> do.Answer:
        """Have the child release its caches, or a fresh one take over, at the next boundary."""
        number = next(self._numbers)  # never used again: a caller may leave before its answer comes
        answer: asyncio.Future[do.Answer] = self._loop.create_future()
        if self._over.done():
            return do.Answer(ask=number, error="the run is over")
        self._asked[number] = answer
        self.tell(ev.Asked(ask=number, what=what))
        try:
            # A caller that goes away takes nothing back: what was asked for is done all the same.
            return await answer
        finally:
            self._asked.pop(number, None)

    @property
    def conductor(self) -> Conductor:
        """What decides; to be looked at, for `status`."""
        return self._conductor

    @property
    def lives(self) -> int:
        """Children so far, those of runs before this one included."""
        return self._conductor.lives

    @property
    def template_pid(self) -> int | None:
        """Of the process that children are forked from; None where they start cold."""
        return self._place.nursery.pid

    def born_s(self, life: int) -> float | None:
        """When a life that is there was started, on the wall clock."""
        return self._crib.born_s(life)

    def _pump(self) -> None:
        self._busy = True
        try:
            while self._inbox and not self._over.done():
                for action in self._conductor.handle(self._inbox.popleft(), monotonic_s()):
                    self._act(action)
        except Exception as error:  # noqa: BLE001 - house rule 6: here, and it ends the job
            # A ledger that cannot be written, or a bug: either way the run is over, with a reason.
            if not self._over.done():
                self._over.set_exception(error)
        finally:
            self._busy = False
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_s = self._conductor.next_deadline_s
        if math.isfinite(due_s) and not self._over.done():
            # asyncio's clock is the monotonic one, so the deadline is the timer.
            self._timer = self._loop.call_at(due_s, self.tell, ev.Tick())

    def _act(self, action: do.Action) -> None:  # noqa: PLR0912 - a branch for each kind of action
        match action:
            case do.Fetch():
                self._fetch(action)
            case do.Spawn():
                self._crib.spawn(action.life)
            case do.Send():
                self._crib.send(action.life, action.message)
            case do.Signal():
                self._crib.signal(action)
            case do.Watch() | do.WatchRoom() | do.ReadMemory():
                self._crib.watch(action)
            case do.Trace():
                if self._place.trace is not None:
                    self._place.trace(action.record)
            case do.LearnWeights():
                self._place.nursery.learn_weights(list(action.paths))
            case do.Prefetch():
                self._place.nursery.prefetch()
            case do.Degrade():
                self._cutting = asyncio.ensure_future(self._degrade(action))
            case do.SetPaused():
                for shelf in self._shelves.values():
                    shelf.set_paused(action.why)
            case do.Answer():
                asked = self._asked.get(action.ask)
                if asked is not None and not asked.done():
                    asked.set_result(action)
            case do.Claim() | do.Unclaim() | do.Charge() | do.SetAside():
                self._write(action)
            case do.OpenAudio() | do.AppendAudio() | do.DropAudio() | do.StoreAudio():
                self._parts.act(action)
            case do.Bury():
                self._crib.bury(action)
            case do.JobOver():
                del self._shelves[action.job]
                end = self._ends.pop(action.job, None)
                if end is not None and not end.done():
                    end.set_result(None)
            case do.Tell():
                self._place.show(action.note)
            case do.Finish():
                if not self._over.done():
                    self._over.set_result(action)
            case _:
                assert_never(action)

    def _fetch(self, action: do.Fetch) -> None:
        waiting = self._shelves[action.job].waiting(action.after, action.limit)
        exhausted = len(waiting) < action.limit
        self._inbox.append(ev.Offered(job=action.job, segments=tuple(waiting), exhausted=exhausted))

    async def _degrade(self, action: do.Degrade) -> None:
        job, shelf = action.job, self._shelves[action.job]
        try:
            done = await shelf.recut(action.chapter, action.why)
        except (SupervisorError, WorkerFailed) as error:
            why = f"{action.why}; degrade.steps: {error}"
            self.tell(ev.Degraded(job=job, step=None, why=why, size=None))
            return
        if done.step is None:
            why = f"{action.why}; degrade.steps: {done.why}"
            self.tell(ev.Degraded(job=job, step=None, why=why, size=None))
        else:
            why = f"chapter {action.chapter + 1} is spoken otherwise from now on ({done.step}): {action.why}"
            self.tell(ev.Degraded(job=job, step=done.step, why=why, size=shelf.size()))

    def _write(self, action: do.Claim | do.Unclaim | do.Charge | do.SetAside) -> None:
        shelf = self._shelves[action.job]
        match action:
            case do.Claim():
                shelf.claim(action.key)
            case do.Unclaim():
                shelf.unclaim(action.key, killed=action.killed)
            case do.Charge():
                shelf.charge(action.key)
            case do.SetAside():
                shelf.set_aside(action.key, action.kind, action.message)
            case _:
                assert_never(action)

    def _close(self) -> None:
        """Leave nothing: a child that still runs is killed, what was half written is dropped."""
        if self._timer is not None:
            self._timer.cancel()
        if self._cutting is not None:
            self._cutting.cancel()
        for number, asked in self._asked.items():
            if not asked.done():
                asked.set_result(do.Answer(ask=number, error="the run is over"))
        self._crib.close()
        self._parts.drop_all()
