"""The parent's main path: events in, actions out.

Pure: no clock, no file, no process. The loop brings what happened and when; the answer is a
list of actions to carry out in order. Three invariants hold whatever dies when: no accepted
segment is lost or written twice; never two children unless a hand-over is under way, and never
two with work; every run ends.

    handle(event, at_s) -> list[Action]     next_deadline_s: when to send a Tick
"""

import math
from typing import assert_never

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.asks import NOTHING
from supervisor.core.burial import Burial
from supervisor.core.counsel import Counsel
from supervisor.core.desk import Desk, Shared, Terms
from supervisor.core.hearing import Hearing
from supervisor.core.lifecycle import Event, State
from supervisor.core.notes import SegmentSpoken
from supervisor.core.post import Post
from supervisor.core.shift import Shift
from supervisor.core.tallies import Counts, JobSize
from supervisor.core.warden import Warden


class Conductor:
    """Conduct jobs through one child at a time; on several devices, several conductors share a bench.

    Its parts share a desk: `Hearing` (what a child says), `Warden` (memory), `Shift` (who works next),
    `Burial` (ends).
    """

    def __init__(
        self, terms: Terms, size: JobSize | None, *, at_s: float, shared: Shared | None = None
    ) -> None:
        """Begin.

        Args:
            terms: What to work under.
            size: Of the job; None while it is still being planned: the first child is started
                meanwhile, and segments are fetched once `Planned` came.
            at_s: Monotonic seconds.
            shared: With other conductors; None = it is alone.
        """
        self._desk = Desk(terms, shared)
        if size is not None:
            self._take_in(size, ahead=False, at_s=at_s)
        self._warden = Warden(self._desk)
        self._hearing = Hearing(self._desk, self._warden)
        self._shift = Shift(self._desk, self._warden)
        self._burial = Burial(self._desk, self._warden, self._shift)

    def handle(self, event: ev.Event, at_s: float) -> list[do.Action]:
        """Take one event and return what to do, in order.

        Args:
            event: What happened.
            at_s: Monotonic seconds at which it did; never earlier than the event before.
        """
        self._desk.actions, self._desk.late = [], []
        if self._desk.finish is not None:
            return self._too_late(event)
        self._take(event, at_s)
        self._expire(at_s)
        self._shift.advance(at_s)
        self._warden.tell_pause()
        if self._desk.finish is not None:
            self._desk.end_cleans(NOTHING, "the run is over", at_s)
            self._desk.actions += self._desk.recycles.refuse("the run is over")
        # Late ones are slow (fsync): the child has its next segment before they begin.
        self._desk.late += self._desk.counsel.drain_actions()
        self._desk.late += [do.JobOver(job=job) for job in self._desk.bench.clear()]
        last = [] if self._desk.finish is None else [self._desk.finish]
        return self._desk.actions + self._desk.late + last

    @property
    def next_deadline_s(self) -> float:
        """When the next Tick is due, monotonic seconds; infinite if nothing is timed."""
        if self._desk.finish is not None:
            return math.inf
        current = self._desk.roster.current
        due_s = [self._desk.roster.deadline_s]
        if current.hand is not None and current.speaks:
            due_s.append(current.hand.stall.deadline_s)
        if current.state is State.IDLE:
            due_s += self._shift.idle_deadlines_s(current)
        if not current.is_there:
            due_s += self._shift.absent_deadlines_s()
        return min(due_s)

    @property
    def counsel(self) -> Counsel:
        """What the memory policies think, for `status`."""
        return self._desk.counsel

    @property
    def post(self) -> Post | None:
        """The child that gets the work; None while there is none."""
        return self._desk.roster.current if self._desk.roster.current.is_there else None

    @property
    def counts(self) -> Counts:
        """What became of the children of this run."""
        return self._desk.counts

    @property
    def lives(self) -> int:
        """Number of the latest life."""
        return self._desk.roster.lives

    @property
    def is_unloaded(self) -> bool:
        """Whether there is no child because there was nothing to do."""
        return self._desk.unloaded and not self._desk.roster.current.is_there

    @property
    def has_work(self) -> bool:
        """Whether something is to be spoken, is spoken, or is on its way to the disk."""
        return self._desk.bench.has_trays

    @property
    def waits_why(self) -> str:
        """Why nothing is handed out though there is work: a pause, the gate; empty if nothing holds it up."""
        if self._desk.counsel.paused_why or not math.isfinite(self._desk.rest_until_s):
            return self._desk.counsel.paused_why
        return f"a rest after {self._desk.terms.batch_size} lines (batch.rest_s)"

    @property
    def waits_at_gate(self) -> bool:
        """Whether a dead child's device memory is waited for."""
        return self._warden.gate is not None

    def _take_in(self, size: JobSize, *, ahead: bool, at_s: float) -> None:
        self._desk.bench.begin(size, ahead=ahead, at_s=at_s)
        self._desk.bench.closed = not self._desk.terms.stays

    def _too_late(self, event: ev.Event) -> list[do.Action]:
        return [do.Answer(ask=event.ask, error="the run is over")] if isinstance(event, ev.Asked) else []

    def _take(self, event: ev.Event, at_s: float) -> None:  # noqa: PLR0912 - a branch for each kind of event
        if isinstance(event, ev.Spawned | ev.Said | ev.Broke | ev.Ended | ev.Read | ev.SpawnFailed):
            post = self._desk.roster.of(event.life)
            # What a life before left behind is nothing to this one, nor is anything to a dead one.
            if post is not None:
                self._take_of(post, event, at_s)
            elif isinstance(event, ev.Read) and event.life == 0 and not self._desk.roster.current.is_there:
                self._warden.read_room(event, at_s)
            return
        match event:
            case ev.Begun() | ev.Tick():
                pass
            case ev.Planned():
                self._take_in(event.size, ahead=event.ahead, at_s=at_s)
                if self._warden.told_paused:
                    self._warden.record_pause()
            case ev.Withdrawn():
                if (tray := self._desk.bench.tray(event.job)) is not None:
                    tray.withdraw()
            case ev.Offered():
                if (tray := self._desk.bench.tray(event.job)) is not None:
                    tray.offer(event.segments, exhausted=event.exhausted)
            case ev.Stored():
                self._stored(event, at_s)
            case ev.StoreFailed():
                self._desk.end("full" if event.full else "unwritable", event.message)
                self._desk.stop_children(at_once=True, at_s=at_s)
                # Nothing can be kept, whole or not, so nothing more of this child's is listened to.
                self._desk.actions += self._desk.bench.store_failed()
                for post in self._desk.roster:
                    post.hand = None
            case ev.StopAsked():
                self._desk.end("stopped", event.why)
                self._desk.stop_children(at_once=event.at_once, at_s=at_s)
            case ev.Degraded():
                self._warden.degraded(event)
            case ev.Asked():
                self._asked(event, at_s)
            case _:
                assert_never(event)

    def _take_of(
        self,
        post: Post,
        event: ev.Spawned | ev.Said | ev.Broke | ev.Ended | ev.Read | ev.SpawnFailed,
        at_s: float,
    ) -> None:
        match event:
            case ev.Spawned():
                post.pid = event.pid
                self._desk.tell_child(post, "starting", "")
            case ev.SpawnFailed():
                self._spawn_failed(post, event, at_s)
            case ev.Said():
                self._hearing.hear(post, event.message, at_s)
            case ev.Broke() if event.versions:
                self._desk.end("configuration", event.why)
                self._desk.stop_children(at_once=True, at_s=at_s)
            case ev.Broke():
                post.wish_end("broken", f"the child broke the wire's contract: {event.why}")
                self._desk.move(post, Event.END_WANTED, at_s)
            case ev.Ended():
                self._burial.bury(post, event, at_s)
            case ev.Read():
                self._warden.read(post, event, at_s)
            case _:
                assert_never(event)

    def _spawn_failed(self, post: Post, event: ev.SpawnFailed, at_s: float) -> None:
        self._desk.move(post, Event.EXITED, at_s)
        self._desk.roster.forget(post)
        if post is self._desk.roster.current or not event.retryable:
            self._desk.end("cannot" if event.retryable else "configuration", event.why)
        else:
            self._desk.alone_life = self._desk.roster.current.life  # no room for two: the old one ends first

    def _stored(self, event: ev.Stored, at_s: float) -> None:
        tray = self._desk.bench.tray(event.segment.job)
        if tray is None:
            return
        tray.stored(event.segment)
        tray.tallies.over(event.segment, event.seconds)
        spoken = SegmentSpoken(
            job=event.segment.job,
            segment=event.segment.number,
            seconds=event.seconds,
            sha256=event.sha256,
            attempts=event.attempts,
        )
        self._desk.tell(spoken)
        self._desk.tell(tray.tallies.progress(at_s, self._desk.counts))

    def _asked(self, event: ev.Asked, at_s: float) -> None:
        asks = self._desk.cleans if event.what == "clean" else self._desk.recycles
        if self._desk.ending is not None or self._desk.bench.is_over:
            self._desk.act(do.Answer(ask=event.ask, error="the work is over: the child is leaving"))
        elif self._desk.unloaded:
            # Nothing is held, or in a moment, and the next text brings a fresh child: it is so already.
            self._desk.act(do.Answer(ask=event.ask))
        elif self._desk.roster.current.ready is None:
            self._desk.act(do.Answer(ask=event.ask, error="there is no child that is ready"))
        else:
            asks.take(event.ask, at_s)

    def _expire(self, at_s: float) -> None:
        """Act on deadlines that have passed."""
        current, hand = self._desk.roster.current, self._desk.roster.current.hand
        if hand is not None and current.speaks and hand.stall.is_stalled(at_s):
            number, stall_s = hand.segment.number, hand.stall_s
            why = f"no progress on segment {number + 1} for {stall_s:.3g} s (child.stall_s, or learned)"
            current.wish_end("stalled", why)
            self._desk.move(current, Event.STALLED, at_s)
        for post in self._desk.roster:
            if post.slot.is_late(at_s):
                self._out_of_time(post, at_s)
        self._warden.look_at_gate(at_s)

    def _out_of_time(self, post: Post, at_s: float) -> None:
        if post.state is State.STARTING:
            limit_s = self._desk.terms.times.start_s
            post.wish_end("unready", f"not ready within {limit_s:g} s (child.start_timeout_s)")
        elif post.state is State.RELEASING:
            post.wish_end("stalled", "did not release its caches in time")
        self._desk.move(post, Event.OUT_OF_TIME, at_s)
