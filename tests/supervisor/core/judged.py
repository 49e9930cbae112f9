"""The make-believe world with a judge: who pays for what, restated from the facts alone.

The judge knows what befell each child life and in which order; it has no queue, no table and
no policy. What the conductor charges, takes back and stores must be what the judge says.
"""

from dataclasses import dataclass, field
from typing import Literal

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.readings import DeviceReading
from supervisor.wire import messages as say
from tests.supervisor.core.ground import HARD, KILLS_FORGIVEN
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
    ready: say.Ready | None = None
    vitals: say.Vitals | None = None
    device_base: tuple[int, int | None] | None = None


class ParentDied(Exception):
    """Between two of its actions."""


@dataclass
class JudgedWorld(World):
    """A world that holds every settlement against the judge's."""

    facts: LifeFacts = field(default_factory=LifeFacts)
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
        self.facts = LifeFacts()
        self.storing = set()
        self.mishaps = 0
        super().begin()

    def handle(self, event: ev.Event) -> list[do.Action]:
        self.foresee(event)
        actions = super().handle(event)
        self.compare(event, actions)
        return actions

    def foresee(self, event: ev.Event) -> None:
        facts = self.facts
        self.expected = {}
        if self.finish is not None:
            return
        match event:
            case ev.Said() | ev.Broke() | ev.Read() | ev.Ended() if self._is_of_the_past(event.life):
                pass
            case ev.Said():
                self._foresee_words(event.message)
            case ev.Broke():
                facts.cause = facts.cause or "broke"
            case ev.Read() if self._is_hard(event):
                facts.cause = facts.cause or "hard"
            case ev.StopAsked() if event.at_once:
                facts.cause = facts.cause or "stop"
            case ev.StoreFailed():
                facts.cause = facts.cause or "stop"
                self.expected = dict.fromkeys(self.storing, "taken back")
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

    def _is_of_the_past(self, life: int) -> bool:
        return self.child is None or self.child.life != life

    def _foresee_words(self, message: say.FromChild) -> None:
        facts = self.facts
        match message:
            case say.Ready():
                facts.ready, facts.vitals = message, message.vitals
            case say.Chunk() | say.Progress():
                facts.progress_s = self.now_s
            case say.Done() if facts.key is not None:
                silent = not any(self.alive.pcm)
                self.expected = {facts.key: "charged" if silent else "stored"}
                self._segment_over(message.vitals)
            case say.Failed() if facts.key is not None:
                self.expected = {facts.key: "charged"}
                self._segment_over(message.vitals)
            case say.Released():
                self._weigh_vitals(message.after)
            case _:
                pass

    def _segment_over(self, vitals: say.Vitals) -> None:
        self.facts.key = None
        self.facts.segments += 1
        self._weigh_vitals(vitals)

    def _weigh_vitals(self, vitals: say.Vitals) -> None:
        self.facts.vitals = vitals
        if self._is_hard_on_host(vitals.host_private_bytes):
            self.facts.cause = self.facts.cause or "hard"

    def _foresee_stall(self) -> None:
        late = self.stall_s and self.now_s - self.facts.progress_s >= self.stall_s
        if self.facts.key is not None and late:
            self.facts.cause = self.facts.cause or "stalled"

    def _foresee_end(self, event: ev.Ended) -> None:
        facts = self.facts
        cause = facts.cause or ("outside" if event.death.signal in (9, 15) else "crash")
        if facts.key is not None:
            self.expected[facts.key] = self._fate(cause, facts.key)
        self.facts = LifeFacts()

    def _fate(self, cause: Cause, key: str) -> Fate:
        if cause == "outside":
            return "charged" if self.rows[key].killed >= KILLS_FORGIVEN else "taken back as killed"
        if cause == "stop" or (cause == "hard" and self.facts.segments > 0):
            return "taken back"
        return "charged"

    # ------------------------------------------------------------------ memory, restated

    def _is_hard(self, read: ev.Read) -> bool:
        facts = self.facts
        if facts.ready is None:
            return False
        host = read.host is not None and read.host.child_private_bytes
        on_device = isinstance(read.device, DeviceReading) and self._is_hard_on_device(read.device)
        return bool(host and self._is_hard_on_host(host)) or on_device

    def _is_hard_on_host(self, used_bytes: int) -> bool:
        ready = self.facts.ready
        return ready is not None and ready.vitals.host_private_bytes < HARD <= used_bytes

    def _is_hard_on_device(self, reading: DeviceReading) -> bool:
        facts = self.facts
        assert facts.ready is not None
        assert facts.vitals is not None
        if reading.child_pid not in (None, self.alive.pid):
            return False
        own = reading.child_bytes if reading.child_bytes is not None else facts.vitals.reserved_bytes
        if not facts.ready.uses_device and not own:
            return False
        facts.device_base = facts.device_base or (reading.used_bytes, own)
        base_used, base_own = facts.device_base
        known = own is not None and base_own is not None
        grown = (own or 0) - (base_own or 0) if known else reading.used_bytes - base_used
        return reading.used_bytes >= HARD > reading.used_bytes - max(0, grown)

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
                case do.SetAside():
                    found[action.key] = "charged"
                    hopeless = isinstance(event, ev.Said) and _is_hopeless(event.message)
                    assert hopeless or self.rows[action.key].attempts >= self.attempts
                case do.Unclaim():
                    found[action.key] = "taken back as killed" if action.killed else "taken back"
                    self.storing.discard(action.key)
                case do.Send(message=say.Synthesize()):
                    self.facts.key = self._claimed_in(actions)
                    self.facts.progress_s = self.now_s
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
