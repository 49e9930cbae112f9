"""A make-believe world for the conductor: a ledger, a disk, a clock, one child.

It carries out every action as `supervisor/loop/runner.py` does, and asserts that the action was
legal. Answers come before the next event from outside, in order; time only moves by `advance`,
which never jumps over a deadline.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.conductor import Conductor
from supervisor.core.death import Death
from supervisor.core.notes import ChildState, Note
from supervisor.core.tallies import JobSize
from supervisor.wire import messages as say
from tests.supervisor.core.ground import STALL_S, Faults, Row, segment, terms
from tests.supervisor.core.makebelieve import Child, pcm_of

#: Between two readings.
POLL_S = 0.5


@dataclass
class World:
    """Everything outside the conductor.

    Attributes:
        keys: Of the segments in speaking order; a key that stands twice is a twin.
        batch: Most segments in one answer to `Fetch`.
        planned: False: the run begins before there is a plan; `plan` brings it.
        stays: The run does not end by itself; jobs come by `add`.
    """

    keys: list[str]
    attempts: int = 3
    batch: int = 32
    stall_s: float = STALL_S
    planned: bool = True
    stays: bool = False
    now_s: float = 100.0
    faults: Faults = field(default_factory=Faults)
    rows: dict[str, Row] = field(default_factory=dict[str, Row])
    max_segments: int = 0
    idle_unload_s: float = 0.0
    batch_size: int = 0
    batch_rest_s: float = 0.0
    may_degrade: bool = False
    uses_device: bool = False
    reference: say.Reference | None = None
    children: dict[int, Child] = field(default_factory=dict[int, Child])
    focus: int = 0  # the life that tests act upon
    watched: int = 0  # the life whose memory is read; 0 = the room for one
    finish: do.Finish | None = None
    spawns: int = 0
    sound: bool = True  # False once a law was broken
    notes: list[Note] = field(default_factory=list[Note])
    acts: list[do.Action] = field(default_factory=list[do.Action])
    burials: list[do.Bury] = field(default_factory=list[do.Bury])
    degraded: ev.Degraded | None = None  # the answer to Degrade; None = it cannot be done
    over: list[str] = field(default_factory=list[str])  # jobs, as told
    jobs: dict[str, bool] = field(default_factory=dict[str, bool])  # that came later; whether ahead
    withdrawn: set[str] = field(default_factory=set[str])
    answers: list[do.Answer] = field(default_factory=list[do.Answer])

    def __post_init__(self) -> None:
        self.order = [
            segment(number, key, twins=self.keys.count(key)) for number, key in enumerate(self.keys)
        ]
        for one in self.order:
            self.rows.setdefault(one.key, Row(segment=one))
        self.begin()

    def begin(self) -> None:
        """A parent starts: what the one before had in hand is taken back as killed."""
        self.children = {}
        self.watched = 0
        self.is_watching = False
        self.finish = None
        self.over.clear()
        self._inbox: deque[ev.Event] = deque()
        self._on_disk: list[ev.Event] = []
        self._parts: dict[str, bytes] = {}
        self._disk_failed = self._store_failure_told = False
        self._spawned_life = 0
        self._claimed = ""
        self._handed_out: set[int] = set()
        for row in self.rows.values():
            row.return_orphan()
        self._is_planned = self.planned
        size = self._size() if self.planned and "j" not in self.withdrawn else None
        under = terms(
            attempts=self.attempts,
            stall_s=self.stall_s,
            max_segments=self.max_segments,
            idle_unload_s=self.idle_unload_s,
            batch_size=self.batch_size,
            batch_rest_s=self.batch_rest_s,
            may_degrade=self.may_degrade,
            reference=self.reference,
            stays=self.stays,
        )
        self.conductor = Conductor(under, size, at_s=self.now_s)
        self.tell(ev.Begun())
        for job, ahead in self.jobs.items():
            # Who waited for a request has left with the parent; a job is in the ledger.
            if ahead:
                self.withdrawn.add(job)
            elif job not in self.withdrawn:
                self.tell(ev.Planned(size=self._size_of(job)))

    def _size(self) -> JobSize:
        return JobSize(job="j", segments=len(self.keys), over=0, chars_left=100, audio_s=0.0, titles=("T",))

    def add(self, job: str, keys: Sequence[str], *, ahead: bool = False) -> None:
        """One more job comes; its keys are in no other."""
        added = [segment(number, key, job=job) for number, key in enumerate(keys)]
        self.order += added
        self.rows |= {one.key: Row(segment=one) for one in added}
        self.jobs[job] = ahead
        self.tell(ev.Planned(size=self._size_of(job), ahead=ahead))

    def _size_of(self, job: str) -> JobSize:
        segments = sum(one.job == job for one in self.order)
        return JobSize(job=job, segments=segments, over=0, chars_left=100, audio_s=0.0, titles=("T",))

    @property
    def is_settled(self) -> bool:
        """Whether everything that somebody wants is done or set aside."""
        wanted = [row for row in self.rows.values() if row.segment.job not in self.withdrawn]
        return not any(row.in_hand for row in self.rows.values()) and all(
            row.state != "waiting" for row in wanted
        )

    def plan(self) -> None:
        """The plan is ready, if it was not."""
        if not self._is_planned:
            self._is_planned = True
            if "j" not in self.withdrawn:
                self.tell(ev.Planned(size=self._size()))

    # ------------------------------------------------------------------ events

    def tell(self, event: ev.Event) -> list[do.Action]:
        """Bring an event and everything that it leads to; return the actions."""
        self.sound = False
        self._inbox.append(event)
        acted: list[do.Action] = []
        while self._inbox:
            event = self._inbox.popleft()
            self._store_failure_told |= isinstance(event, ev.StoreFailed)
            actions = self.handle(event)
            for action in actions:
                assert self.finish is None or isinstance(action, do.Answer), f"{action} after the end"
                self._act(action)
            acted += actions
            assert len(acted) < 1000, "it asks for ever"
        self.acts += acted
        self._check()
        self.sound = True
        return acted

    def handle(self, event: ev.Event) -> list[do.Action]:
        """Ask the conductor."""
        return self.conductor.handle(event, self.now_s)

    def says(self, message: say.FromChild, *, child: Child | None = None) -> list[do.Action]:
        return self.tell(ev.Said(life=(child or self.alive).life, message=message))

    def dies(self, death: Death, *, last_line: str = "", child: Child | None = None) -> list[do.Action]:
        """The child's process ends; the parent learns it by `bury`."""
        child = child or self.alive
        child.fate = child.fate or death
        return self.bury(last_line=last_line, child=child)

    def bury(self, *, last_line: str = "", child: Child | None = None) -> list[do.Action]:
        child = child or self.alive
        assert child.fate is not None
        return self.tell(ev.Ended(life=child.life, death=child.fate, last_line=last_line))

    def reads(self) -> list[do.Action]:
        """A reading of memory arrives."""
        return self.tell(self.faults.reading(self.children.get(self.watched)))

    def disk_answers(self) -> None:
        """What is on disk already is told now."""
        while self._on_disk:
            self.tell(self._on_disk.pop(0))

    def withdraw(self, job: str) -> list[do.Action]:
        self.withdrawn.add(job)
        return self.tell(ev.Withdrawn(job=job))

    def stop(self, *, at_once: bool = False) -> list[do.Action]:
        return self.tell(ev.StopAsked(at_once=at_once, why="stopped by SIGINT"))

    def advance(self, seconds: float) -> None:
        """Let time pass, with a Tick at each deadline on the way; a death is known at once."""
        target_s = self.now_s + seconds
        self._bury_the_dead()
        while (due_s := self.conductor.next_deadline_s) <= target_s:
            self.now_s = due_s
            self.tell(ev.Tick())
            self._bury_the_dead()
        self.now_s = target_s

    def _bury_the_dead(self) -> None:
        for child in [child for child in self.children.values() if child.fate is not None]:
            self.bury(child=child)

    def behave(self) -> None:
        """Let the child do the next right thing; if there is none, let time pass to the next deadline."""
        self.disk_answers()
        self._bury_the_dead()
        for child in reversed(list(self.children.values())):  # a successor is not starved
            step = child.well_behaved()
            if isinstance(step, Death):
                self.dies(step, child=child)
                return
            if step is not None:
                self.says(step, child=child)
                return
        if math.isfinite(self.conductor.next_deadline_s):
            self.advance(self.conductor.next_deadline_s - self.now_s)
        elif not self._is_planned:
            self.plan()
        elif self.finish is None and not (self.stays and self.is_settled and not self.children):
            assert self.is_watching, "nothing is timed and nothing is read: nothing would ever happen"
            self.now_s += POLL_S
            self.reads()

    def run_on(self, steps: int = 5000) -> do.Finish:
        """Let the child behave until the run is over."""
        self.plan()
        for _ in range(steps):
            if self.finish is not None:
                return self.finish
            if self.stays and self.is_settled:
                self.stop()
            self.behave()
        raise AssertionError(f"no end after {steps} steps")

    # ------------------------------------------------------------------ what is so

    @property
    def child(self) -> Child | None:
        """The child that is looked at, else the one that was there first."""
        return self.children.get(self.focus) or next(iter(self.children.values()), None)

    @property
    def alive(self) -> Child:
        assert self.child is not None
        return self.child

    @property
    def states(self) -> list[str]:
        """Of the child's slot, as told."""
        return [note.state for note in self.notes if isinstance(note, ChildState)]

    def done(self) -> list[str]:
        return [key for key, row in self.rows.items() if row.state == "done"]

    def _check(self) -> None:
        hands = [key for key, row in self.rows.items() if row.in_hand]
        assert len(hands) <= 1, f"in hand at once: {hands}"
        due_s = self.conductor.next_deadline_s
        assert due_s > self.now_s, f"a tick for {due_s} at {self.now_s} would spin"
        if self.finish is not None:
            assert math.isinf(due_s)

    # ------------------------------------------------------------------ actions

    def _act(self, action: do.Action) -> None:  # noqa: PLR0912 - a branch for each kind of action
        match action:
            case do.Fetch():
                self._fetch(action)
            case do.Spawn():
                self._spawn(action)
            case do.Send():
                self._send(self.children[action.life], action.message)
            case do.Signal():
                self.children[action.life].gets(action.what)
            case do.Watch():
                self.watched, self.is_watching = action.life, action.life in self.children
            case do.WatchRoom():
                self.watched, self.is_watching = 0, True
            case do.ReadMemory():
                if self.faults.driver_answers:
                    self._inbox.append(self.faults.reading(self.children[self.watched]))
            case do.LearnWeights() | do.Prefetch() | do.Trace() | do.SetPaused():
                pass
            case do.Degrade():
                self._inbox.append(
                    self.degraded or ev.Degraded(job=action.job, step=None, why="cannot", size=None)
                )
            case do.Answer():
                self.answers.append(action)
            case do.Claim() | do.Unclaim() | do.Charge() | do.SetAside():
                self._write(action)
            case do.OpenAudio() | do.AppendAudio() | do.DropAudio() | do.StoreAudio():
                self._audio(action)
            case do.Bury():
                assert self.children.pop(action.life).fate is not None
                self.burials.append(action)
                self.is_watching = self.is_watching and self.watched != action.life
            case do.JobOver():
                rows = [row for row in self.rows.values() if row.segment.job == action.job]
                assert not [row for row in rows if row.in_hand]
                assert action.job in self.withdrawn or all(row.state != "waiting" for row in rows)
                assert action.job not in self.over, "told twice"
                self.over.append(action.job)
            case do.Tell():
                self.notes.append(action.note)
            case do.Finish():
                self._end(action)

    def _fetch(self, action: do.Fetch) -> None:
        assert self._is_planned or action.job != "j"
        after = [one for one in self.order if one.job == action.job and one.number > action.after]
        waiting = [one for one in after if self.rows[one.key].state == "waiting"]
        limit = min(self.batch, action.limit)
        batch = tuple(self.rows[one.key].offered(one) for one in waiting[:limit])
        self._inbox.append(ev.Offered(job=action.job, segments=batch, exhausted=len(waiting) < limit))

    def _spawn(self, action: do.Spawn) -> None:
        assert len(self.children) <= bool(self.faults.available_bytes), "two children and no hand-over"
        assert action.life == self._spawned_life + 1
        self._spawned_life = action.life
        self.spawns += 1
        if self.faults.spawn != "well":
            no_room = self.faults.spawn == "no room"
            self._inbox.append(ev.SpawnFailed(life=action.life, why=self.faults.spawn, retryable=no_room))
            return
        self.children[action.life] = child = Child(action.life)
        child.uses_device = self.uses_device
        self._inbox.append(ev.Spawned(life=action.life, pid=child.pid))

    def _send(self, child: Child, message: say.FromParent) -> None:
        if isinstance(message, say.Synthesize):
            row = self.rows[self._claimed]
            assert row.in_hand
            assert message.segment_id == row.segment.number
            assert message.text == row.segment.text
            assert message.attempt not in self._handed_out, "an attempt's number was used before"
            self._handed_out.add(message.attempt)
        child.hear(message)

    def _write(self, action: do.Claim | do.Unclaim | do.Charge | do.SetAside) -> None:
        assert self.rows[action.key].segment.job == action.job
        self.rows[action.key].write(action)
        if isinstance(action, do.Claim):
            self._claimed = action.key

    def _audio(self, action: do.OpenAudio | do.AppendAudio | do.DropAudio | do.StoreAudio) -> None:
        if isinstance(action, do.DropAudio):
            self._parts.pop(action.key, None)
            return
        assert not self._store_failure_told, f"{action} though the disk takes nothing more"
        if self.faults.disk != "well" and not self._disk_failed:
            self._disk_failed = True
            self._parts.clear()
            self._inbox += self._on_disk
            self._on_disk.clear()
            self._inbox.append(ev.StoreFailed(full=self.faults.disk == "full", message=self.faults.disk))
        if self._disk_failed:
            return
        match action:
            case do.OpenAudio():
                assert action.key not in self._parts, "audio begun over audio"
                self._parts[action.key] = b""
            case do.AppendAudio():
                self._parts[action.key] += action.pcm_s16le
            case do.StoreAudio():
                self._store(action)

    def _store(self, action: do.StoreAudio) -> None:
        key = action.segment.key
        row, pcm = self.rows[key], self._parts.pop(key)
        assert pcm == pcm_of(action.segment.text, action.done.attempt), "spliced or cut"
        assert action.attempts == row.attempts, "the conductor counts otherwise than the ledger"
        row.store()
        stored = ev.Stored(segment=action.segment, seconds=1.0, sha256="0", attempts=action.attempts)
        (self._inbox if self.faults.disk_answers else self._on_disk).append(stored)

    def _end(self, action: do.Finish) -> None:
        self.finish = action
        if action.ending == "stuck":
            return
        assert not self.children, "a child is left behind"
        assert not self._parts, "audio begun, and neither stored nor dropped"
        assert not [key for key, row in self.rows.items() if row.in_hand]
        if action.ending == "spoken":
            assert not self.stays, "a service does not end by itself"
            assert all(row.state != "waiting" for row in self.rows.values())
