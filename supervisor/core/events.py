"""What may happen to the conductor: a closed union of values."""

from dataclasses import dataclass
from typing import Literal

from supervisor.core.death import Death
from supervisor.core.readings import DeviceReading, DeviceUnknown, HostReading
from supervisor.core.segments import WaitingSegment
from supervisor.core.tallies import JobSize
from supervisor.wire.messages import FromChild


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The run begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A job's plan is there: its segments may be fetched now.

    Attributes:
        size: Of the job.
        ahead: Whether it goes before all that is not: somebody waits for it.
    """

    size: JobSize
    ahead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """Nobody wants the job any more: what is in hand is spoken for nobody, the rest is not handed out."""

    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """Answer to `Fetch`: the next waiting segments; `exhausted` if there are none after them."""

    job: str
    segments: tuple[WaitingSegment, ...]
    exhausted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawned:
    """Answer to `Spawn`: the process runs."""

    life: int
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpawnFailed:
    """Answer to `Spawn`: there is no process.

    Attributes:
        retryable: The machine has no room for one now; else the configuration is wrong.
    """

    life: int
    why: str
    retryable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message of the child's, checked by the dialogue."""

    life: int
    message: FromChild


@dataclass(frozen=True, slots=True, kw_only=True)
class Broke:
    """The child broke the contract: damaged, oversized or out-of-turn frames.

    Attributes:
        versions: Only the versions differ: a person must mend it, another child would not.
    """

    life: int
    why: str
    versions: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The process is gone and reaped; everything it wrote was handled before.

    Attributes:
        last_line: What it wrote last on its stderr; empty if nothing.
    """

    life: int
    death: Death
    last_line: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A reading of memory, of the child's life `life`.

    Attributes:
        life: 0 while no child is watched.
        device: None if no device is watched.
        stopped: Whether the process is stopped (SIGSTOP).
    """

    life: int
    host: HostReading | None
    device: DeviceReading | DeviceUnknown | None
    stopped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Answer to `StoreAudio`: on disk and in the ledger."""

    segment: WaitingSegment
    seconds: float
    sha256: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFailed:
    """The state folder cannot take more: `message` names it and the mend.

    Comes after the answers to all that was stored before it; what was not, never will be.
    """

    full: bool
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAsked:
    """Stop: after the segment in hand, or at once."""

    at_once: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Degraded:
    """Answer to `Degrade`.

    Attributes:
        job: Whose chapter it was.
        step: That was taken: what was fetched is to be fetched again; None = none, for `why`.
        why: In words.
        size: Of the job now; None if nothing has changed.
    """

    job: str
    step: str | None
    why: str
    size: JobSize | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Somebody asks for a release of caches (`clean`) or a fresh child (`recycle`); answer `Answer`."""

    ask: int
    what: Literal["clean", "recycle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A deadline may have passed."""


Event = (
    Begun
    | Planned
    | Withdrawn
    | Offered
    | Spawned
    | SpawnFailed
    | Said
    | Broke
    | Ended
    | Read
    | Stored
    | StoreFailed
    | StopAsked
    | Degraded
    | Asked
    | Tick
)
