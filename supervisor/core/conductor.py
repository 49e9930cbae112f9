"""The parent's main path: events in, actions out.

Pure: no clock, no file, no process. The loop brings what happened and when; the answer is a
list of actions to carry out in order. Three invariants hold whatever dies when: no accepted
segment is lost or written twice, never two children in the slot, and every run ends.

    handle(event, at_s) -> list[Action]     next_deadline_s: when to send a Tick
"""

import math
from dataclasses import dataclass
from typing import Literal, assert_never

import msgspec

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.bench import Bench
from supervisor.core.hand import Hand
from supervisor.core.lifecycle import WITH_SEGMENT, Do, Event, State
from supervisor.core.lifememory import LifeMemory, Marks
from supervisor.core.notes import ChildState, ChildStateName, Note, Notice, SegmentSpoken, SegmentTrouble
from supervisor.core.obituary import EndWish, Obituary, Wish, read_death
from supervisor.core.readings import DeviceReading
from supervisor.core.slot import Slot, SlotTimes
from supervisor.core.tallies import JobSize, Tallies
from supervisor.core.weigher import Weigher
from supervisor.policy.attempts import Next
from supervisor.policy.restarts import GiveUp, Restart, Restarts
from supervisor.wire import messages as say
from supervisor.wire.speech import judge_pcm

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


class _Life:
    """What is known of the present child life; made anew for each."""

    def __init__(self, terms: Terms) -> None:
        self.pid: int | None = None
        self.greeted = False
        self.ready: say.Ready | None = None
        self.weigher = Weigher(
            LifeMemory(host=terms.host, device=terms.device, host_total_bytes=terms.host_total_bytes)
        )
        self.wish: EndWish | None = None
        self.last_words = ""
        self.recycle_why = ""
        self.reading_until_s = -math.inf
        self.stopped_since_s: float | None = None
        self.segments = 0


class Conductor:
    """Conduct one job through one child slot."""

    def __init__(self, terms: Terms, size: JobSize | None, *, at_s: float) -> None:
        """Begin.

        Args:
            terms: What to work under.
            size: Of the job; None while it is still being planned: the first child is started
                meanwhile, and segments are fetched once `Planned` came.
            at_s: Monotonic seconds.
        """
        self._terms = terms
        self._planned = size is not None
        self._tallies = Tallies(size or JobSize.unknown(terms.job), at_s=at_s)
        self._slot = Slot(terms.times)
        self._life = _Life(terms)
        self._bench = Bench(attempts=terms.attempts, stall_s=terms.stall_s)
        self._restarts = Restarts()
        self._ending: do.Finish | None = None
        self._finish: do.Finish | None = None
        self._start_at_s = -math.inf
        self._paused = False
        self._said_once: set[str] = set()
        self._actions: list[do.Action] = []
        self._late: list[do.Action] = []

    # ------------------------------------------------------------------ the two verbs

    def handle(self, event: ev.Event, at_s: float) -> list[do.Action]:
        """Take one event and return what to do, in order.

        Args:
            event: What happened.
            at_s: Monotonic seconds at which it did; never earlier than the event before.
        """
        self._actions, self._late = [], []
        if self._finish is not None:
            return []
        self._take(event, at_s)
        self._expire(at_s)
        self._advance(at_s)
        # Late ones are slow (fsync): the child has its next segment before they begin.
        last = [] if self._finish is None else [self._finish]
        return self._actions + self._late + last

    @property
    def next_deadline_s(self) -> float:
        """When the next Tick is due, monotonic seconds; infinite if nothing is timed."""
        if self._finish is not None:
            return math.inf
        due_s = [self._slot.deadline_s]
        if self._bench.hand is not None and self._slot.state in WITH_SEGMENT:
            due_s.append(self._bench.hand.stall.deadline_s)
        if self._slot.state is State.IDLE and math.isfinite(self._life.reading_until_s):
            due_s.append(self._life.reading_until_s)
        if self._slot.state is State.ABSENT and self._ending is None and self._bench.has_waiting:
            due_s.append(self._start_at_s)
        return min(due_s)

    # ------------------------------------------------------------------ events

    def _take(self, event: ev.Event, at_s: float) -> None:
        if isinstance(event, ev.Spawned | ev.Said | ev.Broke | ev.Ended | ev.Read):
            # What a life before left behind is nothing to this one, nor is anything to a dead one.
            if event.life == self._slot.life and self._slot.state is not State.ABSENT:
                self._take_of_life(event, at_s)
            return
        match event:
            case ev.Begun() | ev.Tick():
                pass
            case ev.Planned():
                self._planned = True
                self._tallies.begin(event.size, at_s)
            case ev.Offered():
                self._bench.offer(event.segments, exhausted=event.exhausted)
            case ev.SpawnFailed():
                self._end("cannot" if event.retryable else "configuration", event.why)
                self._slot.take(Event.EXITED, at_s)
            case ev.Stored():
                self._stored(event, at_s)
            case ev.StoreFailed():
                self._end("full" if event.full else "unwritable", event.message)
                self._stop_child(at_once=True, at_s=at_s)
                # Nothing can be kept, whole or not, so nothing more of this child's is listened to.
                self._actions += self._bench.store_failed()
            case ev.StopAsked():
                self._end("stopped", event.why)
                self._stop_child(at_once=event.at_once, at_s=at_s)
            case _:
                assert_never(event)

    def _take_of_life(self, event: ev.Spawned | ev.Said | ev.Broke | ev.Ended | ev.Read, at_s: float) -> None:
        match event:
            case ev.Spawned():
                self._life.pid = event.pid
                self._tell_child("starting", "")
            case ev.Said():
                self._hear(event.message, at_s)
            case ev.Broke() if event.versions:
                self._end("configuration", event.why)
                self._stop_child(at_once=True, at_s=at_s)
            case ev.Broke():
                self._end_life("broken", f"the child broke the wire's contract: {event.why}", at_s)
            case ev.Ended():
                self._bury(event, at_s)
            case ev.Read():
                self._weigh(event, at_s)
            case _:
                assert_never(event)

    def _hear(self, message: say.FromChild, at_s: float) -> None:
        match message:
            case say.Greeting():
                self._greeted(message, at_s)
            case say.Ready():
                self._became_ready(message, at_s)
            case say.Chunk() | say.Progress():
                self._progressed(message, at_s)
            case say.Done():
                self._segment_done(message, at_s)
            case say.Failed():
                self._segment_failed(message, at_s)
            case say.Released():
                self._move(Event.RELEASED, at_s)
                self._life.weigher.released(message.after)
                self._ask_reading(at_s)
            case say.Broken():
                self._life.last_words = message.message
                if message.kind in ("configuration", "voice_not_found"):
                    self._end("configuration", message.message)
            case say.Loading() | say.Voices():
                pass
            case _:
                assert_never(message)

    def _greeted(self, greeting: say.Greeting, at_s: float) -> None:
        if self._slot.state is not State.STARTING:
            return  # it is on its way out and does not know it yet
        self._life.greeted = True
        if greeting.protocol == say.PROTOCOL_VERSION and greeting.version == self._terms.version:
            hello = msgspec.structs.replace(self._terms.hello, life=self._slot.life)
            self._actions.append(do.Send(life=self._slot.life, message=hello))
            return
        self._end(
            "configuration",
            f"the child (Python {greeting.python}) runs tts-supervisor {greeting.version} with protocol "
            f"{greeting.protocol}, this is {self._terms.version} with {say.PROTOCOL_VERSION}: install the "
            "same version in both environments (child.python)",
        )
        self._stop_child(at_once=True, at_s=at_s)

    def _became_ready(self, ready: say.Ready, at_s: float) -> None:
        if self._slot.state is not State.STARTING:
            return  # too late: it is on its way out
        self._life.ready = ready
        self._move(Event.READY, at_s)
        impossible = self._life.weigher.settle(ready)
        self._tell_child("ready", "")
        if impossible is not None:
            self._end("configuration", impossible)
        self._once("memory.host", self._life.weigher.host_remark)
        self._ask_reading(at_s)

    def _progressed(self, message: say.Chunk | say.Progress, at_s: float) -> None:
        hand = self._bench.hand
        if hand is None:
            return
        hand.stall.progress(at_s)
        if isinstance(message, say.Chunk):
            hand.meter.add(message.pcm_s16le)
            self._actions.append(do.AppendAudio(key=hand.segment.key, pcm_s16le=message.pcm_s16le))

    def _segment_done(self, done: say.Done, at_s: float) -> None:
        hand, ready = self._bench.hand, self._life.ready
        if hand is None or ready is None:
            return
        fault = judge_pcm(hand.segment.text, hand.meter.heard(done.sample_rate_hz), ready.pace_s_per_char)
        if fault is not None:
            message = f"the parent's check of the samples: {fault}"
            self._attempt_failed(hand, "quality", message, retryable=True)
        else:
            self._late.append(self._bench.store(hand, done))
            self._restarts.finished()
        self._segment_over(done.vitals, at_s)

    def _segment_failed(self, failed: say.Failed, at_s: float) -> None:
        hand = self._bench.hand
        if hand is None:
            return
        self._attempt_failed(hand, failed.kind, failed.message, retryable=failed.retryable)
        if failed.sticky:
            self._life.recycle_why = f"the child said that it cannot go on: {failed.message}"
        self._segment_over(failed.vitals, at_s)

    def _attempt_failed(self, hand: Hand, kind: str, message: str, *, retryable: bool) -> None:
        after = self._charge(hand, kind, message, retryable=retryable)
        if kind == "oom":
            self._life.weigher.release_why = "out of memory within a segment"
        # What this life has become may be the reason: the last try gets a fresh child.
        if after is Next.AGAIN and self._life.segments and self._bench.is_last_try(hand):
            self._life.recycle_why = (
                f"segment {hand.segment.number + 1} failed {hand.attempts} times ({kind}): "
                "a fresh child for its last try"
            )

    def _segment_over(self, vitals: say.Vitals, at_s: float) -> None:
        self._life.segments += 1
        if self._slot.state is State.DRAINING:
            self._wish_end("stop", self._why)
        self._move(Event.SEGMENT_OVER, at_s)
        weigher = self._life.weigher
        if weigher.reread:
            weigher.reread = False
            self._ask_reading(at_s)
        weigher.boundary(vitals)
        self._act_on_weight(at_s)

    def _stored(self, event: ev.Stored, at_s: float) -> None:
        self._bench.stored(event.segment)
        self._tallies.over(event.segment, event.seconds)
        self._late.append(
            do.Tell(
                note=SegmentSpoken(
                    job=self._terms.job,
                    segment=event.segment.number,
                    seconds=event.seconds,
                    sha256=event.sha256,
                    attempts=event.attempts,
                )
            )
        )
        self._tell(self._tallies.progress(at_s))

    # ------------------------------------------------------------------ memory

    def _ask_reading(self, at_s: float) -> None:
        self._life.reading_until_s = at_s + READING_WAIT_S
        self._actions.append(do.ReadMemory())

    def _weigh(self, read: ev.Read, at_s: float) -> None:
        life = self._life
        life.reading_until_s = -math.inf
        self._watch_for_a_stop(stopped=read.stopped, at_s=at_s)
        within = self._slot.state in WITH_SEGMENT
        life.weigher.reading(read.host, read.device, pid=life.pid, within_segment=within)
        if read.device is not None and not isinstance(read.device, DeviceReading):
            uses_device = life.ready is not None and life.ready.uses_device
            level = "info" if read.device.kind == "absent" else "warning"
            self._once("device.unknown", read.device.text if uses_device else None, level)
        if life.weigher.impossible_on_device is not None:
            self._end("configuration", life.weigher.impossible_on_device)
        self._once("memory.device", life.weigher.device_remark)
        self._act_on_weight(at_s)

    def _act_on_weight(self, at_s: float) -> None:
        weigher = self._life.weigher
        if weigher.kill_why:
            self._end_life("hard", weigher.kill_why, at_s)
        if bool(weigher.paused_why) is not self._paused:
            self._paused = bool(weigher.paused_why)
            text = "resumed: memory is below the mark again"
            if self._paused:
                text = (
                    f"paused: {weigher.paused_why}; not the child's doing, so the job waits until others "
                    "give memory back, or is stopped and run again with higher marks"
                )
            self._tell(Notice(level="warning", name="paused", text=text))

    def _watch_for_a_stop(self, *, stopped: bool, at_s: float) -> None:
        # A stopped process has a deadline of its own while it starts: `start_timeout_s` is made
        # for slow disks, and waiting cannot help one that was sent SIGSTOP.
        if not stopped or self._slot.state is not State.STARTING:
            self._life.stopped_since_s = None
        elif self._life.stopped_since_s is None:
            self._life.stopped_since_s = at_s
        elif self._terms.stall_s and at_s - self._life.stopped_since_s >= self._terms.stall_s:
            self._wish_end("stalled", "stopped (SIGSTOP) while it started, and not woken again")
            self._move(Event.STALLED, at_s)

    # ------------------------------------------------------------------ ends

    def _wish_end(self, wish: Wish, why: str) -> None:
        # The first reason stands: what follows is only how it came about.
        if self._life.wish is None:
            self._life.wish = EndWish(wish=wish, why=why)

    def _end_life(self, wish: Wish, why: str, at_s: float) -> None:
        self._wish_end(wish, why)
        self._move(Event.END_WANTED, at_s)

    def _end(self, ending: do.Ending, why: str) -> None:
        if self._ending is None:
            self._ending = do.Finish(ending=ending, why=why)

    def _stop_child(self, *, at_once: bool, at_s: float) -> None:
        """Bring the child to its end: after the segment in hand, or at once."""
        # A child that drains is still at work: how that ends is its own doing.
        if at_once or self._slot.state not in WITH_SEGMENT:
            self._wish_end("stop", self._why)
        self._move(Event.END_WANTED if at_once else Event.LEAVE_WANTED, at_s)

    @property
    def _why(self) -> str:
        """Why the life ends, or the run, in words."""
        reason = self._life.wish or self._ending
        return "" if reason is None else reason.why

    def _bury(self, event: ev.Ended, at_s: float) -> None:
        life, hand = self._life, self._bench.hand
        # One that never said a word over the wire may have said why on its stderr.
        last_words = life.last_words or ("" if life.greeted else event.last_line)
        obituary = read_death(event.death, life.wish, last_words=last_words, first_segment=life.segments == 0)
        if event.life == 1 and not life.greeted and event.death.exit_code is not None and event.last_line:
            # Not even the first one got to its first word, and it said why: another would not either.
            mend = "the interpreter needs this version of tts-supervisor installed"
            self._end("configuration", f"child.python: the child {obituary.why}; {mend}")
        self._move(Event.EXITED, at_s)
        bury = do.Bury(
            life=event.life,
            death=event.death,
            why=obituary.why,
            planned=obituary.planned,
            segments=life.segments,
        )
        self._actions.append(bury)
        self._tell_child("gone", obituary.why, obituary=obituary, signal=event.death.signal_name)
        if hand is not None and self._bench.is_to_be_charged(hand, obituary):
            self._charge(hand, obituary.kind, obituary.why, retryable=True)
        elif hand is not None:
            self._actions += self._bench.take_back(hand, obituary)
        self._count_end(obituary, hand, at_s)
        self._life = _Life(self._terms)

    def _charge(self, hand: Hand, kind: str, message: str, *, retryable: bool) -> Next:
        after, actions = self._bench.charge(hand, kind, message, retryable=retryable)
        self._actions += actions
        if after is Next.SET_ASIDE:
            self._tallies.over(hand.segment, 0.0)
        self._tell(
            SegmentTrouble(
                job=self._terms.job,
                segment=hand.segment.number,
                kind=kind,
                message=message,
                attempts=hand.attempts,
                final=after is Next.SET_ASIDE,
            )
        )
        return after

    def _count_end(self, obituary: Obituary, hand: Hand | None, at_s: float) -> None:
        restart: Restart | GiveUp | None = None
        if obituary.planned:
            self._tallies.recycles += obituary.recycled
            restart = self._restarts.ended_as_planned()
        else:
            self._tallies.deaths += 1
            if obituary.outside:
                restart = self._restarts.ended_from_outside()
        if restart is None:
            segment = None if hand is None else hand.segment.number
            restart = self._restarts.ended_by_mishap(segment, obituary.why, at_s)
        if isinstance(restart, GiveUp):
            where = f"`tts-supervisor jobs show {self._terms.job}` has the stacks"
            self._end("gave_up", f"{restart.why}; {where}; mend the cause, then run it again")
        else:
            self._start_at_s = at_s + restart.delay_s

    # ------------------------------------------------------------------ going on

    def _expire(self, at_s: float) -> None:
        """Act on deadlines that have passed."""
        hand = self._bench.hand
        if hand is not None and self._slot.state in WITH_SEGMENT and hand.stall.is_stalled(at_s):
            number, stall_s = hand.segment.number, self._terms.stall_s
            self._wish_end(
                "stalled", f"no progress on segment {number + 1} for {stall_s:g} s (child.stall_s)"
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
        if self._ending is None and self._planned:
            self._actions += self._bench.fetch()
        if self._slot.state is State.STARTING and self._ending is None and self._bench.is_over:
            # Started while the job was planned, and then there was nothing to speak.
            self._wish_end("over", "no work")
            self._move(Event.LEAVE_WANTED, at_s)
        if self._slot.state is State.IDLE and self._life.reading_until_s <= at_s:
            self._life.reading_until_s = -math.inf  # it was waited for long enough
            self._next_for_the_child(at_s)
        if self._slot.state is State.ABSENT:
            self._without_a_child(at_s)

    def _without_a_child(self, at_s: float) -> None:
        if self._ending is not None:
            if self._bench.is_stored:
                self._finish = self._ending
        elif self._bench.has_waiting or self._is_early:
            if at_s >= self._start_at_s:
                self._move(Event.START_DUE, at_s)
        elif self._bench.is_over and self._bench.is_stored:
            self._finish = do.Finish(ending="spoken", why="")

    @property
    def _is_early(self) -> bool:
        """Whether the first child is to be started before there is anything to speak."""
        return not self._planned and self._slot.life == 0

    def _next_for_the_child(self, at_s: float) -> None:
        weigher = self._life.weigher
        recycle_why = self._life.recycle_why or weigher.recycle_why
        if self._ending is not None:
            self._stop_child(at_once=False, at_s=at_s)
        elif self._bench.is_over:
            self._wish_end("over", "no more work")
            self._move(Event.LEAVE_WANTED, at_s)
        elif recycle_why and self._life.segments:  # one that spoke nothing is as fresh as its successor
            self._wish_end("recycle", recycle_why)
            self._move(Event.LEAVE_WANTED, at_s)
        elif weigher.release_why:
            self._tell_child("releasing", weigher.release_why)
            self._move(Event.RELEASE_WANTED, at_s)
        elif self._bench.has_waiting and not weigher.paused_why:
            self._actions += self._bench.hand_out(at_s)
            weigher.handed_out()
            self._move(Event.HAND_OUT, at_s)

    def _move(self, event: Event, at_s: float) -> None:
        """Take one event through the lifecycle table and carry out what it asks for."""
        before = self._slot.state
        for todo in self._slot.take(event, at_s):
            self._carry_out(todo)
        name = _SHOWN.get(self._slot.state)
        if self._slot.state is not before and name is not None:
            self._tell_child(name, self._why)

    def _carry_out(self, todo: Do) -> None:
        life, hand = self._slot.life, self._bench.hand
        match todo:
            case Do.SPAWN:
                self._actions.append(do.Spawn(life=life))
            case Do.SEND_SEGMENT if hand is not None:
                self._actions.append(do.Send(life=life, message=_synthesize(hand)))
            case Do.ASK_RELEASE:
                self._actions.append(do.Send(life=life, message=say.Release()))
            case Do.ASK_EXIT:
                self._actions.append(do.Send(life=life, message=say.Exit()))
            case Do.TERMINATE:
                self._actions.append(do.Signal(life=life, what="terminate"))
            case Do.DUMP_STACK:
                self._actions.append(do.Signal(life=life, what="dump_stack"))
            case Do.KILL_GROUP:
                self._actions.append(do.Signal(life=life, what="kill_group"))
            case Do.REPORT_STUCK:
                why = f"the child, pid {self._life.pid}, is not ended by SIGKILL: a driver call holds it"
                self._finish = do.Finish(ending="stuck", why=why)
            case _:  # BURY: done where the death is read
                pass

    # ------------------------------------------------------------------ telling

    def _tell(self, note: Note) -> None:
        self._late.append(do.Tell(note=note))

    def _once(self, name: str, text: str | None, level: Literal["info", "warning"] = "warning") -> None:
        if text is not None and text not in self._said_once:
            self._said_once.add(text)
            self._tell(Notice(level=level, name=name, text=text))

    def _tell_child(
        self, state: ChildStateName, why: str, *, obituary: Obituary | None = None, signal: str | None = None
    ) -> None:
        note = ChildState(
            life=self._slot.life,
            state=state,
            why=why,
            signal=signal,
            memory=self._life.weigher.figures(),
            planned=obituary is not None and obituary.planned,
            recycled=obituary is not None and obituary.recycled,
            pid=self._life.pid,
        )
        self._tell(note)


_SHOWN: dict[State, ChildStateName] = {
    State.DRAINING: "draining",
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
