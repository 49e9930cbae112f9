"""Carry out what the conductor asks for: the one place that waits while a job is spoken."""

import asyncio
import itertools
import math
import signal
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, assert_never

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.conductor import Conductor
from supervisor.core.death import Death
from supervisor.core.notes import Note
from supervisor.core.traces import Record
from supervisor.edge.audiofile import AudioPart
from supervisor.edge.clock import monotonic_s
from supervisor.edge.launch import CannotStart
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import Life, StoredAudio
from supervisor.edge.process import ChildProcess
from supervisor.edge.statefolder import StateFolder, audio_name
from supervisor.errors import DiskFull, SupervisorError
from supervisor.loop.childlink import ChildLink
from supervisor.loop.memory import MemoryWatch
from supervisor.loop.nursery import Nursery
from supervisor.loop.workers import WorkerFailed
from supervisor.narration.degrading import Recut


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run happens.

    Attributes:
        state: Its folder, owned by us.
        ledger: In it.
        job: Id.
        poll_s: Between readings of memory.
        device: `child.device`.
        wall_s: The wall clock, for records that people read.
        show: Takes notes.
        overheard: Takes lines of the child's stderr.
        recut: Has a chapter cut otherwise, given its number and why.
        nursery: Where children come from.
        trace: Takes what the memory policies were told and what they decided; None = not recorded.
    """

    state: StateFolder
    ledger: Ledger
    job: str
    poll_s: float
    device: str
    wall_s: Callable[[], float]
    show: Callable[[Note], None]
    overheard: Callable[[int, str], None]
    recut: Callable[[int, str], Awaitable[Recut]]
    nursery: Nursery
    trace: Callable[[Record], None] | None = None


class Runner:
    """One conductor and its job: one child at a time, two while one takes over from the other."""

    def __init__(self, conductor: Conductor, place: Place) -> None:
        self._conductor = conductor
        self._place = place
        self._loop = asyncio.get_running_loop()
        self._inbox: deque[ev.Event] = deque()
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._over: asyncio.Future[do.Finish] = self._loop.create_future()
        self._links: dict[int, ChildLink] = {}
        self._born_s: dict[int, float] = {}
        self._unborn: set[int] = set()
        self._to_watch = 0
        self._cutting: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[do.Answer]] = {}
        self._numbers = itertools.count(1)
        self._parts: dict[str, AudioPart] = {}
        self._watch = MemoryWatch(poll_s=place.poll_s, device=place.device, tell=self.tell)

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
    def template_pid(self) -> int | None:
        """Of the process that children are forked from; None where they start cold."""
        return self._place.nursery.pid

    def born_s(self, life: int) -> float | None:
        """When a life that is there was started, on the wall clock."""
        return self._born_s.get(life)

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
                self._spawn(action.life)
            case do.Send():
                if action.life in self._links:
                    self._links[action.life].send(action.message)
            case do.Signal():
                self._signal(action)
            case do.Watch() | do.WatchRoom() | do.ReadMemory():
                self._watch_memory(action)
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
                state = "paused" if action.why else "running"
                self._place.ledger.set_state(self._place.job, state, action.why or None)
            case do.Answer():
                asked = self._asked.get(action.ask)
                if asked is not None and not asked.done():
                    asked.set_result(action)
            case do.Claim() | do.Unclaim() | do.Charge() | do.SetAside():
                self._write_ledger(action)
            case do.OpenAudio() | do.AppendAudio() | do.DropAudio() | do.StoreAudio():
                self._audio(action)
            case do.Bury():
                self._bury(action)
            case do.Tell():
                self._place.show(action.note)
            case do.Finish():
                if not self._over.done():
                    self._over.set_result(action)
            case _:
                assert_never(action)

    def _fetch(self, action: do.Fetch) -> None:
        waiting = self._place.ledger.waiting(self._place.job, action.after, action.limit)
        exhausted = len(waiting) < action.limit
        self._inbox.append(ev.Offered(segments=tuple(waiting), exhausted=exhausted))

    def _spawn(self, life: int) -> None:
        self._unborn.add(life)
        self._place.nursery.start(life, partial(self._born, life))

    def _born(self, life: int, born: ChildProcess | SupervisorError) -> None:
        if life not in self._unborn:  # nobody waits for it any more
            if isinstance(born, ChildProcess):
                born.end_now()
                born.close()
            return
        self._unborn.discard(life)
        if isinstance(born, SupervisorError):
            retryable = isinstance(born, CannotStart)
            self.tell(ev.SpawnFailed(life=life, why=str(born), retryable=retryable))
            return
        self._born_s[life] = self._place.wall_s()
        self._links[life] = ChildLink(
            born,
            life=life,
            tell=self.tell,
            overheard=lambda line: self._place.overheard(life, line),
        )
        if self._to_watch == life:
            self._watch.watch(life, born)
        self.tell(ev.Spawned(life=life, pid=born.pid))

    def _watch_memory(self, action: do.Watch | do.WatchRoom | do.ReadMemory) -> None:
        match action:
            case do.Watch():
                self._to_watch = action.life
                if action.life in self._links:
                    self._watch.watch(action.life, self._links[action.life].process)
            case do.WatchRoom():
                self._to_watch = 0
                self._watch.watch_room(action.poll_s)
            case do.ReadMemory():
                self._watch.read_now()
            case _:
                assert_never(action)

    async def _degrade(self, action: do.Degrade) -> None:
        ledger, job = self._place.ledger, self._place.job
        try:
            done = await self._place.recut(action.chapter, action.why)
        except (SupervisorError, WorkerFailed) as error:
            self.tell(ev.Degraded(step=None, why=f"{action.why}; degrade.steps: {error}", size=None))
            return
        if done.step is None:
            self.tell(ev.Degraded(step=None, why=f"{action.why}; degrade.steps: {done.why}", size=None))
        else:
            why = f"chapter {action.chapter + 1} is spoken otherwise from now on ({done.step}): {action.why}"
            self.tell(ev.Degraded(step=done.step, why=why, size=ledger.job_size(job)))

    def _signal(self, action: do.Signal) -> None:
        if action.life in self._unborn:
            # There is no process yet, and none is wanted any more: it is as dead as it would be.
            self._unborn.discard(action.life)
            self._inbox.append(ev.Ended(life=action.life, death=Death(signal=signal.SIGTERM)))
        if action.life not in self._links:
            return
        process = self._links[action.life].process
        match action.what:
            case "terminate":
                process.terminate()
            case "dump_stack":
                process.dump_stack()
            case "kill_group":
                process.kill_group()
            case _:
                assert_never(action.what)

    def _write_ledger(self, action: do.Claim | do.Unclaim | do.Charge | do.SetAside) -> None:
        ledger, job = self._place.ledger, self._place.job
        match action:
            case do.Claim():
                ledger.claim(job, action.key)
            case do.Unclaim():
                ledger.unclaim(job, action.key, killed=action.killed)
            case do.Charge():
                ledger.charge(job, action.key)
            case do.SetAside():
                ledger.set_aside(job, action.key, action.kind, action.message)
            case _:
                assert_never(action)

    def _audio(self, action: do.OpenAudio | do.AppendAudio | do.DropAudio | do.StoreAudio) -> None:
        try:
            match action:
                case do.OpenAudio():
                    path = self._place.state.audio_path(self._place.job, action.key)
                    self._parts[action.key] = AudioPart(path)
                case do.AppendAudio():
                    part = self._parts.get(action.key)
                    if part is not None:
                        part.append(action.pcm_s16le)
                case do.DropAudio():
                    self._drop(action.key)
                case do.StoreAudio():
                    self._store(action)
                case _:
                    assert_never(action)
        except SupervisorError as error:
            self._drop_all()
            self._inbox.append(ev.StoreFailed(full=isinstance(error, DiskFull), message=str(error)))

    def _store(self, action: do.StoreAudio) -> None:
        key, done = action.segment.key, action.done
        part = self._parts.pop(key, None)
        if part is None:
            return  # the disk is full: said already, by the append that failed
        audio = part.commit(done.sample_rate_hz)
        stored = StoredAudio(
            key=key,
            path=audio_name(self._place.job, key),
            samples=audio.samples,
            sample_rate_hz=audio.sample_rate_hz,
            sha256=audio.sha256,
            figures=done.figures,
        )
        self._place.ledger.done(self._place.job, stored, attempts=action.attempts)
        self._inbox.append(
            ev.Stored(
                segment=action.segment,
                seconds=audio.samples / audio.sample_rate_hz,
                sha256=audio.sha256,
                attempts=action.attempts,
            )
        )

    def _bury(self, action: do.Bury) -> None:
        link = self._links.pop(action.life, None)
        born_s = self._born_s.pop(action.life, 0.0)
        if link is None:
            return
        self._watch.unwatch(action.life)
        link.close()
        if action.planned and action.segments == 0:
            return  # it was started in advance and found nothing to do: no life to tell of
        self._place.ledger.record_life(
            self._place.job,
            Life(
                life=action.life,
                started_s=born_s,
                ended_s=self._place.wall_s(),
                how=action.death.in_words,
                why=action.why,
                segments=action.segments,
                dump=None if action.planned else (link.stack or link.last_lines or None),
            ),
        )

    def _drop(self, key: str) -> None:
        part = self._parts.pop(key, None)
        if part is not None:
            part.discard()

    def _drop_all(self) -> None:
        for key in list(self._parts):
            self._drop(key)

    def _close(self) -> None:
        """Leave nothing: a child that still runs is killed, what was half written is dropped."""
        if self._timer is not None:
            self._timer.cancel()
        self._watch.close()
        if self._cutting is not None:
            self._cutting.cancel()
        for number, asked in self._asked.items():
            if not asked.done():
                asked.set_result(do.Answer(ask=number, error="the run is over"))
        self._unborn.clear()
        for link in self._links.values():
            link.close()
        self._links.clear()
        self._place.nursery.close()
        self._drop_all()
