"""The make-believe world with a judge: who pays for what, restated from the facts alone.

The judge knows what befell each child life and in which order; it has no queue, no table and
no policy. What the conductor charges, takes back and stores must be what the judge says.
"""

from dataclasses import dataclass, field
from typing import Literal

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.notes import MemoryDecision
from supervisor.wire import messages as say
from tests.supervisor.core.ground import KILLS_FORGIVEN
from tests.supervisor.core.makebelieve import Child
from tests.supervisor.core.world import World

Cause = Literal["broke", "hard", "stop", "stalled", "outside", "crash"]
Fate = Literal["stored", "charged", "taken back", "taken back as killed"]


@dataclass
class LifeFacts:
    """What befell one life so far."""

    cause: Cause | None = None
    key: str | None = None  # of the segment in hand
    progress_s: float = 0.0
    segments: int = 0


class ParentDied(Exception):
    """Between two of its actions."""


@dataclass
class JudgedWorld(World):
    """A world that holds every settlement against the judge's."""

    facts: dict[int, LifeFacts] = field(default_factory=dict[int, LifeFacts])
    storing: set[str] = field(default_factory=set[str])
    expected: dict[str, Fate] = field(default_factory=dict[str, Fate])
    mishaps: int = 0  # since a segment was finished, ends from outside included
    fuse: int | None = None  # actions that this parent will still live to carry out

    def tell(self, event: ev.Event) -> list[do.Action]:
        try:
            return super().tell(event)
        except ParentDied:
            self.begin()
            return []

    def _act(self, action: do.Action) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                raise ParentDied
        super()._act(action)

    def begin(self) -> None:
        self.fuse = None
        self.facts = {}
        self.storing = set()
        self.mishaps = 0
        super().begin()

    def handle(self, event: ev.Event) -> list[do.Action]:
        self.foresee(event)
        actions = super().handle(event)
        self.compare(event, actions)
        return actions

    def foresee(self, event: ev.Event) -> None:
        self.expected = {}
        if self.finish is not None:
            return
        match event:
            case ev.Said() | ev.Broke() | ev.Read() | ev.Ended() if event.life not in self.children:
                pass
            case ev.Said():
                self._foresee_words(self.of(event.life), event.message)
            case ev.Broke():
                self._cause(self.of(event.life), "broke")
            case ev.StopAsked() if event.at_once:
                self._stop_all()
            case ev.StoreFailed():
                self._stop_all()
                self.expected = dict.fromkeys(self.storing, "taken back")
                for facts in self.facts.values():
                    if facts.key is not None:
                        self.expected[facts.key] = "taken back"
                    facts.key = None
            case ev.Stored():
                self.storing.discard(event.segment.key)
            case ev.Tick():
                self._foresee_stall()
            case ev.Ended():
                self._foresee_end(event)
            case _:
                pass

    def of(self, life: int) -> LifeFacts:
        return self.facts.setdefault(life, LifeFacts())

    def _cause(self, facts: LifeFacts, cause: Cause) -> None:
        facts.cause = facts.cause or cause

    def _stop_all(self) -> None:
        for life in self.children:
            self._cause(self.of(life), "stop")

    def _foresee_words(self, facts: LifeFacts, message: say.FromChild) -> None:
        match message:
            case say.Chunk() | say.Progress():
                facts.progress_s = self.now_s
            case say.Done() if facts.key is not None:
                silent = not any(self.speaking().pcm)
                unwanted = self.rows[facts.key].segment.job in self.withdrawn
                self.expected = {
                    facts.key: "charged" if silent else "taken back" if unwanted else "stored",
                }
                facts.key = None
                facts.segments += 1
            case say.Failed() if facts.key is not None:
                self.expected = {facts.key: "charged"}
                facts.key = None
                facts.segments += 1
            case _:
                pass

    def speaking(self) -> Child:
        """The one child that has a segment in hand."""
        (life,) = [life for life, facts in self.facts.items() if facts.key is not None]
        return self.children[life]

    def _foresee_stall(self) -> None:
        for facts in self.facts.values():
            late = self.stall_s and self.now_s - facts.progress_s >= self.stall_s
            if facts.key is not None and late:
                self._cause(facts, "stalled")

    def _foresee_end(self, event: ev.Ended) -> None:
        facts = self.facts.pop(event.life, LifeFacts())
        cause = facts.cause or ("outside" if event.death.signal in (9, 15) else "crash")
        if facts.key is not None:
            self.expected[facts.key] = self._fate(facts, cause, facts.key)

    def _fate(self, facts: LifeFacts, cause: Cause, key: str) -> Fate:
        if cause == "outside":
            return "charged" if self.rows[key].killed >= KILLS_FORGIVEN else "taken back as killed"
        if cause == "stop" or (cause == "hard" and facts.segments > 0):
            return "taken back"
        return "charged"

    # ------------------------------------------------------------------ what the conductor says

    def compare(self, event: ev.Event, actions: list[do.Action]) -> None:
        found: dict[str, Fate] = {}
        for action in actions:
            match action:
                case do.StoreAudio():
                    found[action.segment.key] = "stored"
                    self.storing.add(action.segment.key)
                    self.mishaps = 0
                case do.Charge():
                    found[action.key] = "charged"
                    assert self.rows[action.key].attempts < self.attempts
                case do.SetAside() if not self.rows[action.key].in_hand:
                    assert action.kind == "oom", "only the head-room refuses what was not tried"
                case do.SetAside():
                    found[action.key] = "charged"
                    hopeless = isinstance(event, ev.Said) and _is_hopeless(event.message)
                    assert hopeless or self.rows[action.key].attempts >= self.attempts
                case do.Unclaim():
                    found[action.key] = "taken back as killed" if action.killed else "taken back"
                    self.storing.discard(action.key)
                case do.Send(message=say.Synthesize()):
                    assert not [facts.key for facts in self.facts.values() if facts.key is not None]
                    self.of(action.life).key = self._claimed_in(actions)
                    self.of(action.life).progress_s = self.now_s
                case do.Tell(note=MemoryDecision(action="kill") as note):
                    # What a hard mark is, the panel's own tests say; here, what follows from it.
                    self._cause(self.of(note.life), "hard")
                case do.Bury():
                    self.mishaps += not action.planned
                case _:
                    pass
        assert found == self.expected, f"{event} settled {found}, the judge says {self.expected}"

    @staticmethod
    def _claimed_in(actions: list[do.Action]) -> str:
        (key,) = [action.key for action in actions if isinstance(action, do.Claim)]
        return key


def _is_hopeless(message: say.FromChild) -> bool:
    return isinstance(message, say.Failed) and not message.retryable
