"""What can be asked of a running service: the calls that every door turns its requests into.

The structs are the JSON of interface.md §4 as it stands; what they hold beyond it is an extension.
`supervisor/doors/` asks, the loop answers; neither knows more of the other than this.
"""

from typing import Literal, Protocol

import msgspec

from supervisor.errors import TryLater
from supervisor.loop.health import Ailment

ServiceState = Literal[
    "planning",  # a job's texts are being cut; the first child starts meanwhile
    "starting",  # the first child is not ready yet
    "narrating",
    "paused",  # nothing is handed out; `why` says what is waited for
    "releasing",  # the child gives its caches back
    "recycling",  # a child is being replaced
    "delivering",  # finished files are written; there is no child
    "parking",  # asked to stop: what is in hand is finished
    "idle",  # nothing to do
    "gpu_lost",  # nothing can be spoken before the GPU is back; exit 76 at the child's end
    "waiting_for_memory",  # the gate: a dead child's device memory is not back yet
    "driver_does_not_let_go",  # it never came back: exit 76
    "cannot_be_killed",  # exit 77
    "gave_up",  # a crash loop: exit 78
]


class ChildStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The child that speaks now.

    Attributes:
        pid: None before its process runs.
        life: Its number, from 1.
        ready: Whether it may be given work: a canary spoke in this life, and it is not on its way out.
        device: What it runs on: `"cpu"` or `"cuda:0"`; as configured until it is ready.
        segments: Spoken in this life.
        memory: Bytes by name, as last read: `host_private`, `device_used`, `device_total`, …
        marks: Bytes by name: `host_soft`, `host_hard`, `device_soft`, `device_hard`; those that are known.
        state: Of its slot, as in `child/state`.
        age_s: Seconds since its process was started.
    """

    pid: int | None
    life: int
    ready: bool
    device: str
    segments: int
    memory: dict[str, int]
    marks: dict[str, int] = {}
    state: str = ""
    age_s: float = 0.0


class LifeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A child life that is over.

    Attributes:
        life: Its number.
        ended: How, in words: `"exited with 0"`, `"was killed by SIGKILL"`.
        why: What led to it, with figures.
        segments: Spoken in it.
        at: When it ended, ISO 8601 in UTC.
        ending: How, in a word: `Ending` of `supervisor/core/obituary.py`; later versions may have more.
        reason: Of one that was `recycled`, for what: `Reason`, likewise; else empty.
    """

    life: int
    ended: str
    why: str
    segments: int
    at: str = ""
    ending: str = ""
    reason: str = ""


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Counts since the service began.

    Attributes:
        segments: Spoken.
        failed: Set aside.
        audio_seconds: Of what was spoken.
        wall_seconds: Since it began.
        recycles: Children replaced as planned.
        deaths: Children that ended otherwise.
        cleans: Releases of caches, whoever asked for them.
        attempts: At segments that are spoken or set aside.
        lost_seconds: Of children's time that came to nothing: from the hand-out of a segment to what undid
            it, be it a death, a kill or a failure; and starts that failed.
    """

    segments: int = 0
    failed: int = 0
    audio_seconds: float = 0.0
    wall_seconds: float = 0.0
    recycles: int = 0
    deaths: int = 0
    cleans: int = 0
    attempts: int = 0
    lost_seconds: float = 0.0


class PolicyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy thinks now: `says` is a decision's action or `"keep"`; `why` the figures."""

    policy: str
    says: str
    why: str


class JobStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The job in hand.

    Attributes:
        job: Its id.
        segment: Segments finished or set aside.
        segments: In all; 0 while it is planned.
        output: Where it will lie.
        eta_seconds: None while nothing is known.
    """

    job: str
    segment: int
    segments: int
    output: str = ""
    eta_seconds: float | None = None


class TemplateStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The process that children are forked from."""

    pid: int


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What `status` answers.

    Attributes:
        state: In one word.
        why: Of the state: what is waited for, or what ended it; empty for a plain one.
        ready: Whether speech would work now: a canary spoke since the last start of a child, and nothing
            stops it.
        health: What ails, whatever the state; empty if all is well.
        child: None while there is none; on several devices, that of the first.
        children: All of them, where there are several devices.
        queue: Requests that wait.
        lives: Those that are over, oldest first, at most `MOST_LIVES`.
        totals: Since the service began.
        policies: What each thinks now.
        template: None where children start cold.
        job: In hand.
        pid: Of the service itself.
        since: When it began, ISO 8601 in UTC.
        version: Of this package.
    """

    state: ServiceState
    why: str = ""
    ready: bool = False
    health: list[Ailment] = []
    child: ChildStatus | None
    queue: int
    lives: list[LifeStatus]
    totals: Totals
    policies: list[PolicyStatus] = []
    children: list[ChildStatus] = []
    template: TemplateStatus | None = None
    job: JobStatus | None = None
    pid: int = 0
    since: str = ""
    version: str = ""


#: Lives that `status` tells of: the ledger has them all, and an answer stays a screenful and a few KiB.
MOST_LIVES = 50


class GivenBack(msgspec.Struct, frozen=True, kw_only=True):
    """What `memory/clean` and `child/recycle` answer.

    Attributes:
        before_bytes: That the child held when it was asked for.
        after_bytes: That it held (after `recycle`: that its successor holds) at the end.
        took_s: From the moment the child was asked to the answer, without the wait for the boundary.
        of: Which memory: the child's part of the device where that is known, else its private host memory.
        waited_s: For the segment in hand to end.
    """

    before_bytes: int
    after_bytes: int
    took_s: float
    of: Literal["device", "host"] = "host"
    waited_s: float = 0.0


ErrorKind = Literal[
    "oom",
    "child_crashed",
    "child_hung",
    "bad_input",
    "voice_not_found",
    "quality_failed",
    "disk_full",
    "cancelled",
    "busy",
    "shutting_down",
]


class CannotAsk(TryLater):
    """The service could not do what was asked.

    Args:
        message: What was seen, and the mend.
        kind: As `data.kind` of interface §4.
        retryable: The same may be asked again.
    """

    def __init__(self, message: str, *, kind: ErrorKind, retryable: bool) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.retryable = retryable


class NothingToAsk(CannotAsk):
    """There is no child now: planning, delivering, between two lives, or at the end."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="busy", retryable=True)


class Steering(Protocol):
    """What may be asked of whatever has a child.

    All is called on the event loop; cancelling a call undoes nothing.
    """

    def status(self) -> Status:
        """Return how things stand, from what is known already: reads nothing, waits for nothing."""
        ...

    async def clean(self) -> GivenBack:
        """Have the child release its caches at the next segment boundary; wait until it has.

        Asked again before it is done, the answer is the same.

        Raises:
            NothingToAsk: If there is no child.
            CannotAsk: If the child died, or the service ended, before it was done.
        """
        ...

    async def recycle(self) -> GivenBack:
        """Replace the child at the next segment boundary; wait until its successor is ready.

        Where nothing is left to speak: until it is gone and what it held came back.

        Raises:
            NothingToAsk: If there is no child.
            CannotAsk: If the service ended, or the successor failed, before it was done.
        """
        ...
