"""The parent's main path: events in, actions out.

Pure: no clock, no file, no process. The loop brings what happened and when; the answer is a
list of actions to carry out in order. Three invariants hold whatever dies when: no accepted
segment is lost or written twice; never two children unless a hand-over is under way, and never
two with work; every run ends.

    handle(event, at_s) -> list[Action]     next_deadline_s: when to send a Tick
"""

import math
from dataclasses import dataclass
from typing import Literal, assert_never

import msgspec

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.asks import NOTHING, Asks
from supervisor.core.bench import Bench
from supervisor.core.counsel import Counsel
from supervisor.core.death import Death
from supervisor.core.decisions import Decision
from supervisor.core.gate import HARD_S, POLL_S, Gate, Way
from supervisor.core.hand import Hand
from supervisor.core.lifecycle import Do, Event, State
from supervisor.core.memoryterms import MemoryTerms
from supervisor.core.notes import ChildState, ChildStateName, Note, Notice, SegmentSpoken, SegmentTrouble
from supervisor.core.obituary import Obituary, read_death
from supervisor.core.post import Post
from supervisor.core.readings import DeviceReading, DeviceUnknown
from supervisor.core.roster import Roster
from supervisor.core.slot import SlotTimes
from supervisor.core.tallies import JobSize, Tallies
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
        times: Deadlines of a slot.
        memory: Of the panel.
        poll_s: `memory.poll_s`.
        idle_unload_s: `child.idle_unload_s`; 0 = never.
        batch_size: `batch.size`; 0 = no rest.
        batch_rest_s: `batch.rest_s`.
    """

    job: str
    hello: say.Hello
    version: str
    attempts: int
    stall_s: float
    times: SlotTimes
    memory: MemoryTerms
    poll_s: float = 0.5
    idle_unload_s: float = 0.0
    batch_size: int = 0
    batch_rest_s: float = 0.0


class Conductor:
    """Conduct one job through one child at a time."""

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
        self._roster = Roster(terms.times)
        self._counsel = Counsel(terms.memory)
        self._bench = Bench(attempts=terms.attempts, stall_s=terms.stall_s)
        self._restarts = Restarts()
        self._cleans, self._recycles = Asks(), Asks()
        self._gate: Gate | None = None
        self._room: DeviceReading | DeviceUnknown | None = None
        self._unknown: DeviceUnknown | None = None
        self._ending: do.Finish | None = None
        self._finish: do.Finish | None = None
        self._start_at_s = -math.inf
        self._rest_until_s = -math.inf
        self._lines = 0
        self._alone_life = 0
        self._degrading = False
        self._told_paused = ""
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
            return self._too_late(event)
        self._take(event, at_s)
        self._expire(at_s)
        self._advance(at_s)
        self._tell_pause()
        if self._finish is not None:
            self._actions += self._cleans.refuse("the run is over") + self._recycles.refuse("the run is over")
        # Late ones are slow (fsync): the child has its next segment before they begin.
        self._late += self._counsel.drain_actions()
        last = [] if self._finish is None else [self._finish]
        return self._actions + self._late + last

    @property
    def next_deadline_s(self) -> float:
        """When the next Tick is due, monotonic seconds; infinite if nothing is timed."""
        if self._finish is not None:
            return math.inf
        current = self._roster.current
        due_s = [self._roster.deadline_s]
        if self._bench.hand is not None and current.speaks:
            due_s.append(self._bench.hand.stall.deadline_s)
        if current.state is State.IDLE:
            due_s += self._idle_deadlines_s(current)
        if not current.is_there:
            due_s += self._absent_deadlines_s()
        return min(due_s)

    # ------------------------------------------------------------------ what can be asked

    @property
    def counsel(self) -> Counsel:
        """What the memory policies think, for `status`."""
        return self._counsel

    @property
    def post(self) -> Post | None:
        """The child that gets the work; None while there is none."""
        return self._roster.current if self._roster.current.is_there else None

    @property
    def tallies(self) -> Tallies:
        """Counts of this run."""
        return self._tallies

    @property
    def waits_why(self) -> str:
        """Why nothing is handed out though there is work: a pause, the gate; empty if nothing holds it up."""
        return self._counsel.paused_why

    @property
    def waits_at_gate(self) -> bool:
        """Whether a dead child's device memory is waited for."""
        return self._gate is not None

    # ------------------------------------------------------------------ events

    def _too_late(self, event: ev.Event) -> list[do.Action]:
        return [do.Answer(ask=event.ask, error="the run is over")] if isinstance(event, ev.Asked) else []

    def _take(self, event: ev.Event, at_s: float) -> None:
        if isinstance(event, ev.Spawned | ev.Said | ev.Broke | ev.Ended | ev.Read | ev.SpawnFailed):
            post = self._roster.of(event.life)
            # What a life before left behind is nothing to this one, nor is anything to a dead one.
            if post is not None:
                self._take_of(post, event, at_s)
            elif isinstance(event, ev.Read) and event.life == 0 and not self._roster.current.is_there:
                self._read_room(event, at_s)
            return
        match event:
            case ev.Begun() | ev.Tick():
                pass
            case ev.Planned():
                self._planned = True
                self._tallies.begin(event.size, at_s)
                if self._told_paused:
                    self._record_pause()
            case ev.Offered():
                self._bench.offer(event.segments, exhausted=event.exhausted)
            case ev.Stored():
                self._stored(event, at_s)
            case ev.StoreFailed():
                self._end("full" if event.full else "unwritable", event.message)
                self._stop_children(at_once=True, at_s=at_s)
                # Nothing can be kept, whole or not, so nothing more of this child's is listened to.
                self._actions += self._bench.store_failed()
            case ev.StopAsked():
                self._end("stopped", event.why)
                self._stop_children(at_once=event.at_once, at_s=at_s)
            case ev.Degraded():
                self._degraded(event)
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
                self._tell_child(post, "starting", "")
            case ev.SpawnFailed():
                self._spawn_failed(post, event, at_s)
            case ev.Said():
                self._hear(post, event.message, at_s)
            case ev.Broke() if event.versions:
                self._end("configuration", event.why)
                self._stop_children(at_once=True, at_s=at_s)
            case ev.Broke():
                post.wish_end("broken", f"the child broke the wire's contract: {event.why}")
                self._move(post, Event.END_WANTED, at_s)
            case ev.Ended():
                self._bury(post, event, at_s)
            case ev.Read():
                self._read(post, event, at_s)
            case _:
                assert_never(event)

    def _spawn_failed(self, post: Post, event: ev.SpawnFailed, at_s: float) -> None:
        self._move(post, Event.EXITED, at_s)
        self._roster.forget(post)
        if post is self._roster.current or not event.retryable:
            self._end("cannot" if event.retryable else "configuration", event.why)
        else:
            self._alone_life = self._roster.current.life  # no room for two: the old one ends first

    def _hear(self, post: Post, message: say.FromChild, at_s: float) -> None:
        match message:
            case say.Greeting():
                self._greeted(post, message, at_s)
            case say.Ready():
                self._became_ready(post, message, at_s)
            case say.Chunk() | say.Progress():
                self._progressed(message, at_s)
            case say.Done():
                self._segment_done(post, message, at_s)
            case say.Failed():
                self._segment_failed(post, message, at_s)
            case say.Released():
                self._released(post, message, at_s)
            case say.Broken():
                post.last_words = message.message
                if message.kind in ("configuration", "voice_not_found"):
                    self._end("configuration", message.message)
            case say.Loading() | say.Voices():
                pass
            case _:
                assert_never(message)

    def _greeted(self, post: Post, greeting: say.Greeting, at_s: float) -> None:
        if post.state is not State.STARTING:
            return  # it is on its way out and does not know it yet
        post.greeted = True
        if greeting.protocol == say.PROTOCOL_VERSION and greeting.version == self._terms.version:
            hello = msgspec.structs.replace(self._terms.hello, life=post.life)
            self._actions.append(do.Send(life=post.life, message=hello))
            return
        self._end(
            "configuration",
            f"the child (Python {greeting.python}) runs tts-supervisor {greeting.version} with protocol "
            f"{greeting.protocol}, this is {self._terms.version} with {say.PROTOCOL_VERSION}: install the "
            "same version in both environments (child.python)",
        )
        self._stop_children(at_once=True, at_s=at_s)

    def _became_ready(self, post: Post, ready: say.Ready, at_s: float) -> None:
        if post.state is not State.STARTING:
            return  # too late: it is on its way out
        post.ready = ready
        if ready.weight_files:
            self._actions.append(do.LearnWeights(paths=tuple(ready.weight_files)))
        self._move(post, Event.READY, at_s)
        if post is self._roster.current:
            self._takes_up_work(post, at_s)
        self._tell_child(post, "ready", "")

    def _takes_up_work(self, post: Post, at_s: float) -> None:
        """A child is ready and gets the work from now on: it is weighed from here."""
        assert post.ready is not None
        self._heed(post, self._counsel.life_begins(post.life, post.ready, at_s), at_s)
        self._remark()
        self._actions += self._recycles.done(self._counsel.held, at_s)
        self._ask_reading(post, at_s)

    def _progressed(self, message: say.Chunk | say.Progress, at_s: float) -> None:
        hand = self._bench.hand
        if hand is None:
            return
        hand.stall.progress(at_s)
        if isinstance(message, say.Chunk):
            hand.meter.add(message.pcm_s16le)
            self._actions.append(do.AppendAudio(key=hand.segment.key, pcm_s16le=message.pcm_s16le))

    def _segment_done(self, post: Post, done: say.Done, at_s: float) -> None:
        hand, ready = self._bench.hand, post.ready
        if hand is None or ready is None:
            return
        fault = judge_pcm(hand.segment.text, hand.meter.heard(done.sample_rate_hz), ready.pace_s_per_char)
        audio_s = 0.0
        if fault is not None:
            message = f"the parent's check of the samples: {fault}"
            self._attempt_failed(post, hand, "quality", message, retryable=True)
        else:
            audio_s = done.samples / done.sample_rate_hz
            self._late.append(self._bench.store(hand, done))
            self._restarts.finished()
            self._count_line(hand, at_s)
        self._segment_over(post, hand, done.vitals, audio_s, at_s)

    def _segment_failed(self, post: Post, failed: say.Failed, at_s: float) -> None:
        hand = self._bench.hand
        if hand is None:
            return
        self._attempt_failed(post, hand, failed.kind, failed.message, retryable=failed.retryable)
        if failed.sticky:
            post.want_recycle(f"the child said that it cannot go on: {failed.message}", patient=False)
        self._segment_over(post, hand, failed.vitals, 0.0, at_s)

    def _attempt_failed(self, post: Post, hand: Hand, kind: str, message: str, *, retryable: bool) -> None:
        after = self._charge(hand, kind, message, retryable=retryable)
        if kind == "oom":
            post.release_why = "out of memory within a segment"
        # What this life has become may be the reason: the last try gets a fresh child.
        if after is Next.AGAIN and post.segments and self._bench.is_last_try(hand):
            post.want_recycle(
                f"segment {hand.segment.number + 1} failed {hand.attempts} times ({kind}): "
                "a fresh child for its last try",
                patient=False,
            )

    def _segment_over(self, post: Post, hand: Hand, vitals: say.Vitals, audio_s: float, at_s: float) -> None:
        post.segments += 1
        post.asked = False
        if post.state is State.DRAINING:
            post.wish_end("stop", self._why(post))
        self._move(post, Event.SEGMENT_OVER, at_s)
        if post.uses_device and self._counsel.device is not None:
            # Of its host memory the child itself has just told; of the device only the driver does.
            self._ask_reading(post, at_s)
        decisions = self._counsel.segment_over(hand.segment, audio_s=audio_s, vitals=vitals, at_s=at_s)
        self._heed(post, decisions, at_s)

    def _released(self, post: Post, released: say.Released, at_s: float) -> None:
        self._move(post, Event.RELEASED, at_s)
        post.release_why = ""  # one that was asked for before it was done asks for no second one
        post.asked = False
        self._tallies.cleans += 1
        decisions = self._counsel.released(released.after, released.took_s, at_s)
        self._actions += self._cleans.done(self._counsel.held, at_s)
        self._heed(post, decisions, at_s)
        self._ask_reading(post, at_s)

    def _stored(self, event: ev.Stored, at_s: float) -> None:
        self._bench.stored(event.segment)
        self._tallies.over(event.segment, event.seconds)
        spoken = SegmentSpoken(
            job=self._terms.job,
            segment=event.segment.number,
            seconds=event.seconds,
            sha256=event.sha256,
            attempts=event.attempts,
        )
        self._tell(spoken)
        self._tell(self._tallies.progress(at_s))

    def _asked(self, event: ev.Asked, at_s: float) -> None:
        asks = self._cleans if event.what == "clean" else self._recycles
        if self._ending is not None or self._bench.is_over:
            self._actions.append(do.Answer(ask=event.ask, error="the work is over: the child is leaving"))
        elif self._roster.current.ready is None:
            self._actions.append(do.Answer(ask=event.ask, error="there is no child that is ready"))
        else:
            asks.take(event.ask, at_s)

    def _count_line(self, hand: Hand, at_s: float) -> None:
        """Rest after every so many lines, where it is asked for."""
        self._lines += hand.segment.ends_line
        if self._terms.batch_size and hand.segment.ends_line and self._lines % self._terms.batch_size == 0:
            self._rest_until_s = at_s + self._terms.batch_rest_s

    # ------------------------------------------------------------------ memory

    def _ask_reading(self, post: Post, at_s: float) -> None:
        post.reading_until_s = at_s + READING_WAIT_S
        self._actions.append(do.ReadMemory())

    def _read(self, post: Post, read: ev.Read, at_s: float) -> None:
        post.reading_until_s = -math.inf
        self._watch_for_a_stop(post, stopped=read.stopped, at_s=at_s)
        self._learn_device(read)
        if read.device is not None and not isinstance(read.device, DeviceReading):
            level = "info" if read.device.kind == "absent" else "warning"
            self._once("device.unknown", read.device.text if post.uses_device else None, level)
        if post is not self._roster.current or post.ready is None:
            return
        device = read.device if post.uses_device or _holds_some(read.device) else None
        self._heed(post, self._counsel.read(read.host, device, pid=post.pid, at_s=at_s), at_s)
        self._remark()

    def _learn_device(self, read: ev.Read) -> None:
        self._unknown = read.device if isinstance(read.device, DeviceUnknown) else None

    def _read_room(self, read: ev.Read, at_s: float) -> None:
        """Nobody is there: look whether there is room for a child."""
        if self._gate is None and not self._counsel.paused_why:
            return
        self._room = read.device
        self._learn_device(read)
        self._counsel.read(read.host, read.device, pid=0, at_s=at_s)
        self._look_at_gate(at_s)
        if self._gate is None and self._counsel.panel.fresh_fits() is not False:
            self._counsel.paused_why = ""

    def _look_at_gate(self, at_s: float) -> None:
        if self._gate is None:
            return
        way = self._gate.judge(self._room, fits=self._counsel.panel.fresh_fits(), at_s=at_s)
        if self._is_lost:
            way = Way.HELD
        match way:
            case Way.OPEN:
                self._gate = None
                self._counsel.paused_why = ""
            case Way.WAIT:
                pass
            case Way.ROOM:
                # Not ours to wait for with a deadline: others may keep the card for hours.
                self._gate = None
                self._counsel.paused_why = "fit: others hold so much of the card that no child finds room"
                self._actions.append(do.WatchRoom(poll_s=self._terms.poll_s))
            case Way.HELD:
                self._gate = None
                self._end("held", self._held_why)
            case _:
                assert_never(way)

    @property
    def _is_lost(self) -> bool:
        return self._unknown is not None and self._unknown.kind == "lost"

    @property
    def _held_why(self) -> str:
        if isinstance(self._room, DeviceReading):
            return (
                f"the driver does not give back what the child held: {self._room.used_bytes / 2**20:.0f} of "
                f"{self._room.total_bytes / 2**20:.0f} MiB are still used {HARD_S:g} s after its end; "
                "nvidia-smi names what holds them; reset the GPU or reboot, then run it again"
            )
        return "the driver does not answer" if self._unknown is None else self._unknown.text

    def _heed(self, post: Post, decisions: list[Decision], at_s: float) -> None:
        for decision in decisions:
            why = f"{decision.policy}: {decision.why}"
            match decision.action:
                case "flag":
                    self._actions.append(do.Prefetch())
                case "clean":
                    post.release_why = why
                case "drain":
                    self._actions.append(do.Prefetch())
                    post.want_recycle(why, patient=decision.policy not in _IMPATIENT)
                case "kill":
                    post.wish_end("hard", why)
                    self._move(post, Event.END_WANTED, at_s)
                case "resume":
                    post.asked = False
                case "pause":
                    pass  # the counsel holds it
                case "refuse":
                    self._refuse(post, decision, why)
                case _:
                    assert_never(decision.action)

    def _refuse(self, post: Post, decision: Decision, why: str) -> None:
        if decision.scope != "text":
            self._end("configuration", why)
            return
        post.asked = False
        if self._terms.memory.may_degrade and self._bench.has_waiting:
            self._degrading = True
            self._actions.append(do.Degrade(chapter=self._bench.next_chapter, why=why))
        elif self._bench.has_waiting:
            self._set_aside_next(why)

    def _set_aside_next(self, why: str) -> None:
        segment, actions = self._bench.refuse("oom", why)
        self._actions += actions
        self._tallies.over(segment, 0.0)
        trouble = SegmentTrouble(
            job=self._terms.job,
            segment=segment.number,
            kind="oom",
            message=why,
            attempts=segment.attempts,
            final=True,
        )
        self._tell(trouble)

    def _degraded(self, event: ev.Degraded) -> None:
        self._degrading = False
        # What a text needs at another rate nobody has seen: it is tried, and learned from.
        self._roster.current.asked = event.step == "24khz"
        if event.size is not None:
            self._tallies.resize(event.size)
            self._bench.forget_fetched()
            self._tell(Notice(level="warning", name="degrade", text=event.why))
        elif self._bench.has_waiting:
            self._set_aside_next(event.why)

    def _remark(self) -> None:
        for text in self._counsel.panel.remarks():
            self._once(f"memory.{text}", text)

    def _tell_pause(self) -> None:
        why = self._counsel.paused_why
        if bool(why) is bool(self._told_paused):
            return
        self._told_paused = why
        text = "resumed: there is room again"
        if why:
            text = (
                f"paused: {why}; not the child's doing, so the job waits until others give memory back, "
                "or is stopped and run again with higher marks"
            )
        self._record_pause()
        self._tell(Notice(level="warning", name="paused", text=text))

    def _record_pause(self) -> None:
        if self._planned:  # before that there is no job in the ledger
            self._actions.append(do.SetPaused(why=self._told_paused))

    def _watch_for_a_stop(self, post: Post, *, stopped: bool, at_s: float) -> None:
        # A stopped process has a deadline of its own while it starts: `start_timeout_s` is made
        # for slow disks, and waiting cannot help one that was sent SIGSTOP.
        if not stopped or post.state is not State.STARTING:
            post.stopped_since_s = None
        elif post.stopped_since_s is None:
            post.stopped_since_s = at_s
        elif self._terms.stall_s and at_s - post.stopped_since_s >= self._terms.stall_s:
            post.wish_end("stalled", "stopped (SIGSTOP) while it started, and not woken again")
            self._move(post, Event.STALLED, at_s)

    # ------------------------------------------------------------------ ends

    def _end(self, ending: do.Ending, why: str) -> None:
        if self._ending is None:
            self._ending = do.Finish(ending=ending, why=why)

    def _stop_children(self, *, at_once: bool, at_s: float) -> None:
        """Bring the children to their end: after the segment in hand, or at once."""
        for post in self._roster:
            # A child that drains is still at work: how that ends is its own doing.
            if at_once or not post.speaks:
                post.wish_end("stop", self._why(post))
            self._move(post, Event.END_WANTED if at_once else Event.LEAVE_WANTED, at_s)

    def _why(self, post: Post) -> str:
        """Why the life ends, or the run, in words."""
        reason = post.wish or self._ending
        return "" if reason is None else reason.why

    def _bury(self, post: Post, event: ev.Ended, at_s: float) -> None:
        is_current = post is self._roster.current
        hand = self._bench.hand if is_current else None
        # One that never said a word over the wire may have said why on its stderr.
        last_words = post.last_words or ("" if post.greeted else event.last_line)
        obituary = read_death(event.death, post.wish, last_words=last_words, first_segment=post.segments == 0)
        if event.life == 1 and not post.greeted and event.death.exit_code is not None and event.last_line:
            # Not even the first one got to its first word, and it said why: another would not either.
            mend = "the interpreter needs this version of tts-supervisor installed"
            self._end("configuration", f"child.python: the child {obituary.why}; {mend}")
        self._move(post, Event.EXITED, at_s)
        bury = do.Bury(
            life=event.life,
            death=event.death,
            why=obituary.why,
            planned=obituary.planned,
            segments=post.segments,
        )
        self._actions.append(bury)
        self._tell_child(post, "gone", obituary.why, obituary=obituary, death=event.death)
        if hand is not None and self._bench.is_to_be_charged(hand, obituary):
            self._charge(hand, obituary.kind, obituary.why, retryable=True)
        elif hand is not None:
            self._actions += self._bench.take_back(hand, obituary)
        self._count_end(obituary, hand, at_s)
        self._leaves_a_place(post, obituary, at_s)

    def _leaves_a_place(self, post: Post, obituary: Obituary, at_s: float) -> None:
        """Fill, guard or forget the place of one that is gone."""
        if post is self._roster.successor:
            self._alone_life = self._roster.current.life  # it failed to take over: the old one ends first
        self._roster.forget(post)
        if post is not self._roster.current:
            return
        held_bytes, before = self._counsel.panel.own_device_bytes, self._counsel.device
        if post.ready is not None:
            self._counsel.life_ended(post.life, obituary.why, at_s)
        self._counsel.paused_why = ""
        if self._roster.successor is not None:
            self._hand_over(at_s)
            return
        if self._ending is not None or (self._bench.is_over and self._bench.is_stored):
            self._actions += self._recycles.done(NOTHING, at_s)
        self._actions += self._cleans.refuse("the child ended before it could release its caches")
        if post.uses_device and self._is_lost and not obituary.planned:
            self._room = None
            self._end("held", self._held_why)
        elif post.uses_device and held_bytes and before is not None and self._bench.has_waiting:
            self._gate = Gate(before=before, own_bytes=held_bytes, at_s=at_s)
            self._room = None
            self._actions.append(do.WatchRoom(poll_s=POLL_S))

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
        current, hand = self._roster.current, self._bench.hand
        if hand is not None and current.speaks and hand.stall.is_stalled(at_s):
            number, stall_s = hand.segment.number, self._terms.stall_s
            current.wish_end(
                "stalled", f"no progress on segment {number + 1} for {stall_s:g} s (child.stall_s)"
            )
            self._move(current, Event.STALLED, at_s)
        for post in self._roster:
            if post.slot.is_late(at_s):
                self._out_of_time(post, at_s)
        self._look_at_gate(at_s)

    def _out_of_time(self, post: Post, at_s: float) -> None:
        if post.state is State.STARTING:
            limit_s = self._terms.times.start_s
            post.wish_end("unready", f"not ready within {limit_s:g} s (child.start_timeout_s)")
        elif post.state is State.RELEASING:
            post.wish_end("stalled", "did not release its caches in time")
        self._move(post, Event.OUT_OF_TIME, at_s)

    def _advance(self, at_s: float) -> None:
        """Do what the present state allows next."""
        if at_s >= self._rest_until_s:
            self._rest_until_s = -math.inf
        if self._ending is None and self._planned:
            self._actions += self._bench.fetch()
        if self._ending is not None or self._bench.is_over:
            self._dismiss(self._roster.successor, at_s)
            if self._roster.current.state is State.STARTING and self._ending is None:
                # Started while the job was planned, and then there was nothing to speak.
                self._dismiss(self._roster.current, at_s)
        current = self._roster.current
        if current.state is State.IDLE and current.reading_until_s <= at_s:
            current.reading_until_s = -math.inf  # it was waited for long enough
            self._attend(current, at_s)
        if not self._roster.current.is_there:
            self._without_a_child(at_s)

    def _dismiss(self, post: Post | None, at_s: float) -> None:
        if post is not None and post.state in (State.STARTING, State.IDLE):
            post.wish_end("over" if self._ending is None else "stop", self._why(post) or "no work")
            self._move(post, Event.LEAVE_WANTED, at_s)

    def _without_a_child(self, at_s: float) -> None:
        if self._ending is not None:
            if self._bench.is_stored and not list(self._roster):
                self._finish = self._ending
        elif self._bench.has_waiting or self._is_early:
            if self._may_start(at_s):
                self._spawn(self._roster.begin_current(), at_s)
        elif self._bench.is_over and self._bench.is_stored and not list(self._roster):
            self._finish = do.Finish(ending="spoken", why="")

    def _may_start(self, at_s: float) -> bool:
        held_up = self._gate is not None or self._counsel.paused_why or at_s < self._rest_until_s
        return not held_up and at_s >= self._start_at_s

    def _spawn(self, post: Post, at_s: float) -> None:
        self._move(post, Event.START_DUE, at_s)
        if post is self._roster.current:
            self._actions.append(do.Watch(life=post.life))

    @property
    def _is_early(self) -> bool:
        """Whether the first child is to be started before there is anything to speak."""
        return not self._planned and self._roster.lives == 0

    def _attend(self, post: Post, at_s: float) -> None:
        """A child is ready and has nothing in hand: find what it is to do."""
        idle_since_s, post.idle_since_s = post.idle_since_s, None
        if self._recycles.is_waiting:
            post.want_recycle("asked for", patient=True)
        if self._ending is not None:
            self._stop_children(at_once=False, at_s=at_s)
        elif self._bench.is_over:
            self._actions += self._cleans.refuse("the work is over")
            self._recycles.begin(self._counsel.held, at_s)
            post.wish_end("over", "no more work")
            self._move(post, Event.LEAVE_WANTED, at_s)
        elif post.recycle is not None and self._is_worn(post):
            self._replace(post, at_s)
        elif post.release_why or self._cleans.is_waiting:
            self._release(post, at_s)
        elif not self._has_work(at_s):
            self._idle(post, at_s if idle_since_s is None else idle_since_s, at_s)
        else:
            self._work(post, at_s)

    def _has_work(self, at_s: float) -> bool:
        held_up = self._degrading or self._counsel.paused_why or at_s < self._rest_until_s
        return self._bench.has_waiting and not held_up

    def _is_worn(self, post: Post) -> bool:
        """Say whether a fresh child would be fresher; one that spoke nothing is as fresh as any."""
        if not post.segments and not self._recycles.is_waiting and not self._recycles.is_begun:
            post.recycle = None
        return post.recycle is not None

    def _release(self, post: Post, at_s: float) -> None:
        self._cleans.begin(self._counsel.held, at_s)
        self._tell_child(post, "releasing", post.release_why or "asked for")
        post.release_why = ""
        self._move(post, Event.RELEASE_WANTED, at_s)

    def _replace(self, post: Post, at_s: float) -> None:
        """Bring a fresh child: beside the old one where both fit, else after it."""
        assert post.recycle is not None
        self._recycles.begin(self._counsel.held, at_s)
        successor = self._roster.successor
        if successor is None and self._may_have_two(post, at_s):
            successor = self._roster.begin_successor()
            self._spawn(successor, at_s)
        if successor is None:
            post.wish_end("recycle", post.recycle.why)
            self._move(post, Event.LEAVE_WANTED, at_s)
        elif successor.state is State.IDLE:
            self._hand_over(at_s)
        elif post.recycle.patient and self._may_go_on(post):
            self._hand_out(post, at_s)

    def _may_go_on(self, post: Post) -> bool:
        """Say whether the old one may speak the next text while its successor gets ready."""
        held_up = post.release_why or self._counsel.paused_why or self._degrading
        if held_up or not self._bench.has_waiting:
            return False
        return self._counsel.panel.may_go_on(self._bench.next_chars)

    def _may_have_two(self, post: Post, at_s: float) -> bool:
        alone = self._alone_life == post.life or at_s < self._start_at_s
        return not alone and self._counsel.panel.two_fit()

    def _hand_over(self, at_s: float) -> None:
        """Give the successor the work; the old one leaves."""
        old, new = self._roster.hand_over()
        if old.is_there:
            old.wish_end("recycle", "" if old.recycle is None else old.recycle.why)
            self._move(old, Event.LEAVE_WANTED, at_s)
            self._counsel.life_ended(old.life, self._why(old), at_s)
        self._actions.append(do.Watch(life=new.life))
        if new.ready is not None:
            self._takes_up_work(new, at_s)

    def _work(self, post: Post, at_s: float) -> None:
        if not post.asked:
            post.asked = True
            if decisions := self._counsel.ask(self._bench.queue, at_s):
                self._heed(post, decisions, at_s)
                if post.state is State.IDLE:  # what was decided may have to be done first
                    self._attend(post, at_s)
                return
        self._hand_out(post, at_s)

    def _hand_out(self, post: Post, at_s: float) -> None:
        self._actions += self._bench.hand_out(at_s)
        assert self._bench.hand is not None
        self._counsel.handed_out(self._bench.hand.segment, at_s)
        self._move(post, Event.HAND_OUT, at_s)
        limit = self._terms.memory.max_segments
        is_last = bool(limit) and post.segments + 1 >= limit and self._bench.has_waiting
        # Known beforehand: the successor gets ready while the last segment is spoken.
        if is_last and self._roster.successor is None and self._may_have_two(post, at_s):
            self._spawn(self._roster.begin_successor(), at_s)

    def _idle(self, post: Post, since_s: float, at_s: float) -> None:
        """Nothing to do now: give the whole device back where that lasts."""
        post.idle_since_s = since_s
        limit_s = self._terms.idle_unload_s
        if limit_s and at_s >= since_s + limit_s and self._bench.has_waiting:
            paused_why = self._counsel.paused_why
            post.wish_end("idle", f"nothing to do for {limit_s:g} s (child.idle_unload_s)")
            self._move(post, Event.LEAVE_WANTED, at_s)
            if paused_why:
                self._actions.append(do.WatchRoom(poll_s=self._terms.poll_s))

    def _idle_deadlines_s(self, post: Post) -> list[float]:
        due_s: list[float] = []
        if math.isfinite(post.reading_until_s):
            due_s.append(post.reading_until_s)
        if post.idle_since_s is not None and math.isfinite(self._rest_until_s):
            due_s.append(self._rest_until_s)
        if self._terms.idle_unload_s and post.idle_since_s is not None and self._bench.has_waiting:
            due_s.append(post.idle_since_s + self._terms.idle_unload_s)
        return due_s

    def _absent_deadlines_s(self) -> list[float]:
        if self._ending is not None or not self._bench.has_waiting:
            return []
        if self._gate is not None:
            return [self._gate.next_deadline_s]
        return [] if self._counsel.paused_why else [max(self._start_at_s, self._rest_until_s)]

    def _move(self, post: Post, event: Event, at_s: float) -> None:
        """Take one event through the lifecycle table and carry out what it asks for."""
        before = post.state
        for todo in post.slot.take(event, at_s):
            self._carry_out(post, todo)
        name = _SHOWN.get(post.state)
        if post.state is not before and name is not None:
            self._tell_child(post, name, self._why(post))

    def _carry_out(self, post: Post, todo: Do) -> None:
        life, hand = post.life, self._bench.hand
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
                why = f"the child, pid {post.pid}, is not ended by SIGKILL: a driver call holds it"
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
        self,
        post: Post,
        state: ChildStateName,
        why: str,
        *,
        obituary: Obituary | None = None,
        death: Death | None = None,
    ) -> None:
        note = ChildState(
            life=post.life,
            state=state,
            why=why,
            signal=None if death is None else death.signal_name,
            memory=self._counsel.figures() if post is self._roster.current else {},
            planned=obituary is not None and obituary.planned,
            recycled=obituary is not None and obituary.recycled,
            pid=post.pid,
            how="" if death is None else death.in_words,
            segments=post.segments,
        )
        self._tell(note)


#: After these the old child speaks nothing more: it is above a mark, the next text would not fit
#: beside what it holds, or the clock says that it is over.
_IMPATIENT = frozenset({"watermark", "headroom", "clock"})

_SHOWN: dict[State, ChildStateName] = {
    State.DRAINING: "draining",
    State.LEAVING: "leaving",
    State.TERMINATING: "dying",
    State.DUMPING: "dying",
    State.DYING: "dying",
    State.STUCK: "stuck",
}


def _holds_some(device: DeviceReading | DeviceUnknown | None) -> bool:
    """Say whether a child that does not speak of a device holds some of it all the same."""
    return isinstance(device, DeviceReading) and bool(device.child_bytes)


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
