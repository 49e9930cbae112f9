"""What the parts of the conductor share: the run as it stands, and what is to be done about it."""

import math
from dataclasses import dataclass
from typing import Literal

from supervisor.core import actions as do
from supervisor.core.asks import Asks, Held
from supervisor.core.bench import Bench
from supervisor.core.counsel import Counsel
from supervisor.core.death import Death
from supervisor.core.hand import Hand
from supervisor.core.lifecycle import Do, Event, State
from supervisor.core.memoryterms import MemoryTerms
from supervisor.core.notes import ChildState, ChildStateName, Note, Notice, SegmentTrouble
from supervisor.core.obituary import Obituary
from supervisor.core.post import Post
from supervisor.core.roster import Roster
from supervisor.core.slot import SlotTimes
from supervisor.core.tallies import Counts
from supervisor.core.tray import Tray
from supervisor.policy.attempts import Next
from supervisor.policy.restarts import Restarts
from supervisor.wire import messages as say

#: How long a hand-out waits for a fresh reading after ready or a release. NVML answers in
#: about a millisecond; a driver that takes longer is not worth waiting for.
READING_WAIT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the conductor works under.

    Attributes:
        job: Id, where the run is of one job; else empty.
        lives: Of runs before this one: numbers of lives go on from there.
        step: Between two numbers of lives: as many run beside each other, each on a device of its own.
        carries_past: Whether what a segment leaves is for the next of its chapter.
        stays: Whether it goes on when nothing is left to do: jobs come and go.
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
    stays: bool = False
    lives: int = 0
    step: int = 1
    carries_past: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What conductors have in common that work on the same jobs, each with a device of its own.

    Attributes:
        bench: The segments.
        counts: What became of the children.
    """

    bench: Bench
    counts: Counts

    @classmethod
    def of(cls, terms: Terms) -> "Shared":
        """Return it as it is at the beginning of a run."""
        bench = Bench(attempts=terms.attempts, stall_s=terms.stall_s, carries_past=terms.carries_past)
        return cls(bench=bench, counts=Counts())


class Desk:
    """One run, on one device.

    Attributes:
        terms: What it works under.
        counts: What became of the children.
        roster: Who is there.
        counsel: The memory policies.
        bench: The segments.
        restarts: When the next child may come.
        cleans: Who asks for a release.
        recycles: Who asks for a fresh child.
        ending: Why the run is to end; None while it is not.
        finish: How it ended; None while it goes on.
        start_at_s: The next child not before this.
        rest_until_s: Nothing is handed out before this.
        lines: JSONL lines spoken in this run.
        alone_life: Of the life whose successor failed to come beside it: it ends first.
        unloaded: Whether the child was ended because there was nothing to do: none is there until there is.
        degrading: Whether a chapter is being cut otherwise.
        actions: To be done at once, in order.
        late: Slow ones (fsync), or mere telling: after them.
    """

    def __init__(self, terms: Terms, shared: Shared | None = None) -> None:
        shared = shared or Shared.of(terms)
        self.terms = terms
        self.counts = shared.counts
        self.bench = shared.bench
        self.roster = Roster(terms.times, terms.lives, terms.step)
        self.counsel = Counsel(terms.memory)
        self.restarts = Restarts()
        self.cleans, self.recycles = Asks(), Asks()
        self.ending: do.Finish | None = None
        self.finish: do.Finish | None = None
        self.start_at_s = -math.inf
        self.rest_until_s = -math.inf
        self.lines = 0
        self.alone_life = 0
        self.unloaded = False
        self.degrading = False
        self.said_once: set[str] = set()
        self.actions: list[do.Action] = []
        self.late: list[do.Action] = []

    def act(self, action: do.Action) -> None:
        """Have this done."""
        self.actions.append(action)

    @property
    def wants_child(self) -> bool:
        """Whether a child is wanted where none is."""
        return self.bench.has_waiting or (self.terms.stays and not self.unloaded)

    def ask_reading(self, post: Post, at_s: float) -> None:
        """Have memory read; the next hand-out waits for it, for a moment."""
        post.reading_until_s = at_s + READING_WAIT_S
        self.act(do.ReadMemory())

    def end_cleans(self, held: Held, why: str, at_s: float) -> None:
        """Answer who asked for a release: with what is held where it was carried out, else with why not."""
        if self.cleans.awaits_reading:
            self.actions += self.cleans.done(held, at_s)
        self.actions += self.cleans.refuse(why)

    def end(self, ending: do.Ending, why: str) -> None:
        """Bring the run to its end; the first reason stands."""
        if self.ending is None:
            self.ending = do.Finish(ending=ending, why=why)

    def stop_children(self, *, at_once: bool, at_s: float) -> None:
        """Bring the children to their end: after the segment in hand, or at once."""
        for post in self.roster:
            # A child that drains is still at work: how that ends is its own doing.
            if at_once or not post.speaks:
                post.wish_end("stop", self.why(post))
            self.move(post, Event.END_WANTED if at_once else Event.LEAVE_WANTED, at_s)

    def why(self, post: Post) -> str:
        """Why the life ends, or the run, in words."""
        reason = post.wish or self.ending
        return "" if reason is None else reason.why

    def charge(self, hand: Hand, kind: str, message: str, *, retryable: bool) -> Next:
        """Make the segment in hand pay for its hand-out, and tell of it."""
        after, actions = self.bench.charge(hand, kind, message, retryable=retryable)
        self.actions += actions
        if after is Next.SET_ASIDE:
            self.bench.of(hand.segment).tallies.over(hand.segment, 0.0)
        self.tell(
            SegmentTrouble(
                job=hand.segment.job,
                segment=hand.segment.number,
                kind=kind,
                message=message,
                attempts=hand.attempts,
                final=after is Next.SET_ASIDE,
            )
        )
        return after

    def set_aside_next(self, tray: Tray, why: str) -> None:
        """Give a job's next segment up without handing it out."""
        segment, actions = tray.refuse("oom", why)
        self.actions += actions
        tray.tallies.over(segment, 0.0)
        trouble = SegmentTrouble(
            job=segment.job,
            segment=segment.number,
            kind="oom",
            message=why,
            attempts=segment.attempts,
            final=True,
        )
        self.tell(trouble)

    def dismiss(self, post: Post | None, at_s: float) -> None:
        """Send one away that has no work in hand."""
        if post is not None and post.state in (State.STARTING, State.IDLE):
            post.wish_end("over" if self.ending is None else "stop", self.why(post) or "no work")
            self.move(post, Event.LEAVE_WANTED, at_s)

    def spawn(self, post: Post, at_s: float) -> None:
        """Have the process of a post started."""
        self.unloaded = False
        post.started_s = at_s
        self.move(post, Event.START_DUE, at_s)
        if post is self.roster.current:
            self.act(do.Watch(life=post.life))

    def move(self, post: Post, event: Event, at_s: float) -> None:
        """Take one event through the lifecycle table and carry out what it asks for."""
        before = post.state
        for todo in post.slot.take(event, at_s):
            self._carry_out(post, todo)
        name = _SHOWN.get(post.state)
        if post.state is not before and name is not None:
            self.tell_child(post, name, self.why(post))

    def _carry_out(self, post: Post, todo: Do) -> None:
        life, hand = post.life, post.hand
        match todo:
            case Do.SPAWN:
                self.act(do.Spawn(life=life))
            case Do.SEND_SEGMENT if hand is not None:
                self.act(do.Send(life=life, message=hand.order))
            case Do.ASK_RELEASE:
                self.act(do.Send(life=life, message=say.Release()))
            case Do.ASK_EXIT:
                self.act(do.Send(life=life, message=say.Exit()))
            case Do.TERMINATE:
                self.act(do.Signal(life=life, what="terminate"))
            case Do.DUMP_STACK:
                self.act(do.Signal(life=life, what="dump_stack"))
            case Do.KILL_GROUP:
                self.act(do.Signal(life=life, what="kill_group"))
            case Do.REPORT_STUCK:
                why = f"the child, pid {post.pid}, is not ended by SIGKILL: a driver call holds it"
                self.finish = do.Finish(ending="stuck", why=why)
            case _:  # BURY: done where the death is read
                pass

    def tell(self, note: Note) -> None:
        """Have people told, once all that matters is done."""
        self.late.append(do.Tell(note=note))

    def once(self, name: str, text: str | None, level: Literal["info", "warning"] = "warning") -> None:
        """Tell something once in a run; nothing if there is nothing to say."""
        if text is not None and text not in self.said_once:
            self.said_once.add(text)
            self.tell(Notice(level=level, name=name, text=text))

    def tell_child(
        self,
        post: Post,
        state: ChildStateName,
        why: str,
        *,
        obituary: Obituary | None = None,
        death: Death | None = None,
    ) -> None:
        """Tell where a child stands."""
        note = ChildState(
            life=post.life,
            state=state,
            why=why,
            signal=None if death is None else death.signal_name,
            memory=self.counsel.figures() if post is self.roster.current else {},
            planned=obituary is not None and obituary.planned,
            recycled=obituary is not None and obituary.recycled,
            pid=post.pid,
            how="" if death is None else death.in_words,
            segments=post.segments,
            ending=None if obituary is None else obituary.ending,
            reason=None if obituary is None else obituary.reason,
        )
        self.tell(note)


_SHOWN: dict[State, ChildStateName] = {
    State.DRAINING: "draining",
    State.LEAVING: "leaving",
    State.TERMINATING: "dying",
    State.DUMPING: "dying",
    State.DYING: "dying",
    State.STUCK: "stuck",
}
