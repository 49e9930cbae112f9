"""What the conductor asks for: a closed union of values, acted on in order by the loop."""

from dataclasses import dataclass
from typing import Literal

from supervisor.core.death import Death
from supervisor.core.notes import Note
from supervisor.core.segments import WaitingSegment
from supervisor.core.traces import Record
from supervisor.wire.messages import Done, FromParent


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """Offer the waiting segments of a job after number `after`, at most `limit`."""

    job: str
    after: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawn:
    """Start a child; answer `Spawned`."""

    life: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send a message to the child."""

    life: int
    message: FromParent


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Send SIGTERM, or SIGUSR1 for its stacks, or SIGKILL to its group."""

    life: int
    what: Literal["terminate", "dump_stack", "kill_group"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Read memory for this life from now on, at the pace of `memory.poll_s`."""

    life: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRoom:
    """With no child to watch, read the device every `poll_s` seconds and answer `Read` of life 0.

    The share told is still that of the child that was watched last: whether the driver lists it.
    """

    poll_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMemory:
    """Read memory now and answer `Read`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnWeights:
    """These files will be read by the next child as well."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefetch:
    """A recycle is near: have the weights in the page cache by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Record what the memory policies were told, or what they decided."""

    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Degrade:
    """Take the next step that may change bytes for a chapter, durably; answer `Degraded`."""

    job: str
    chapter: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPaused:
    """Record that all jobs in hand stand still, or go on; `why` is empty when they go on."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Answer somebody who asked for a release or a recycle.

    Attributes:
        ask: Number of the request.
        before_bytes: Held before.
        after_bytes: Held after.
        took_s: From the moment that it was begun.
        waited_s: For the boundary.
        on_device: Whether the figures are of device memory; else of the child's private host memory.
        error: Why it could not be done; empty if it was.
    """

    ask: int
    before_bytes: int = 0
    after_bytes: int = 0
    took_s: float = 0.0
    waited_s: float = 0.0
    on_device: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Count the hand-out of a segment, durably, before it is handed out."""

    job: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclaim:
    """Take a hand-out back: it is not to be counted. `killed`: it was ended from outside."""

    job: str
    key: str
    killed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """The hand-out counts and is over."""

    job: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAudio:
    """Begin a segment's audio under a temporary name."""

    job: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendAudio:
    """Add to a segment's audio."""

    job: str
    key: str
    pcm_s16le: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAudio:
    """Make the segment's audio durable, then record it as done; answer `Stored`."""

    segment: WaitingSegment
    done: Done
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DropAudio:
    """Forget what was begun of a segment's audio."""

    job: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """Record that a segment failed for good."""

    job: str
    key: str
    kind: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bury:
    """Close what is left of a child life and record how it ended; `job` had it last, empty if none did."""

    life: int
    job: str
    death: Death
    why: str
    planned: bool
    segments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOver:
    """Every segment of a job is done or set aside, or it was withdrawn: nothing more is written of it."""

    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """Show a note."""

    note: Note


Ending = Literal[
    "spoken",  # every segment is done or set aside
    "stopped",  # by a signal or a caller; resumable
    "full",  # the disk is
    "unwritable",  # the state folder is
    "cannot",  # no process can be started now
    "configuration",  # only a person can mend it
    "gave_up",  # a crash loop
    "stuck",  # the child cannot be killed
    "held",  # the driver does not give the child's memory back, or the device is lost
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The run is over; `why` is a sentence for people, empty for `spoken`."""

    ending: Ending
    why: str


Action = (
    Fetch
    | Spawn
    | Send
    | Signal
    | Watch
    | WatchRoom
    | ReadMemory
    | LearnWeights
    | Prefetch
    | Trace
    | Degrade
    | SetPaused
    | Answer
    | Claim
    | Unclaim
    | Charge
    | OpenAudio
    | AppendAudio
    | StoreAudio
    | DropAudio
    | SetAside
    | Bury
    | JobOver
    | Tell
    | Finish
)
