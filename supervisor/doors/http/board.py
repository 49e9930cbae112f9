"""What all who look on are told: gathered while the door is open, made up once for all of them.

Without a viewer the chronicle alone is kept: nothing is asked of the service, and nothing is made into text.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

import msgspec

from supervisor.core.notes import ChildState, MemoryDecision, Note, Progress, Stage
from supervisor.doors.backlog import Backlog
from supervisor.doors.http.fence import Fence
from supervisor.doors.http.moments import (
    ToldJob,
    ToldProgress,
    broom_moment,
    moment_of,
    told_job,
    told_progress,
    told_status,
)
from supervisor.doors.http.pace import Paced
from supervisor.doors.http.viewers import Viewer
from supervisor.edge.ledger_values import JobView
from supervisor.log import Log
from supervisor.loop.chronicle import Chronicle, Moment
from supervisor.loop.service import CannotAsk
from supervisor.loop.sights import BroomUsed, EndState, JobMoved, MemoryReading, ServiceOver, Sight
from supervisor.loop.speaking import Service

#: The latest jobs; the others are had by `jobs/list`.
MOST_JOBS: Final = 200

#: Jobs under way whose progress is kept.
_MOST_UNDER_WAY: Final = 16

_STATUS_S: Final = 1.0
_JOBS_S: Final = 0.5


class Board:
    """One door's.

    Args:
        service: That is looked at.
        fence: Says what may be listened to.
        log: Takes bugs.
        now_s: The wall clock.

    Attributes:
        ending: How the service ended; `failed` where nobody said.
    """

    def __init__(
        self, service: Service, fence: Fence, log: Log, now_s: Callable[[], float] = time.time
    ) -> None:
        self._service = service
        self._log = log
        self._fence = fence
        self._now_s = now_s
        self.ending: EndState = "failed"
        self._chronicle = Chronicle()
        self._viewers: set[Viewer] = set()
        self._jobs: OrderedDict[str, msgspec.Raw] = OrderedDict()
        self._moved: dict[str, None] = {}
        self._under_way: set[str] = set()
        self._progress: OrderedDict[str, ToldProgress] = OrderedDict()
        self._status = Paced(_STATUS_S, self._tell_status)
        self._jobs_told = Paced(_JOBS_S, self._tell_jobs)
        self._ends = [service.listen(self.note), service.on_show.look_on(self.see)]

    @property
    def viewers(self) -> int:
        """How many look on."""
        return len(self._viewers)

    @contextmanager
    def viewing(self, backlog: Backlog) -> Generator[Viewer]:
        """Have one more look on for as long as this lasts."""
        viewer = Viewer(backlog)
        if not self._viewers:
            self._gather()
        self._viewers.add(viewer)
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)
            viewer.close()
            if not self._viewers:
                self._rest()

    def everything(self) -> bytes:
        """Return the event that holds all there is to see now."""
        now_s = self._now_s()
        return event(
            "all",
            {
                "at": now_s,
                "status": told_status(self._service.status()),
                "jobs": list(self._jobs.values()),
                "series": self._chronicle.series(now_s),
                "moments": self._chronicle.moments,
            },
        )

    def close(self) -> None:
        """Listen no more, and let all who look on know that it is over. Again, nothing happens."""
        while self._ends:
            self._ends.pop()()
        self._rest()
        for viewer in self._viewers:
            viewer.end()

    # ------------------------------------------------------------------ what happens

    def note(self, note: Note) -> None:
        """Take what the service tells."""
        try:
            self._note(note)
        except Exception as bug:  # noqa: BLE001 - a bug in what is told must not end what it is told of
            self._log_bug(bug)

    def see(self, sight: Sight) -> None:
        """Take what there is to see."""
        try:
            self._see(sight)
        except Exception as bug:  # noqa: BLE001 - likewise
            self._log_bug(bug)

    def _log_bug(self, bug: Exception) -> None:
        self._log.event("bug", "error", where="http", method="events", message=f"{type(bug).__name__}: {bug}")

    def _note(self, note: Note) -> None:
        if isinstance(note, Progress):
            self._keep_progress(note)
        moment = moment_of(note, self._now_s())
        if moment is not None:
            self._tell_moment(moment)
        if self._viewers:
            self._status.ask()
        if self._viewers and isinstance(note, ChildState | MemoryDecision | Stage):
            # What befalls a child, or memory, may stop a job or let it go on: nobody says which.
            for job in self._under_way:
                self._move(job)

    def _see(self, sight: Sight) -> None:
        match sight:
            case MemoryReading():
                point = self._chronicle.read(sight, self._now_s())
                if self._viewers:
                    self._tell("reading", point)
                    self._status.ask()
            case BroomUsed():
                self._tell_moment(broom_moment(sight, self._now_s()))
            case JobMoved():
                if self._viewers:
                    self._move(sight.job)
                    self._status.ask()
            case ServiceOver():
                self.ending = sight.state

    def _move(self, job: str) -> None:
        self._moved[job] = None
        self._jobs_told.ask()

    def _keep_progress(self, note: Progress) -> None:
        self._progress.pop(note.job, None)
        self._progress[note.job] = told_progress(note)
        if len(self._progress) > _MOST_UNDER_WAY:
            self._progress.popitem(last=False)

    # ------------------------------------------------------------------ what is told

    def _tell(self, name: str, content: object) -> None:
        said = event(name, content)
        for viewer in self._viewers:
            viewer.tell(said)

    def _tell_moment(self, moment: Moment) -> None:
        self._chronicle.tell(moment)
        if self._viewers:
            self._tell("moment", moment)

    def _tell_status(self) -> None:
        self._tell("status", told_status(self._service.status()))

    def _tell_jobs(self) -> None:
        moved, self._moved = self._moved, {}
        for job in moved:
            try:
                view = self._service.job(job)
            except CannotAsk:  # it was forgotten meanwhile
                continue
            told = msgspec.Raw(msgspec.json.encode(self._told(view)))
            if bytes(self._jobs.get(job, b"")) != bytes(told):
                self._keep_job(job, told)
                self._tell("job", told)

    def _keep_job(self, job: str, told: msgspec.Raw) -> None:
        self._jobs[job] = told
        if len(self._jobs) > MOST_JOBS:
            self._jobs.popitem(last=False)

    def _told(self, view: JobView) -> ToldJob:
        if view.state in ("running", "paused"):
            self._under_way.add(view.job)
        else:
            self._under_way.discard(view.job)
            self._progress.pop(view.job, None)
        output = self._service.on_show.output(view.job) or ""
        return told_job(
            view,
            output=output,
            is_audible=bool(view.outputs or view.done) and self._fence.has(output),
            progress=self._progress.get(view.job),
        )

    def _gather(self) -> None:
        """Look at the jobs: somebody looks on from now on."""
        for view in self._service.jobs()[-MOST_JOBS:]:
            self._keep_job(view.job, msgspec.Raw(msgspec.json.encode(self._told(view))))

    def _rest(self) -> None:
        """Keep nothing for nobody."""
        self._status.close()
        self._jobs_told.close()
        self._jobs.clear()
        self._moved.clear()
        self._under_way.clear()


def event(name: str, content: object) -> bytes:
    """Return a server-sent event."""
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(content) + b"\n\n"
