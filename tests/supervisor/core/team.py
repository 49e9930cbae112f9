"""Several conductors that share a bench, each with a device and a child of its own.

It carries out every action as `supervisor/loop/runner.py` does. Simpler than `world.py`: the disk always
works, memory is never read, and what children do is drawn by whoever drives it.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.death import Death
from supervisor.core.segments import WaitingSegment
from supervisor.core.tallies import JobSize
from supervisor.loop.terms import conductors_of
from supervisor.wire import messages as say
from tests.supervisor.core.ground import Row, terms
from tests.supervisor.core.makebelieve import Child

if TYPE_CHECKING:
    from supervisor.core.conductor import Conductor


@dataclass
class Team:
    """A run on several devices.

    Attributes:
        order: All segments, in speaking order; each of a key of its own.
    """

    order: list[WaitingSegment]
    devices: int = 2
    carries_past: bool = False
    now_s: float = 100.0
    rows: dict[str, Row] = field(default_factory=dict[str, Row])
    children: dict[int, Child] = field(default_factory=dict[int, Child])
    finishes: dict[int, do.Finish] = field(default_factory=dict[int, do.Finish])
    over: list[str] = field(default_factory=list[str])
    spoken_by: dict[str, int] = field(default_factory=dict[str, int])  # the device of each key
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self.rows = {one.key: Row(segment=one) for one in self.order}
        self._inbox: deque[tuple[int, ev.Event]] = deque()
        self._claimed = ""
        under = terms(carries_past=self.carries_past)
        size = JobSize(job="j", segments=len(self.order), over=0, chars_left=9, audio_s=0.0, titles=("T",))
        self.conductors: list[Conductor] = conductors_of(under, size, ["cpu"] * self.devices)
        self.now_s = max(self.now_s, 1e9)  # the conductors looked at the real clock when they were made
        self.tell_all(ev.Begun())

    def station_of(self, life: int) -> int:
        return (life - 1) % self.devices

    def tell_all(self, event: ev.Event) -> None:
        self._inbox += [(number, event) for number in range(self.devices)]
        self._pump()

    def says(self, child: Child, message: say.FromChild) -> None:
        self._inbox.append((self.station_of(child.life), ev.Said(life=child.life, message=message)))
        self._pump()

    def dies(self, child: Child, death: Death) -> None:
        child.fate = death
        self._inbox.append((self.station_of(child.life), ev.Ended(life=child.life, death=death)))
        self._pump()

    def step(self, child: Child) -> None:
        """Let a child do the next right thing."""
        doing = child.well_behaved()
        if isinstance(doing, Death):
            self.dies(child, doing)
        elif doing is not None:
            self.says(child, doing)

    def run_on(self, steps: int = 3000) -> None:
        """Let all behave until every device is through."""
        for _ in range(steps):
            if len(self.finishes) == self.devices:
                return
            self.turn()
        raise AssertionError("no end")

    def turn(self) -> None:
        """Let every child do its next right thing, and some time pass."""
        for child in list(self.children.values()):
            self.step(child)
        due_s = min(one.next_deadline_s for one in self.conductors)
        self.now_s = max(self.now_s, min(due_s, self.now_s + 1.0))
        self.tell_all(ev.Tick())

    def _pump(self) -> None:
        poked = False
        while self._inbox:
            number, event = self._inbox.popleft()
            for action in self.conductors[number].handle(event, self.now_s):
                self._act(number, action)
            if not self._inbox and not poked:
                poked = True
                self._inbox += [(other, ev.Tick()) for other in range(self.devices)]
        hands = [row.segment for row in self.rows.values() if row.in_hand]
        self.most_at_once = max(self.most_at_once, len(hands))
        assert len(hands) <= self.devices
        if self.carries_past:
            assert len({one.chapter for one in hands}) == len(hands), "a chapter is in two hands"

    def _act(self, number: int, action: do.Action) -> None:
        match action:
            case do.Fetch():
                after = [one for one in self.order if one.number > action.after]
                waiting = [one for one in after if self.rows[one.key].state == "waiting"]
                batch = tuple(self.rows[one.key].offered(one) for one in waiting[: action.limit])
                offered = ev.Offered(job="j", segments=batch, exhausted=len(waiting) < action.limit)
                self._inbox.append((number, offered))
            case do.Spawn():
                assert self.station_of(action.life) == number
                self.children[action.life] = child = Child(action.life)
                self._inbox.append((number, ev.Spawned(life=action.life, pid=child.pid)))
            case do.Send():
                self._send(number, action)
            case do.Signal():
                self.children[action.life].gets(action.what)
            case do.Claim() | do.Unclaim() | do.Charge() | do.SetAside():
                self.rows[action.key].write(action)
                if isinstance(action, do.Claim):
                    self._claimed = action.key
            case do.StoreAudio():
                self.rows[action.segment.key].store()
                stored = ev.Stored(segment=action.segment, seconds=1.0, sha256="0", attempts=action.attempts)
                self._inbox.append((number, stored))
            case do.Bury():
                del self.children[action.life]
            case do.JobOver():
                assert all(row.state != "waiting" for row in self.rows.values())
                self.over.append(action.job)
            case do.Finish():
                self.finishes[number] = action
            case _:
                pass

    def _send(self, number: int, action: do.Send) -> None:
        child = self.children[action.life]
        if isinstance(action.message, say.Synthesize):
            row = self.rows[self._claimed]
            assert row.in_hand
            assert action.message.segment_id == row.segment.number
            self.spoken_by[row.segment.key] = number
        child.hear(action.message)
