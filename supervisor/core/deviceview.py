"""The device as one child life sees it: what is used, which part is the child's, what others hold.

Two sources speak of the child: the driver's list of processes, which may be silent at any time,
and the child's own report after each segment, which knows its allocator (`reserved`) and not the
rest (context, workspaces). Where both speak between two segments the rest is learned, and from then
on the child's part is known without the driver. Where the driver never speaks, the rest counts as
others': it is in the fresh child's place as well, so comparisons hold.
"""

from dataclasses import dataclass

from supervisor.core.traces import Reading, TraceVitals


@dataclass(slots=True, kw_only=True)
class DeviceLearned:
    """What is kept over lives; one per job.

    Attributes:
        fresh: Bytes that a fresh child holds; None while not known.
        rest: Of these, outside the allocator.
        others_least: The least that others ever held; None while not known.
    """

    fresh: int | None = None
    rest: int | None = None
    others_least: int | None = None


class DeviceView:
    """One life.

    Attributes:
        total: Of the device; None while no reading told.
        used: By everybody, at the last reading that told.
        vitals: What the child last said of itself, field by field.
        rest: The child's part outside its allocator; None while not known.
        claimed: The child's part as it was told at the last reading, though it be more than all there is.
        told_rest: Whether the driver spoke of the child since the last segment's end.
    """

    def __init__(self, learned: DeviceLearned, vitals: TraceVitals | None) -> None:
        self._learned = learned
        self.total: int | None = None
        self.used: int | None = None
        self.vitals = TraceVitals()
        self.rest: int | None = None
        self.claimed = 0
        self.told_rest = False
        self._told_before = False
        self._child: int | None = None
        self._before: int | None = None
        self._is_at_rest = False
        self._before_at_rest: int | None = None
        self._own_at_used: int | None = None
        self._fresh_reserved: int | None = None
        self._fresh_rest: int | None = None
        self._fresh_child: int | None = None
        self._lowest_within: int | None = None
        self._highest_within: int | None = None
        self._used_within = False
        self._spoke = False
        self._left_by_release = 0
        if vitals is not None:
            self._merge(vitals)
            self._fresh_reserved = vitals.reserved

    # ------------------------------------------------------------------ what is seen

    def read(self, reading: Reading, *, within_segment: bool) -> None:
        """Take a reading; what it does not tell stays as it was."""
        if reading.device_total is None or reading.device_used is None:
            return
        self.total, self.used = reading.device_total, reading.device_used
        self._used_within = within_segment
        child = reading.child_device
        if child is not None and child < (self.vitals.live or 0) // 2:
            child = None  # it cannot hold less than is live in it: the driver looked at the wrong list
        if child is not None:
            self._child, self._is_at_rest = child, not within_segment
            if within_segment:
                self._lowest_within = min(child, self._lowest_within or child)
                self._highest_within = max(child, self._highest_within or child)
            else:
                self._read_between(child)
        claimed = child if child is not None else self._own_by_report
        self.claimed = claimed or 0
        self._own_at_used = claimed
        if claimed is not None:
            self._own_at_used = min(
                claimed, self.used
            )  # what is more is not on the device, or of another moment
            others = self.used - self._own_at_used
            least = self._learned.others_least
            if least is None or others < least:
                self._learned.others_least = others

    def begin(self) -> None:
        """Note that a segment begins: what is read from here on is not the child's rest."""
        self._spoke = True
        if self._learned.fresh is None:
            self._learned.fresh = self.fresh
        self._told_before, self.told_rest = self.told_rest, False
        self._before = self._child
        self._before_at_rest = self._child if self._is_at_rest else None
        self._lowest_within = self._highest_within = None

    def report(self, vitals: TraceVitals) -> None:
        """Take what the child said after a segment or a release."""
        before = self.vitals
        self._merge(vitals)
        if self._fresh_reserved is None:
            self._fresh_reserved = self.vitals.reserved
        if self.vitals.reserved is None and self._fresh_child is None:
            self._fresh_child = self._lowest_within
        if self.rest is None and self._learned.rest is None and self._fresh_child is not None:
            # Read when ready, and nothing was reported then: its first report must do.
            self.rest = max(0, self._fresh_child - (self._fresh_reserved or self._fresh_child))
        if self._used_within:
            self._bracket(before)
        self._used_within = False

    def released(self, vitals: TraceVitals) -> None:
        """Take what the child said after a release: what is still in reserve, no release gives back."""
        self.report(vitals)
        self._left_by_release = self.slack

    def _read_between(self, child: int) -> None:
        if not self._spoke:
            self._fresh_child = self._learned.fresh = child
        elif self._fresh_child is None and self.vitals.reserved is None:
            self._fresh_child = child
        if self.vitals.reserved is not None:
            self._learn_rest(max(0, child - self.vitals.reserved))

    def _bracket(self, before: TraceVitals) -> None:
        """Tell of a reading within a segment what part of it was in the allocator: no more than this."""
        now = self.vitals
        if now.reserved is None:
            return
        reserved = max(now.reserved, before.reserved or 0, now.peak or 0)
        searched = now.retries != before.retries  # it gave back and took anew: no bracket holds
        if self._highest_within is not None and not searched:
            rest = self._highest_within - reserved
            if rest > (self.rest or 0):
                self._learn_rest(rest)
        if self._highest_within is None:
            self._own_at_used = reserved + self._rest_or_known

    def _learn_rest(self, rest: int) -> None:
        self.rest = rest
        self.told_rest = True
        if self._fresh_rest is None:
            self._fresh_rest = rest
            self._learned.rest = rest

    def _merge(self, vitals: TraceVitals) -> None:
        if vitals.reserved is None:
            return
        self.vitals = vitals

    # ------------------------------------------------------------------ what follows

    @property
    def _rest_or_known(self) -> int:
        if self.rest is not None:
            return self.rest
        return self._learned.rest or 0

    @property
    def _own_by_report(self) -> int | None:
        if self.vitals.reserved is None:
            return self._child
        return self.vitals.reserved + self._rest_or_known

    @property
    def own(self) -> int | None:
        """The child's part now; None where nobody can tell."""
        return self._own_by_report

    @property
    def own_at_reading(self) -> int | None:
        """The child's part at the moment of the last reading."""
        return self._own_at_used

    @property
    def fresh(self) -> int | None:
        """What a fresh child holds: this one when it was ready, else one before it."""
        if self._fresh_child is not None:
            return self._fresh_child
        if self._fresh_reserved is not None:
            rest = self._fresh_rest if self._fresh_rest is not None else self._rest_or_known
            return self._fresh_reserved + rest
        return self._learned.fresh

    @property
    def now(self) -> int | None:
        """What everybody uses now: the last reading, moved by what the child said since."""
        if self.used is None or self._own_at_used is None:
            return self.used
        return self.used - self._own_at_used + (self.own or 0)

    @property
    def slack(self) -> int:
        """Reserved by the child and not live."""
        if self.vitals.reserved is None or self.vitals.live is None:
            return 0
        return max(0, self.vitals.reserved - self.vitals.live)

    @property
    def releasable(self) -> int:
        """What a release should give back: no free pieces of blocks in use, nor what the last one left."""
        return max(0, self.slack - max(self.vitals.inactive_split or 0, self._left_by_release))

    @property
    def others(self) -> int | None:
        """What others hold, by the last reading; None where the child's part is not known."""
        if self.used is None or self._own_at_used is None:
            return None
        return max(0, self.used - self._own_at_used)

    @property
    def is_hidden(self) -> bool:
        """Whether the driver never told this child's part: what it holds outside torch counts as others'."""
        return self._child is None

    @property
    def other(self) -> int | None:
        """The child's part outside torch, as the driver told it of this segment or since the one before.

        None where it told nothing. Where the child knows nothing of its own, the least that was seen from
        just before the segment to its end: within it a reading may have met nothing but what it took for a
        while, and what it leaves behind shows before the next.
        """
        if self.vitals.reserved is None:
            seen = [one for one in (self._before_at_rest, self._lowest_within) if one is not None]
            return min(seen, default=self._child)
        return self.rest if self.told_rest or self._told_before else None

    @property
    def needed(self) -> int | None:
        """What the segment took for a while beyond what was there before it; None = was not seen."""
        if self._highest_within is None or self._before is None:
            return None
        return self._highest_within - self._before

    @property
    def others_least(self) -> int:
        """The least that others ever held."""
        return self._learned.others_least or 0
