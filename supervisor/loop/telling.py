"""What a service tells: each note to the log, to people, to who listens, and to those who watch its job."""

from collections.abc import Callable

from supervisor.core.notes import Note, Progress, SegmentSpoken, SegmentTrouble
from supervisor.errors import SupervisorError
from supervisor.log import Log
from supervisor.loop.logged import log_note
from supervisor.loop.requestqueue import is_request
from supervisor.loop.service import Status
from supervisor.loop.sights import ServiceOver, Sights
from supervisor.loop.statusline import ended_as
from supervisor.loop.watching import Ended, Watchers


class Telling:
    """One service's.

    Attributes:
        watchers: Of its jobs.
        sights: For who looks on.
    """

    def __init__(self, log: Log, show: Callable[[Note], None]) -> None:
        """Make it.

        Args:
            log: Takes every note as an event.
            show: Takes every note.
        """
        self.watchers = Watchers()
        self.sights = Sights()
        self._log = log
        self._takers = [show]
        self._listeners: list[Callable[[Note], None]] = []

    def also(self, take: Callable[[Note], None]) -> None:
        """Have one more take every note, before the others."""
        self._takers.insert(0, take)

    def listen(self, told: Callable[[Note], None]) -> Callable[[], None]:
        """Have a client told of jobs and of the child; returns what ends that."""
        self._listeners.append(told)

        def unlisten() -> None:
            if told in self._listeners:
                self._listeners.remove(told)

        return unlisten

    def show(self, note: Note) -> None:
        """Tell a note."""
        is_of_a_segment = isinstance(note, SegmentSpoken | SegmentTrouble | Progress)
        if not is_of_a_segment:
            self._tell(note)
            self.watchers.tell_all(note)
        elif is_request(note.job):
            self._keep(note)  # whoever asked gets an answer, and nobody else is to know
        else:
            self.show_of(note.job, note)

    def show_of(self, job: str, note: Note) -> None:
        """Tell a note that is about a job, and not about others in hand."""
        self._tell(note)
        self.watchers.tell(job, note)
        self.sights.moved(job)

    def stopped(self) -> None:
        """Tell who looks on that the service ends as it was asked to."""
        self.sights.show(ServiceOver(state="stopped"))

    def failed(self, error: SupervisorError, status: Status) -> None:
        """Tell who watches a job, and who looks on, what the service ends of.

        Args:
            error: What ended it.
            status: As it stood then.
        """
        self.watchers.end_all(Ended(exit_code=error.exit_code, message=str(error)))
        self.sights.show(ServiceOver(state=ended_as(status, error)))

    def _tell(self, note: Note) -> None:
        self._keep(note)
        for told in list(self._listeners):
            told(note)

    def _keep(self, note: Note) -> None:
        log_note(self._log, note)
        for take in self._takers:
            take(note)
