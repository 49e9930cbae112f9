"""The whole device: the child's part of it, and others'."""

from typing import Final, Literal

from supervisor.core.deviceview import DeviceLearned, DeviceView
from supervisor.core.memoryterms import MemoryTerms
from supervisor.core.sides import Side
from supervisor.core.traces import Reading, TraceVitals
from supervisor.policy.fit import fits_beside, successor_fits
from supervisor.policy.leak import Leak, Sample
from supervisor.policy.watermark import Level

#: Of a device, this share can be had: the rest is the driver's and lost between pages.
_USABLE: Final = 0.985


class DeviceSide(Side):
    """The whole device.

    Attributes:
        view: Of this life.
    """

    name: Literal["device", "host"] = "device"

    def __init__(self, terms: MemoryTerms) -> None:
        self._learned = DeviceLearned()
        self._terms = terms
        self.view = DeviceView(self._learned, None)
        super().__init__(terms.device)

    def begin_life(self, vitals: TraceVitals | None) -> None:
        """Begin anew what is of one life."""
        self._begin()
        self.view = DeviceView(self._learned, vitals)

    def read(self, reading: Reading, *, within_segment: bool) -> None:
        """Take a reading."""
        self.view.read(reading, within_segment=within_segment)
        if self.view.total is not None:
            self.learn_total(self.view.total)

    def spoken(self, chars: int, vitals: TraceVitals) -> None:
        """Take what the child said after a segment."""
        before = self.view.vitals.live
        self.view.report(vitals)
        live = vitals.live
        if before is not None and vitals.peak is not None:
            self.need.take(chars, vitals.peak - before)
        elif live is None and self.view.needed is not None:
            self.need.take(chars, self.view.needed)
        other = self.view.other
        self._after_segment(self._growing(other))
        if live is not None or other is not None:
            if self._leak is None:
                limits = self._terms.leak(self.total or self._terms.host_total_bytes)
                self._leak = Leak(limits, card_bytes=self.total)
            self._leak.take(
                Sample(
                    chars=chars,
                    live_bytes=live,
                    declared_bytes=vitals.declared,
                    other_bytes=other,
                    reserved_bytes=vitals.reserved,
                )
            )

    def released(self, vitals: TraceVitals) -> None:
        """Take what the child said after a release."""
        self.view.released(vitals)
        if self._leak is not None and vitals.reserved is not None and vitals.live is not None:
            self._leak.released(
                reserved_bytes=vitals.reserved,
                live_bytes=vitals.live,
                inactive_split_bytes=vitals.inactive_split,
            )

    def _growing(self, other: int | None) -> int | None:
        live = self.view.vitals.live
        if live is None:
            return other
        rest = self.view.rest if other is None else other
        return live - (self.view.vitals.declared or 0) + (rest or 0)

    @property
    def now(self) -> int | None:  # noqa: D102 -- as said above, here and below
        return self.view.now

    @property
    def own(self) -> int | None:  # noqa: D102 -- likewise
        return self.view.own

    @property
    def fresh(self) -> int | None:  # noqa: D102 -- likewise
        return self.view.fresh

    @property
    def releasable(self) -> int:  # noqa: D102 -- likewise
        return self.view.releasable

    @property
    def slack(self) -> int:  # noqa: D102 -- likewise
        return self.view.slack

    @property
    def others(self) -> int | None:  # noqa: D102 -- likewise
        return self.view.others

    @property
    def others_least(self) -> int:  # noqa: D102 -- likewise
        return self.view.others_least

    @property
    def ceiling(self) -> int:  # noqa: D102 -- likewise
        return min(super().ceiling, self.usable)

    @property
    def usable(self) -> int:
        """What of the device can be had at all."""
        return int(_USABLE * (self.total or 0))

    def is_overcommitted(self, *, within_segment: bool) -> bool:
        """Say whether the child holds more than all there is: it is in the host's memory then, and crawls.

        Args:
            within_segment: Whether its reserve is in use; between two segments it can be released.
        """
        to_come_bytes = 0 if within_segment else self.releasable
        return self.total is not None and self.view.claimed - to_come_bytes > self.total

    def level_at_reading(self) -> Level | None:
        """Return how high it stood at the last reading, against the child as it was when fresh."""
        if self.view.used is None:
            return None
        return Level(
            used_bytes=self.view.used,
            own_bytes=self.view.own_at_reading,
            fresh_bytes=self.fresh,
            slack_bytes=self.releasable,
        )

    def successor_fits(self) -> bool:
        """Say whether a fresh child would find room once this one is gone."""
        if self.now is None:
            return True
        return successor_fits(
            used_bytes=self.now, own_bytes=self.own, fresh_bytes=self.fresh, limit_bytes=self.usable
        )

    def fits_beside(self) -> bool | None:
        """Say whether a fresh child would find room beside all that is there; None = cannot be told."""
        if self.now is None:
            return None
        return fits_beside(used_bytes=self.now + self.worth, fresh_bytes=self.fresh, limit_bytes=self.ceiling)

    def fits_as_read(self) -> bool | None:
        """Say whether a fresh child would find room beside what was read last; None = cannot be told."""
        if self.view.used is None:
            return None
        return fits_beside(used_bytes=self.view.used, fresh_bytes=self.fresh, limit_bytes=self.usable)
