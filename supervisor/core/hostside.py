"""Private host memory of the child: nobody else's is in it."""

from typing import Literal

from supervisor.core.hostview import HostLearned, HostView
from supervisor.core.memoryterms import MemoryTerms
from supervisor.core.sides import Side
from supervisor.core.traces import Reading, TraceVitals
from supervisor.policy.fit import fits_beside, successor_fits
from supervisor.policy.leak import Leak, Sample


class HostSide(Side):
    """Private host memory of the child: nobody else's is in it.

    Attributes:
        view: Of this life.
    """

    name: Literal["device", "host"] = "host"

    def __init__(self, terms: MemoryTerms) -> None:
        self._learned = HostLearned()
        self._leak_limits = terms.leak(terms.host_total_bytes)
        self.view = HostView(self._learned, None)
        super().__init__(terms.host)
        self.learn_total(terms.host_total_bytes)

    def begin_life(self, vitals: TraceVitals | None) -> None:
        """Begin anew what is of one life."""
        self._begin()
        self._leak = Leak(self._leak_limits, card_bytes=None)
        self.view = HostView(self._learned, vitals)

    def read(self, reading: Reading) -> None:
        """Take a reading."""
        self.view.read(reading)
        if self.view.total is not None:
            self.learn_total(self.view.total)
        elif self.view.at_least > (self.total or 0):  # recorded on a larger machine than this one
            self.learn_total(self.view.at_least)

    def spoken(self, chars: int, vitals: TraceVitals) -> None:
        """Take what the child said after a segment."""
        if self.view.needed is not None:
            self.need.take(chars, self.view.needed)
        self.view.report(vitals)
        undeclared = self.view.private
        if undeclared is not None and vitals.live is None:  # else its caches are on the device
            undeclared -= vitals.declared or 0
        self._after_segment(undeclared)
        if self._leak is not None and undeclared is not None:
            self._leak.take(Sample(chars=chars, host_bytes=undeclared))

    @property
    def now(self) -> int | None:  # noqa: D102 -- as said above, here and below
        return self.view.private

    @property
    def own(self) -> int | None:  # noqa: D102 -- likewise
        return self.view.private

    @property
    def fresh(self) -> int | None:  # noqa: D102 -- likewise
        return self.view.fresh

    def successor_fits(self) -> bool:
        """Say whether a fresh child would find room once this one is gone."""
        available, private, fresh = self.view.available, self.view.private, self.fresh
        if available is None or private is None:
            return True
        return successor_fits(
            used_bytes=private, own_bytes=private, fresh_bytes=fresh, limit_bytes=private + available
        )

    def fits_beside(self) -> bool | None:
        """Say whether a fresh child would find room beside this one; None = cannot be told."""
        if self.view.available is None:
            return None
        return fits_beside(used_bytes=0, fresh_bytes=self.fresh, limit_bytes=self.view.available)
