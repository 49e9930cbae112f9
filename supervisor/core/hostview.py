"""Private host memory as one child life shows it: the child's own report, and what is read from outside."""

from dataclasses import dataclass

from supervisor.core.traces import Reading, TraceVitals


@dataclass(slots=True, kw_only=True)
class HostLearned:
    """What is kept over lives; one per job.

    Attributes:
        fresh: Private bytes of a fresh child; None while not known.
    """

    fresh: int | None = None


class HostView:
    """One life.

    Attributes:
        private: The latest; None while nothing told.
        available: What the machine could still give, at the last reading that told.
        total: Of the machine, where a reading told.
    """

    def __init__(self, learned: HostLearned, vitals: TraceVitals | None) -> None:
        self._learned = learned
        self._fresh: int | None = None
        self._before: int | None = None
        self._within = False
        self._highest_within: int | None = None
        self.private: int | None = None
        self.available: int | None = None
        self.total: int | None = None
        if vitals is not None:
            self.report(vitals)

    def read(self, reading: Reading) -> None:
        """Take a reading; what it does not tell stays as it was."""
        if reading.host_available is not None:
            self.available = reading.host_available
        if reading.host_total is not None:
            self.total = reading.host_total
        if reading.child_host is not None:
            self._take(reading.child_host)

    def begin(self) -> None:
        """Note that a segment begins."""
        self._within = True
        self._before, self._highest_within = self.private, None

    def report(self, vitals: TraceVitals) -> None:
        """Take what the child said of itself, between two segments."""
        self._within = False
        if vitals.host_private is not None:
            self._take(vitals.host_private)

    @property
    def needed(self) -> int | None:
        """What the segment took for a while beyond what was there before it; None = was not seen."""
        if self._before is None or self._highest_within is None:
            return None
        return self._highest_within - self._before

    @property
    def at_least(self) -> int:
        """What the machine must have, by what the child holds and what it could still give."""
        return (self.private or 0) + (self.available or 0)

    @property
    def fresh(self) -> int | None:
        """What a fresh child holds: this one when it was ready, else one before it."""
        return self._fresh if self._fresh is not None else self._learned.fresh

    def _take(self, private: int) -> None:
        self.private = private
        if self._within:
            self._highest_within = max(private, self._highest_within or 0)
        elif self._fresh is None:
            self._fresh = self._learned.fresh = private
