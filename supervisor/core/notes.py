"""What the conductor tells people and programs: values only, shown by `supervisor/display/`.

The names and fields that interface.md §4 fixes (`progress`, `job/segment`, `child/state`) are
rendered from these; the rest is for eyes.
"""

from dataclasses import dataclass
from typing import Literal

from supervisor.core.decisions import Act, Policy
from supervisor.core.obituary import Ending, Reason

ChildStateName = Literal[
    "starting", "ready", "releasing", "draining", "leaving", "dying", "gone", "given_up", "stuck"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildState:
    """The child's slot changed.

    Attributes:
        life: Number of the child life, from 1.
        state: Where the slot is now.
        why: In words, with figures; empty for a plain start.
        signal: Name of the signal that ended the life, else None.
        memory: Bytes by name, as last read: `host_private`, `device_used`, …
        planned: For `gone`: a recycle or the end of the work, not a mishap.
        recycled: For `gone`: planned, and a fresh child takes its place.
        pid: Of the child's process; None before it runs.
        how: For `gone`: how the process ended, in words.
        segments: Segments that the life is through with.
        ending: For `gone`: how the life ended, in a word.
        reason: For `gone` of one that was recycled: for what.
    """

    life: int
    state: ChildStateName
    why: str
    signal: str | None
    memory: dict[str, int]
    planned: bool = False
    recycled: bool = False
    pid: int | None = None
    how: str = ""
    segments: int = 0
    ending: Ending | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSpoken:
    """A segment's audio is on disk and in the ledger."""

    job: str
    segment: int
    seconds: float
    sha256: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentTrouble:
    """An attempt failed; `final` when the segment was set aside."""

    job: str
    segment: int
    kind: str
    message: str
    attempts: int
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the job is.

    Attributes:
        segment: Segments finished or set aside.
        segments: Segments of the job.
        chapter: Number of the chapter in hand, from 1; `chapters` in all; `title` its title.
        audio_seconds: Audio finished in this run and before.
        wall_seconds: Since this run began.
        speed: Audio seconds per wall second in this run; None before the first segment.
        eta_seconds: From this run's own pace over the characters left; None before the first.
        recycles: Planned child replacements in this run.
        deaths: Unplanned ones.
    """

    job: str
    segment: int
    segments: int
    chapter: int
    chapters: int
    title: str
    audio_seconds: float
    wall_seconds: float
    speed: float | None
    eta_seconds: float | None
    recycles: int
    deaths: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The run enters a stage that is no narration: `planning`, `delivering`, `parking`."""

    name: Literal["planning", "narrating", "delivering", "parking"]
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something said once: a missing driver, a mark that cannot be kept, faults switched on."""

    level: Literal["info", "warning", "error"]
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryDecision:
    """A memory policy decided something.

    Attributes:
        life: Of which child.
        action: `flag`, `clean`, `drain`, `kill`, `pause`, `resume` or `refuse`.
        policy: Who says so.
        why: A sentence with the figures.
        memory: Bytes by name, as last read.
    """

    life: int
    action: Act
    policy: Policy
    why: str
    memory: dict[str, int]


Note = ChildState | SegmentSpoken | SegmentTrouble | Progress | Stage | Notice | MemoryDecision
