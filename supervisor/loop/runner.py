"""Carry out what the conductors ask for: the one place that waits while segments are spoken."""

import asyncio
import itertools
import math
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Literal, assert_never

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.conductor import Conductor
from supervisor.edge.clock import monotonic_s
from supervisor.errors import SupervisorError
from supervisor.loop.parts import Parts
from supervisor.loop.place import Place
from supervisor.loop.shelf import Shelf
from supervisor.loop.station import OfChildren, Station
from supervisor.loop.workers import WorkerFailed


class Runner:
    """Conductors that share a bench, one a device: one child at a time each, two while one takes over."""

    def __init__(self, conductors: Sequence[Conductor], place: Place, shelf: Shelf | None = None) -> None:
        """Make it; nothing happens before `run`.

        Args:
            conductors: Decide; one for each device of the place.
            place: Where it happens.
            shelf: Of the job that the conductors know already; None if they know none.
        """
        self._place = place
        self._loop = asyncio.get_running_loop()
        self._inbox: deque[tuple[int, ev.Event]] = deque()
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._over: asyncio.Future[do.Finish] = self._loop.create_future()
        self._stations = [
            Station(number, conductor, place, partial(self._tell_one, number))
            for number, conductor in enumerate(conductors)
        ]
        self._shelves = {} if shelf is None else {shelf.job: shelf}
        self._ends: dict[str, asyncio.Future[None]] = {}
        self._parts = Parts(self._shelves)
        self._cutting: set[asyncio.Task[None]] = set()
        self._asked: dict[int, asyncio.Future[do.Answer]] = {}
        self._numbers = itertools.count(1)

    async def run(self) -> do.Finish:
        """Run the jobs to their end and return how it ended; no child is left then.

        Raises:
            SupervisorError: If the ledger itself cannot be written or read.
        """
        try:
            self.tell(ev.Begun())
            return await self._over
        finally:
            self._close()

    def tell(self, event: ev.Begun | ev.StopAsked | ev.StoreFailed) -> None:
        """Tell every conductor; what that asks for is done before this returns, unless something is in hand.

        Nothing is done once the run is over.
        """
        self._inbox += [(number, event) for number in range(len(self._stations))]
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
        self._tell_one(0, ev.Planned(size=shelf.size(), ahead=ahead))
        return end

    def withdraw(self, job: str) -> None:
        """Have no more of a job spoken; its end follows once nothing of it is in a child's hands."""
        self._tell_one(0, ev.Withdrawn(job=job))

    async def ask(self, what: Literal["clean", "recycle"]) -> do.Answer:
        """Have the children release their caches, or fresh ones take over, at their next boundaries."""
        if self._over.done():
            return do.Answer(ask=0, error="the run is over")
        # A caller that goes away takes nothing back: what was asked for is done all the same.
        answers = await asyncio.gather(*[self._ask(number, what) for number in range(len(self._stations))])
        done = [answer for answer in answers if not answer.error]
        if not done:
            return answers[0]
        return do.Answer(
            ask=done[0].ask,
            before_bytes=sum(answer.before_bytes for answer in done),
            after_bytes=sum(answer.after_bytes for answer in done),
            took_s=max(answer.took_s for answer in done),
            waited_s=max(answer.waited_s for answer in done),
            on_device=any(answer.on_device for answer in done),
        )

    def _ask(self, station: int, what: Literal["clean", "recycle"]) -> asyncio.Future[do.Answer]:
        number = next(self._numbers)  # never used again: a caller may leave before its answer comes
        answer = self._asked[number] = self._loop.create_future()
        answer.add_done_callback(lambda _: self._asked.pop(number, None))
        self._tell_one(station, ev.Asked(ask=number, what=what))
        return answer

    @property
    def stations(self) -> Sequence[Station]:
        """The devices; to be looked at, for `status`."""
        return self._stations

    @property
    def conductor(self) -> Conductor:
        """That of the first device; to be looked at, for `status`."""
        return self._stations[0].conductor

    @property
    def lives(self) -> int:
        """Children so far, those of runs before this one included."""
        return max(station.conductor.lives for station in self._stations)

    # ------------------------------------------------------------------ events

    def _tell_one(self, station: int, event: ev.Event) -> None:
        self._inbox.append((station, event))
        self._pump()

    def _told_of_audio(self, station: int, event: ev.Stored | ev.StoreFailed) -> None:
        """Take what became of audio: what failed concerns all."""
        if isinstance(event, ev.StoreFailed):
            self.tell(event)
        else:
            self._tell_one(station, event)

    def _pump(self) -> None:
        if self._busy or self._over.done():
            return
        self._busy = True
        try:
            self._empty_inbox()
            if len(self._stations) > 1 and not self._over.done():
                # What one did may be work for another.
                self._inbox += [(number, ev.Tick()) for number in range(len(self._stations))]
                self._empty_inbox()
        except Exception as error:  # noqa: BLE001 - house rule 6: here, and it ends the job
            # A ledger that cannot be written, or a bug: either way the run is over, with a reason.
            if not self._over.done():
                self._over.set_exception(error)
        finally:
            self._busy = False
        self._set_timer()

    def _empty_inbox(self) -> None:
        while self._inbox and not self._over.done():
            number, event = self._inbox.popleft()
            station = self._stations[number]
            for action in station.conductor.handle(event, monotonic_s()):
                self._act(number, action)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_s = min(station.conductor.next_deadline_s for station in self._stations)
        if math.isfinite(due_s) and not self._over.done():
            # asyncio's clock is the monotonic one, so the deadline is the timer.
            self._timer = self._loop.call_at(due_s, self._tick)

    def _tick(self) -> None:
        self._inbox += [(number, ev.Tick()) for number in range(len(self._stations))]
        self._pump()

    # ------------------------------------------------------------------ actions

    def _act(self, number: int, action: do.Action) -> None:
        match action:
            case do.Fetch():
                self._fetch(number, action)
            case do.Degrade():
                task = asyncio.ensure_future(self._degrade(number, action))
                self._cutting.add(task)
                task.add_done_callback(self._cutting.discard)
            case do.SetPaused():
                self._pause(number, action.why)
            case do.Answer():
                asked = self._asked.get(action.ask)
                if asked is not None and not asked.done():
                    asked.set_result(action)
            case do.Claim() | do.Unclaim() | do.Charge() | do.SetAside():
                self._write(action)
            case do.OpenAudio() | do.AppendAudio() | do.DropAudio() | do.StoreAudio():
                self._parts.act(action, partial(self._told_of_audio, number))
            case do.JobOver():
                del self._shelves[action.job]
                end = self._ends.pop(action.job, None)
                if end is not None and not end.done():
                    end.set_result(None)
            case do.Tell():
                self._stations[number].note(action.note)
                self._place.show(action.note)
            case do.Finish():
                self._finish(number, action)
            case _:
                station: OfChildren = action
                self._stations[number].act(station)

    def _fetch(self, number: int, action: do.Fetch) -> None:
        waiting = self._shelves[action.job].waiting(action.after, action.limit)
        exhausted = len(waiting) < action.limit
        offered = ev.Offered(job=action.job, segments=tuple(waiting), exhausted=exhausted)
        self._inbox.append((number, offered))

    async def _degrade(self, number: int, action: do.Degrade) -> None:
        job, shelf = action.job, self._shelves[action.job]
        try:
            done = await shelf.recut(action.chapter, action.why)
        except (SupervisorError, WorkerFailed) as error:
            why = f"{action.why}; degrade.steps: {error}"
            self._tell_one(number, ev.Degraded(job=job, step=None, why=why, size=None))
            return
        if done.step is None:
            why = f"{action.why}; degrade.steps: {done.why}"
            self._tell_one(number, ev.Degraded(job=job, step=None, why=why, size=None))
        else:
            why = f"chapter {action.chapter + 1} is spoken otherwise from now on ({done.step}): {action.why}"
            self._tell_one(number, ev.Degraded(job=job, step=done.step, why=why, size=shelf.size()))

    def _pause(self, number: int, why: str) -> None:
        """A job stands still while no device goes on with it."""
        self._stations[number].paused_why = why
        paused = all(station.paused_why for station in self._stations)
        for shelf in self._shelves.values():
            shelf.set_paused(why if paused else "")

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

    # ------------------------------------------------------------------ the end

    def _finish(self, number: int, finish: do.Finish) -> None:
        """One device is through: what ends one for a reason ends all."""
        self._stations[number].finish = finish
        if finish.ending not in ("spoken", "stopped"):
            others = [
                other
                for other, station in enumerate(self._stations)
                if station.finish is None and other != number
            ]
            self._inbox += [(other, ev.StopAsked(at_once=False, why=finish.why)) for other in others]
        ends = [station.finish for station in self._stations if station.finish is not None]
        if len(ends) == len(self._stations) and not self._over.done():
            self._over.set_result(max(ends, key=_weight))

    def _close(self) -> None:
        """Leave nothing: a child that still runs is killed, what was half written is dropped."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._cutting:
            task.cancel()
        for number, asked in list(self._asked.items()):
            if not asked.done():
                asked.set_result(do.Answer(ask=number, error="the run is over"))
        for station in self._stations:
            station.close()
        self._parts.drop_all()


def _weight(finish: do.Finish) -> int:
    """Order ends: a reason weighs more than a stop, a stop more than the end of the work."""
    return {"spoken": 0, "stopped": 1}.get(finish.ending, 2)
