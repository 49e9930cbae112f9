"""What a running job answers to those who ask: how it stands, and to be released or recycled."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from supervisor.core.notes import ChildState, Note, Progress, SegmentSpoken, SegmentTrouble, Stage
from supervisor.core.post import Post
from supervisor.core.tallies import Counts
from supervisor.loop.health import Ailment, of_all, utc
from supervisor.loop.runner import Runner
from supervisor.loop.service import (
    MOST_LIVES,
    CannotAsk,
    ChildStatus,
    GivenBack,
    JobStatus,
    LifeStatus,
    NothingToAsk,
    PolicyStatus,
    ServiceState,
    Status,
    TemplateStatus,
    Totals,
)
from supervisor.loop.stance import may_speak, may_work, state_of, state_with
from supervisor.loop.station import Station
from supervisor.wire.version import VERSION

_STAGES: Final[dict[str, ServiceState]] = {
    "planning": "planning",
    "narrating": "narrating",
    "delivering": "delivering",
    "parking": "parking",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What does not change while a job runs.

    Attributes:
        job: Its id.
        output: Where it will lie.
        pid: Our own.
        wall_s: The wall clock.
        stays: Whether it is a service that stays: jobs come and go.
        waiting: Returns how many requests wait.
        in_hand: Of one that stays: returns the jobs that it works at.
        ails: Returns what ails beside the devices and their children.
    """

    job: str
    output: str
    pid: int
    wall_s: Callable[[], float]
    stays: bool = False
    waiting: Callable[[], int] = lambda: 0
    in_hand: Callable[[], tuple[str, ...]] = tuple
    ails: Callable[[], list[Ailment]] = list[Ailment]


class JobService:
    """One job as a service: notes in, answers out."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._since_s = facts.wall_s()
        self._runner: Runner | None = None
        self._stage: ServiceState = "narrating" if facts.stays else "planning"
        self._lives: deque[LifeStatus] = deque(maxlen=MOST_LIVES)
        self._progress: Progress | None = None
        self._spoken = self._failed = self._attempts = 0
        self._audio_s = 0.0
        self._before = Counts()  # of runners that are over

    def attend(self, runner: Runner) -> None:
        """Speak of this runner from now on; what those before it counted still counts."""
        self._before = self._counts()
        self._runner = runner

    def note(self, note: Note) -> None:
        """Take what people are told."""
        match note:
            case Stage() if not self._facts.stays or note.name == "parking":
                self._stage = _STAGES[note.name]
            case ChildState(state="gone"):
                self._lives.append(_life(note, self._facts.wall_s()))
            case SegmentSpoken():
                self._spoken += 1
                self._attempts += note.attempts
                self._audio_s += note.seconds
            case SegmentTrouble(final=True):
                self._failed += 1
                self._attempts += note.attempts
            case Progress() if not self._facts.stays or note.job in self._facts.in_hand():
                self._progress = note
            case _:
                pass

    # ------------------------------------------------------------------ the answers

    def status(self) -> Status:
        """Return how things stand, from what is known already."""
        runner = self._runner
        health = self.health()
        plain = self._state()
        waits_why = "" if runner is None else runner.conductor.waits_why
        state, why = state_with(plain, health) or (plain, waits_why)
        child = None if runner is None else self._child(runner.stations[0])
        return Status(
            state=state,
            why=why,
            ready=runner is not None and may_speak(runner, plain, health),
            health=health,
            child=child,
            children=[] if runner is None else self._children(runner),
            queue=self._facts.waiting(),
            lives=list(self._lives),
            totals=self._totals(),
            policies=[] if runner is None or child is None else _policies(runner),
            template=_template(runner),
            job=self._job(),
            pid=self._facts.pid,
            since=utc(self._since_s),
            version=VERSION,
        )

    def health(self) -> list[Ailment]:
        """Return what ails."""
        of_devices = [] if self._runner is None else of_all([one.signs for one in self._runner.stations])
        return [*of_devices, *self._facts.ails()]

    async def clean(self) -> GivenBack:
        """Have the child release its caches at the next boundary."""
        return await self._ask("clean")

    async def recycle(self) -> GivenBack:
        """Replace the child at the next boundary."""
        return await self._ask("recycle")

    async def _ask(self, what: Literal["clean", "recycle"]) -> GivenBack:
        if self._runner is None:
            raise NothingToAsk("there is no child yet; try again in a moment")
        answer = await self._runner.ask(what)
        if answer.error:
            ends = self._stage == "parking"
            raise CannotAsk(answer.error, kind="shutting_down" if ends else "busy", retryable=True)
        return GivenBack(
            before_bytes=answer.before_bytes,
            after_bytes=answer.after_bytes,
            took_s=round(answer.took_s, 6),
            waited_s=round(answer.waited_s, 6),
            of="device" if answer.on_device else "host",
        )

    # ------------------------------------------------------------------ parts of the status

    def _state(self) -> ServiceState:
        """Return what it does, whatever ails it."""
        if self._stage != "narrating":
            return self._stage
        if self._runner is None:
            return "starting"
        return state_of(self._runner, stays=self._facts.stays, has_lived=bool(self._lives))

    def _children(self, runner: Runner) -> list[ChildStatus]:
        """All of them, where there are several devices."""
        if len(runner.stations) == 1:
            return []
        found = [self._child(station) for station in runner.stations]
        return [child for child in found if child is not None]

    def _child(self, station: Station) -> ChildStatus | None:
        post = station.conductor.post
        if post is None:
            return None
        born_s = station.born_s(post.life)
        counsel = station.conductor.counsel
        return ChildStatus(
            pid=post.pid,
            life=post.life,
            ready=may_work(post),
            device=_device(post, station.device, seen=counsel.device is not None),
            segments=post.segments,
            memory=counsel.figures(),
            marks=counsel.marks(),
            state=post.state.name.lower(),
            age_s=0.0 if born_s is None else round(max(0.0, self._facts.wall_s() - born_s), 3),
        )

    def _counts(self) -> Counts:
        return self._before if self._runner is None else self._before + self._runner.conductor.counts

    def _totals(self) -> Totals:
        counts = self._counts()
        return Totals(
            segments=self._spoken,
            failed=self._failed,
            audio_seconds=round(self._audio_s, 3),
            wall_seconds=round(self._facts.wall_s() - self._since_s, 3),
            recycles=counts.recycles,
            deaths=counts.deaths,
            cleans=counts.cleans,
            attempts=self._attempts,
            lost_seconds=round(counts.lost_s, 3),
        )

    def _job(self) -> JobStatus | None:
        progress = self._progress
        if self._facts.stays:
            return None if progress is None else self._in_hand(progress)
        return JobStatus(
            job=self._facts.job,
            segment=0 if progress is None else progress.segment,
            segments=0 if progress is None else progress.segments,
            output=self._facts.output,
            eta_seconds=None if progress is None else progress.eta_seconds,
        )

    def _in_hand(self, progress: Progress) -> JobStatus | None:
        if progress.segment >= progress.segments or progress.job not in self._facts.in_hand():
            return None  # it is done, or was taken back
        return JobStatus(
            job=progress.job,
            segment=progress.segment,
            segments=progress.segments,
            eta_seconds=progress.eta_seconds,
        )


def _policies(runner: Runner) -> list[PolicyStatus]:
    thoughts = runner.conductor.counsel.thoughts()
    return [PolicyStatus(policy=one.policy, says=one.says, why=one.why) for one in thoughts]


def _template(runner: Runner | None) -> TemplateStatus | None:
    pid = None if runner is None else runner.stations[0].template_pid
    return None if pid is None else TemplateStatus(pid=pid)


def _device(post: Post, configured: str, *, seen: bool) -> str:
    if post.ready is not None and not post.uses_device:
        return "cpu"
    if configured != "auto":
        return configured
    return "cuda:0" if seen else "cpu"


def _life(note: ChildState, now_s: float) -> LifeStatus:
    return LifeStatus(
        life=note.life,
        ended=note.how,
        why=note.why,
        segments=note.segments,
        at=utc(now_s),
        ending=note.ending or "",
        reason=note.reason or "",
    )
