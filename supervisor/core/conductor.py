"""The parent's main path: events in, actions out.

Pure: no clock, no file, no process. The loop brings what happened and when; the answer is a
list of actions to carry out in order. Three invariants hold whatever dies when: no accepted
segment is lost or written twice, never two children in the slot, and every run ends.

    handle(event, at_s) -> list[Action]     next_deadline_s: when to send a Tick
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

import msgspec

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.hand import Hand
from supervisor.core.lifecycle import WITH_SEGMENT, Do, Event, State
from supervisor.core.lifememory import Judgement, LifeMemory, Marks
from supervisor.core.notes import ChildState, ChildStateName, Notice, SegmentSpoken, SegmentTrouble
from supervisor.core.obituary import EndWish, Obituary, Wish, read_death
from supervisor.core.readings import DeviceReading
from supervisor.core.segments import WaitingSegment
from supervisor.core.slot import Slot, SlotTimes
from supervisor.core.tallies import JobSize, Tallies
from supervisor.policy.attempts import Next, is_forgiven, judge_attempt
from supervisor.policy.restarts import GiveUp, Restart, Restarts
from supervisor.policy.verdict import Verdict
from supervisor.wire import messages as say
from supervisor.wire.speech import judge_pcm

#: Waiting segments kept at hand; the book itself stays in the ledger.
FETCH_SEGMENTS = 32

#: How long a hand-out waits for a fresh reading after ready or a release. NVML answers in
#: about a millisecond; a driver that takes longer is not worth waiting for.
READING_WAIT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the conductor works under.

    Attributes:
        job: Id, for the notes.
        hello: For every child; `life` is filled in.
        version: Of this package: the child's must be the same.
        attempts: `child.attempts`.
        stall_s: `child.stall_s`.
        times: Deadlines of the slot.
        host: Marks of the child's private memory.
        device: Marks of the whole device.
        host_total_bytes: What a share of host memory is a share of.
    """

    job: str
    hello: say.Hello
    version: str
    attempts: int
    stall_s: float
    times: SlotTimes
    host: Marks
    device: Marks
    host_total_bytes: int


class Conductor:
    """Conduct one job through one child slot."""

    def __init__(self, terms: Terms, size: JobSize, *, at_s: float) -> None:
        self._terms = terms
        self._tallies = Tallies(size, at_s=at_s)
        self._slot = Slot(terms.times)
        self._restarts = Restarts()
        self._queue: deque[WaitingSegment] = deque()
        self._fetched_to = -1
        self._fetching = False
        self._exhausted = False
        self._storing: set[str] = set()
        self._handouts = 0
        self._ending: do.Finish | None = None
        self._finished = False
        self._start_at_s = 0.0
        self._said_once: set[str] = set()
        self._device: DeviceReading | None = None
        self._begin_life()
        self._actions: list[do.Action] = []
        self._late: list[do.Action] = []

    def _begin_life(self) -> None:
        self._pid: int | None = None
        self._ready: say.Ready | None = None
        self._memory = LifeMemory(
            host=self._terms.host,
            device=self._terms.device,
            host_total_bytes=self._terms.host_total_bytes,
        )
        self._vitals: say.Vitals | None = None
        self._hand: Hand | None = None
        self._wish: EndWish | None = None
        self._last_words = ""
        self._recycle_why = ""
        self._release_why = ""
        self._paused_why = ""
        self._released = False
        self._reread = False
        self._reading_until_s = -math.inf
        self._stopped_since_s: float | None = None
        self._spoken = 0

    # ------------------------------------------------------------------ the two verbs

    def handle(self, event: ev.Event, at_s: float) -> list[do.Action]:
        """Take one event and return what to do, in order.

        Args:
            event: What happened.
            at_s: Monotonic seconds at which it did; never earlier than the event before.
        """
        self._actions, self._late = [], []
        if not self._finished:
            self._take(event, at_s)
            self._expire(at_s)
            self._advance(at_s)
        # Late ones are slow (fsync): the child has its next segment before they begin.
        return self._actions + self._late

    @property
    def next_deadline_s(self) -> float:
        """When the next Tick is due, monotonic seconds; infinite if nothing is timed."""
        if self._finished:
            return math.inf
        due_s = [self._slot.deadline_s]
        if self._hand is not None and self._slot.state in WITH_SEGMENT:
            due_s.append(self._hand.stall.deadline_s)
        if self._slot.state is State.IDLE and math.isfinite(self._reading_until_s):
            due_s.append(self._reading_until_s)
        if self._slot.state is State.ABSENT and self._wants_a_child():
            due_s.append(self._start_at_s)
        return min(due_s)

    # ------------------------------------------------------------------ events

    def _take(self, event: ev.Event, at_s: float) -> None:
        match event:
            case ev.Begun() | ev.Tick():
                pass
            case ev.Offered():
                self._queue.extend(self._unknown(event.segments))
                self._fetching = False
                self._exhausted = event.exhausted
                if event.segments:
                    self._fetched_to = event.segments[-1].number
            case ev.Spawned():
                if event.life == self._slot.life:
                    self._pid = event.pid
                    self._tell_child("starting", "")
            case ev.SpawnFailed():
                self._end("cannot" if event.retryable else "configuration", event.why)
                self._slot.take(Event.EXITED, at_s)
            case ev.Said():
                if event.life == self._slot.life:
                    self._hear(event.message, at_s)
            case ev.Broke():
                if event.life == self._slot.life:
                    self._wish_end("broken", f"the child broke the wire's contract: {event.why}")
                    self._move(Event.END_WANTED, at_s)
            case ev.Ended():
                if event.life == self._slot.life:
                    self._bury(event, at_s)
            case ev.Read():
                if event.life == self._slot.life:
                    self._weigh(event, at_s)
            case ev.Stored():
                self._stored(event, at_s)
            case ev.StoreFailed():
                self._storing.clear()
                self._end("full" if event.full else "unwritable", event.message)
                self._stop_child(at_once=True, at_s=at_s)
            case ev.StopAsked():
                self._end("stopped", event.why)
                self._stop_child(at_once=event.at_once, at_s=at_s)
            case _:
                assert_never(event)

    def _hear(self, message: say.FromChild, at_s: float) -> None:
        match message:
            case say.Greeting():
                self._greeted(message, at_s)
            case say.Loading() | say.Voices():
                pass
            case say.Ready():
                self._became_ready(message, at_s)
            case say.Chunk():
                self._heard_audio(message, at_s)
            case say.Progress():
                if self._hand is not None:
                    self._hand.stall.progress(at_s)
            case say.Done():
                self._segment_done(message, at_s)
            case say.Failed():
                self._vitals = message.vitals
                self._segment_failed(message, at_s)
            case say.Released():
                self._vitals = message.after
                self._released = True
                self._move(Event.RELEASED, at_s)
                self._ask_reading(at_s)
                self._judge_host(message.after.host_private_bytes, at_s)
            case say.Broken():
                self._last_words = message.message
                if message.kind in ("configuration", "voice_not_found"):
                    self._end("configuration", message.message)
            case _:
                assert_never(message)

    def _greeted(self, greeting: say.Greeting, at_s: float) -> None:
        if greeting.protocol != say.PROTOCOL_VERSION or greeting.version != self._terms.version:
            self._end(
                "configuration",
                f"the child ({greeting.python}) runs tts-supervisor {greeting.version}, this is "
                f"{self._terms.version}: install the same version in both environments",
            )
            self._stop_child(at_once=True, at_s=at_s)
            return
        hello = msgspec.structs.replace(self._terms.hello, life=self._slot.life)
        self._actions.append(do.Send(life=self._slot.life, message=hello))

    def _became_ready(self, ready: say.Ready, at_s: float) -> None:
        self._ready = ready
        self._vitals = ready.vitals
        self._move(Event.READY, at_s)
        self._tell_child("ready", "")
        impossible = self._memory.settle_host(ready.vitals.host_private_bytes)
        if impossible is not None:
            self._end("configuration", impossible)
            return
        self._once("memory.host", self._memory.host_soft_is_below_a_fresh_child)
        self._ask_reading(at_s)

    def _heard_audio(self, chunk: say.Chunk, at_s: float) -> None:
        if self._hand is None:
            return
        self._hand.stall.progress(at_s)
        self._hand.meter.add(chunk.pcm_s16le)
        self._actions.append(do.AppendAudio(key=self._hand.segment.key, pcm_s16le=chunk.pcm_s16le))

    def _segment_done(self, done: say.Done, at_s: float) -> None:
        hand, ready = self._hand, self._ready
        if hand is None or ready is None:
            return
        self._vitals = done.vitals
        heard = hand.meter.heard(done.sample_rate_hz)
        fault = judge_pcm(hand.segment.text, heard, ready.pace_s_per_char)
        if fault is not None:
            failed = say.Failed(
                segment_id=done.segment_id,
                attempt=done.attempt,
                kind="quality",
                message=f"the parent's check of the samples: {fault}",
                retryable=True,
                figures=done.figures,
                vitals=done.vitals,
            )
            self._segment_failed(failed, at_s)
            return
        self._storing.add(hand.segment.key)
        self._late.append(do.StoreAudio(segment=hand.segment, done=done, attempts=hand.attempts))
        self._restarts.finished()
        self._segment_over(done.vitals, at_s)

    def _segment_failed(self, failed: say.Failed, at_s: float) -> None:
        hand = self._hand
        if hand is None:
            return
        self._actions.append(do.DropAudio(key=hand.segment.key))
        again = self._charge(hand, failed.kind, failed.message, retryable=failed.retryable)
        if failed.sticky:
            self._recycle_why = f"the child said that it cannot go on: {failed.message}"
        elif again and failed.kind == "oom":
            self._release_why = "out of memory within a segment"
        # What this life has become may be the reason: the last try gets a fresh child.
        if again and self._spoken and hand.attempts + 1 >= self._terms.attempts:
            self._recycle_why = (
                f"segment {hand.segment.number} failed {hand.attempts} times ({failed.kind}): "
                "a fresh child for its last try"
            )
        self._segment_over(failed.vitals, at_s)

    def _segment_over(self, vitals: say.Vitals, at_s: float) -> None:
        self._hand = None
        self._spoken += 1
        self._move(Event.SEGMENT_OVER, at_s)
        if self._reread:
            self._reread = False
            self._ask_reading(at_s)
        self._judge_host(vitals.host_private_bytes, at_s)

    def _stored(self, event: ev.Stored, at_s: float) -> None:
        self._storing.discard(event.segment.key)
        self._tallies.over(event.segment, event.seconds)
        self._tell(
            SegmentSpoken(
                job=self._terms.job,
                segment=event.segment.number,
                seconds=event.seconds,
                sha256=event.sha256,
                attempts=event.attempts,
            )
        )
        self._tell(self._tallies.progress(at_s))

    # ------------------------------------------------------------------ memory

    def _ask_reading(self, at_s: float) -> None:
        self._reading_until_s = at_s + READING_WAIT_S
        self._actions.append(do.ReadMemory())

    def _weigh(self, read: ev.Read, at_s: float) -> None:
        self._reading_until_s = -math.inf
        self._watch_for_a_stop(stopped=read.stopped, at_s=at_s)
        self._device = read.device if isinstance(read.device, DeviceReading) else None
        if self._ready is None:
            return
        was_paused, self._paused_why = self._paused_why, ""
        if read.host is not None and read.host.child_private_bytes is not None:
            self._judge_host(read.host.child_private_bytes, at_s)
        if isinstance(read.device, DeviceReading):
            self._judge_device(read.device, self._ready, at_s)
        elif read.device is not None and self._ready.uses_device:
            self._once("device.unknown", read.device.text)
        if bool(was_paused) is not bool(self._paused_why):
            self._tell_pause()

    def _tell_pause(self) -> None:
        if self._paused_why:
            text = f"paused: {self._paused_why}; not the child's doing, so the job waits"
        else:
            text = "resumed: memory is below the mark again"
        self._tell(Notice(level="warning", name="paused", text=text))

    def _judge_host(self, private_bytes: int, at_s: float) -> None:
        self._act_on(self._memory.judge_host(private_bytes, released=self._released), at_s)

    def _judge_device(self, reading: DeviceReading, ready: say.Ready, at_s: float) -> None:
        if reading.child_pid not in (None, self._pid):
            return  # of the life before
        own_bytes = reading.child_bytes
        if own_bytes is None and self._vitals is not None:
            own_bytes = self._vitals.reserved_bytes
        judgement = self._memory.judge_device(
            reading,
            own_bytes=own_bytes,
            uses_device=ready.uses_device,
            released=self._released,
        )
        self._act_on(judgement, at_s)

    def _act_on(self, judgement: Judgement, at_s: float) -> None:
        match judgement.verdict:
            case Verdict.KEEP:
                pass
            case Verdict.PAUSE:
                self._paused_why = judgement.why
            case Verdict.RELEASE:
                # Within a segment it may be that segment's passing need: read again after it.
                if self._slot.state in WITH_SEGMENT:
                    self._reread = True
                else:
                    self._release_why = judgement.why
            case Verdict.RECYCLE:
                self._recycle_why = f"{judgement.why} after a release"
            case Verdict.KILL:
                self._wish_end("hard", judgement.why)
                self._move(Event.END_WANTED, at_s)
            case _:
                assert_never(judgement.verdict)

    def _watch_for_a_stop(self, *, stopped: bool, at_s: float) -> None:
        # A stopped process has a deadline of its own while it starts: `start_timeout_s` is made
        # for slow disks, and waiting cannot help one that was sent SIGSTOP.
        if not stopped or self._slot.state is not State.STARTING:
            self._stopped_since_s = None
        elif self._stopped_since_s is None:
            self._stopped_since_s = at_s
        elif self._terms.stall_s and at_s - self._stopped_since_s >= self._terms.stall_s:
            self._wish_end("stalled", "stopped (SIGSTOP) while it started, and not woken again")
            self._move(Event.STALLED, at_s)

    # ------------------------------------------------------------------ ends

    def _wish_end(self, wish: Wish, why: str) -> None:
        # The first reason stands: what follows is only how it came about.
        if self._wish is None:
            self._wish = EndWish(wish=wish, why=why)

    def _end(self, ending: do.Ending, why: str) -> None:
        if self._ending is None or self._ending.ending == "spoken":
            self._ending = do.Finish(ending=ending, why=why)

    def _stop_child(self, *, at_once: bool, at_s: float) -> None:
        """Bring the child to its end: after the segment in hand, or at once."""
        self._wish_end("stop", self._ending.why if self._ending else "")
        self._move(Event.END_WANTED if at_once else Event.LEAVE_WANTED, at_s)

    def _bury(self, event: ev.Ended, at_s: float) -> None:
        obituary = read_death(
            event.death,
            self._wish,
            last_words=self._last_words,
            first_segment=self._spoken == 0,
        )
        hand, ready = self._hand, self._ready
        self._slot.take(Event.EXITED, at_s)
        self._actions.append(
            do.Bury(
                life=event.life,
                death=event.death,
                why=obituary.why,
                planned=obituary.planned,
                segments=self._spoken,
            )
        )
        self._tell_child("gone", obituary.why, planned=obituary.planned, signal=event.death.signal_name)
        if hand is not None:
            self._return_segment(hand, obituary)
        self._count_end(obituary, hand, was_ready=ready is not None, at_s=at_s)
        self._begin_life()

    def _return_segment(self, hand: Hand, obituary: Obituary) -> None:
        key = hand.segment.key
        self._actions.append(do.DropAudio(key=key))
        killed = hand.segment.killed + 1
        if obituary.charged or (obituary.outside and not is_forgiven(killed=killed)):
            self._charge(hand, obituary.kind, obituary.why, retryable=True)
            return
        self._actions.append(do.Unclaim(key=key, killed=obituary.outside))
        back = hand.segment
        if obituary.outside:
            back = msgspec.structs.replace(back, killed=killed)
        self._queue.appendleft(back)

    def _charge(self, hand: Hand, kind: str, message: str, *, retryable: bool) -> bool:
        """Make the segment pay for its hand-out; return whether it is tried again."""
        after = judge_attempt(attempts=hand.attempts, allowed=self._terms.attempts, retryable=retryable)
        segment = hand.segment
        if after is Next.AGAIN:
            self._actions.append(do.Charge(key=segment.key))
            self._queue.appendleft(msgspec.structs.replace(segment, attempts=hand.attempts))
        else:
            self._actions.append(do.SetAside(key=segment.key, kind=kind, message=message))
            self._tallies.over(segment, 0.0)
        self._tell(
            SegmentTrouble(
                job=self._terms.job,
                segment=segment.number,
                kind=kind,
                message=message,
                attempts=hand.attempts,
                final=after is Next.SET_ASIDE,
            )
        )
        return after is Next.AGAIN

    def _count_end(self, obituary: Obituary, hand: Hand | None, *, was_ready: bool, at_s: float) -> None:
        restart: Restart | GiveUp | None
        if obituary.planned:
            self._tallies.recycles += obituary.recycled
            restart = self._restarts.ended_as_planned()
        else:
            self._tallies.deaths += 1
            restart = self._restarts.ended_from_outside() if obituary.outside else None
        if restart is None:
            segment = hand.segment.number if hand is not None and was_ready else None
            restart = self._restarts.ended_by_mishap(segment, obituary.why, at_s)
        if isinstance(restart, GiveUp):
            self._end("gave_up", restart.why)
        else:
            self._start_at_s = at_s + restart.delay_s

    # ------------------------------------------------------------------ going on

    def _expire(self, at_s: float) -> None:
        """Act on deadlines that have passed."""
        hand = self._hand
        if hand is not None and self._slot.state in WITH_SEGMENT and hand.stall.is_stalled(at_s):
            self._wish_end(
                "stalled",
                f"no progress on segment {hand.segment.number} for {self._terms.stall_s:g} s",
            )
            self._move(Event.STALLED, at_s)
        if self._slot.is_late(at_s):
            if self._slot.state is State.STARTING:
                limit_s = self._terms.times.start_s
                self._wish_end("unready", f"not ready within {limit_s:g} s (child.start_timeout_s)")
            elif self._slot.state is State.RELEASING:
                self._wish_end("stalled", "did not release its caches in time")
            self._move(Event.OUT_OF_TIME, at_s)

    def _advance(self, at_s: float) -> None:
        """Do what the present state allows next."""
        self._fetch()
        if self._slot.state is State.IDLE and self._reading_until_s <= at_s:
            self._next_for_the_child(at_s)
        if self._slot.state is State.ABSENT and not self._finished:
            self._without_a_child(at_s)

    def _unknown(self, offered: tuple[WaitingSegment, ...]) -> list[WaitingSegment]:
        # Equal segments share a key and one hand-out; a second batch may bring the twin of one
        # that is still at hand.
        known = {segment.key for segment in self._queue} | self._storing
        if self._hand is not None:
            known.add(self._hand.segment.key)
        return [segment for segment in offered if segment.key not in known]

    def _fetch(self) -> None:
        if self._fetching or self._exhausted or self._ending is not None:
            return
        if len(self._queue) <= FETCH_SEGMENTS // 2:
            self._fetching = True
            self._actions.append(do.Fetch(after=self._fetched_to, limit=FETCH_SEGMENTS))

    def _wants_a_child(self) -> bool:
        return self._ending is None and bool(self._queue)

    def _without_a_child(self, at_s: float) -> None:
        if self._ending is not None:
            if not self._storing:
                self._finish(self._ending)
        elif self._queue:
            if at_s >= self._start_at_s:
                self._move(Event.START_DUE, at_s)
        elif self._exhausted and not self._storing:
            self._finish(do.Finish(ending="spoken", why=""))

    def _finish(self, ending: do.Finish) -> None:
        self._finished = True
        self._late.append(ending)

    def _next_for_the_child(self, at_s: float) -> None:
        if self._ending is not None:
            self._wish_end("stop", self._ending.why)
            self._move(Event.LEAVE_WANTED, at_s)
        elif self._recycle_why:
            self._wish_end("recycle", self._recycle_why)
            self._move(Event.LEAVE_WANTED, at_s)
        elif self._release_why:
            self._release_why = ""
            self._move(Event.RELEASE_WANTED, at_s)
        elif self._queue and not self._paused_why:
            self._hand_out(self._queue.popleft(), at_s)
        elif not self._queue and self._exhausted:
            self._wish_end("over", "no more work")
            self._move(Event.LEAVE_WANTED, at_s)

    def _hand_out(self, segment: WaitingSegment, at_s: float) -> None:
        self._handouts += 1
        self._released = False
        self._hand = Hand(segment, attempt=self._handouts, stall_s=self._terms.stall_s, at_s=at_s)
        self._actions.append(do.Claim(key=segment.key))
        self._actions.append(do.OpenAudio(key=segment.key))
        self._move(Event.HAND_OUT, at_s)
        self._fetch()

    def _move(self, event: Event, at_s: float) -> None:
        """Take one event through the lifecycle table and carry out what it asks for."""
        before = self._slot.state
        for todo in self._slot.take(event, at_s):
            self._carry_out(todo)
        if self._slot.state is not before:
            name = _SHOWN.get(self._slot.state)
            if name is not None:
                self._tell_child(name, self._wish.why if self._wish else self._recycle_why)

    def _carry_out(self, todo: Do) -> None:
        life = self._slot.life
        simple: dict[Do, Callable[[], do.Action]] = {
            Do.SPAWN: lambda: do.Spawn(life=life),
            Do.ASK_RELEASE: lambda: do.Send(life=life, message=say.Release()),
            Do.ASK_EXIT: lambda: do.Send(life=life, message=say.Exit()),
            Do.TERMINATE: lambda: do.Signal(life=life, what="terminate"),
            Do.DUMP_STACK: lambda: do.Signal(life=life, what="dump_stack"),
            Do.KILL_GROUP: lambda: do.Signal(life=life, what="kill_group"),
        }
        if todo in simple:
            self._actions.append(simple[todo]())
        elif todo is Do.SEND_SEGMENT and self._hand is not None:
            self._actions.append(do.Send(life=life, message=_synthesize(self._hand)))
        elif todo is Do.REPORT_STUCK:
            why = f"the child, pid {self._pid}, is not ended by SIGKILL: a driver call holds it"
            self._finish(do.Finish(ending="stuck", why=why))

    # ------------------------------------------------------------------ telling

    def _tell(self, note: do.Note) -> None:
        self._late.append(do.Tell(note=note))

    def _once(self, name: str, text: str | None) -> None:
        if text is not None and text not in self._said_once:
            self._said_once.add(text)
            self._tell(Notice(level="warning", name=name, text=text))

    def _tell_child(
        self, state: ChildStateName, why: str, *, planned: bool = False, signal: str | None = None
    ) -> None:
        memory: dict[str, int] = {}
        if self._vitals is not None:
            memory["host_private"] = self._vitals.host_private_bytes
        if self._device is not None:
            memory["device_used"] = self._device.used_bytes
        note = ChildState(
            life=self._slot.life,
            state=state,
            why=why,
            signal=signal,
            memory=memory,
            planned=planned,
            pid=self._pid,
        )
        self._tell(note)


_SHOWN: dict[State, ChildStateName] = {
    State.DRAINING: "draining",
    State.RELEASING: "releasing",
    State.LEAVING: "leaving",
    State.TERMINATING: "dying",
    State.DUMPING: "dying",
    State.DYING: "dying",
    State.STUCK: "stuck",
}


def _synthesize(hand: Hand) -> say.Synthesize:
    segment = hand.segment
    return say.Synthesize(
        segment_id=segment.number,
        attempt=hand.attempt,
        text=segment.text,
        voice=segment.voice,
        reference=segment.reference,
        seed=segment.seed,
        settings=segment.settings,
    )
