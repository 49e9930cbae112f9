"""What the make-believe world is made of: its marks, its segments, its ledger's rows, its faults."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.desk import Terms
from supervisor.core.panel import MemoryTerms
from supervisor.core.readings import DeviceReading, DeviceUnknown, HostReading
from supervisor.core.segments import WaitingSegment
from supervisor.core.slot import SlotTimes
from supervisor.policy.leak import LeakLimits
from supervisor.policy.watermark import WatermarkLimits
from supervisor.wire import messages as say
from tests.supervisor.core.makebelieve import VERSION, Child

SOFT, HARD, TOTAL = 60, 90, 100
STALL_S, START_S, TERM_S, RELEASE_S = 30.0, 300.0, 3.0, 30.0
KILLS_FORGIVEN = 20


@dataclass
class Row:
    """A segment's place in the ledger."""

    segment: WaitingSegment
    state: Literal["waiting", "done", "aside"] = "waiting"
    in_hand: bool = False
    attempts: int = 0
    killed: int = 0
    stores: int = 0

    def offered(self, twin: WaitingSegment) -> WaitingSegment:
        """The segment as it stands now, in the place of one that shares its key."""
        return msgspec.structs.replace(twin, attempts=self.attempts, killed=self.killed)

    def write(self, action: do.Claim | do.Unclaim | do.Charge | do.SetAside) -> None:
        assert self.state == "waiting", f"{action} of a segment that is {self.state}"
        if not isinstance(action, do.SetAside):  # a text may be refused before it is handed out
            assert self.in_hand is not isinstance(action, do.Claim), f"{action}, in hand: {self.in_hand}"
        self.in_hand = isinstance(action, do.Claim)
        match action:
            case do.Claim():
                self.attempts += 1
            case do.Unclaim():
                self.attempts -= 1
                self.killed += action.killed
            case do.Charge():
                pass
            case do.SetAside():
                self.state = "aside"

    def store(self) -> None:
        assert self.state == "waiting"
        assert self.in_hand
        self.state, self.in_hand, self.killed = "done", False, 0
        self.stores += 1

    def return_orphan(self) -> None:
        """A parent that died had it in hand: killed from outside."""
        if self.in_hand:
            self.in_hand = False
            self.attempts -= self.killed < KILLS_FORGIVEN
            self.killed += 1


@dataclass
class Faults:
    """What is wrong with the machine."""

    disk: Literal["well", "full", "unwritable"] = "well"
    spawn: Literal["well", "no room", "no such python"] = "well"
    disk_answers: bool = True
    driver_answers: bool = True
    host_bytes: int | None = 10
    device: DeviceReading | DeviceUnknown | None = None
    available_bytes: int = 0  # on the host: nothing = no room for two children at once

    def reading(self, child: Child | None) -> ev.Read:
        """Memory as it is read now."""
        host = HostReading(
            total_bytes=TOTAL,
            available_bytes=self.available_bytes,
            child_private_bytes=None if child is None else self.host_bytes,
        )
        life = 0 if child is None else child.life
        return ev.Read(life=life, host=host, device=self.device, stopped=child is not None and child.stopped)


def segment(number: int, key: str | None = None, *, twins: int = 1, job: str = "j") -> WaitingSegment:
    return WaitingSegment(
        job=job,
        number=number,
        key=key or f"k{number}",
        chapter=0,
        text=f"segment {key or number}",
        voice=None,
        reference=None,
        seed=1,
        settings={},
        attempts=0,
        killed=0,
        twins=twins,
    )


def marks(total_bytes: int) -> WatermarkLimits:
    assert total_bytes == TOTAL
    return WatermarkLimits(soft_bytes=SOFT, hard_bytes=HARD)


def terms(  # noqa: PLR0913 - the keys of the configuration that tests turn
    *,
    attempts: int = 3,
    stall_s: float = STALL_S,
    max_segments: int = 0,
    idle_unload_s: float = 0.0,
    batch_size: int = 0,
    batch_rest_s: float = 0.0,
    may_degrade: bool = False,
    reference: say.Reference | None = None,
    stays: bool = False,
    carries_past: bool = False,
) -> Terms:
    return Terms(
        job="j",
        hello=say.Hello(
            protocol=say.PROTOCOL_VERSION,
            life=0,
            engine="make-believe",
            device="cpu",
            settings={},
            reference=reference,
        ),
        version=VERSION,
        attempts=attempts,
        stall_s=stall_s,
        times=SlotTimes(start_s=START_S, release_s=RELEASE_S, term_s=TERM_S),
        memory=MemoryTerms(
            host=marks,
            device=marks,
            host_total_bytes=TOTAL,
            leak=lambda _: LeakLimits(live_bytes=TOTAL, other_bytes=TOTAL),
            max_segments=max_segments,
            may_degrade=may_degrade,
        ),
        idle_unload_s=idle_unload_s,
        batch_size=batch_size,
        batch_rest_s=batch_rest_s,
        stays=stays,
        carries_past=carries_past,
    )
