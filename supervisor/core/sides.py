"""Both kinds of memory seen alike: the device as a whole, and the child's private host memory.

A side knows its marks, what is used now and by whom, what a text needs and how fast the child
grows. The panel puts the same questions to both (`deviceside.py`, `hostside.py`).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

from supervisor.core.memoryterms import Marks
from supervisor.policy.headroom import Need, Room, margin_bytes
from supervisor.policy.leak import Leak
from supervisor.policy.lookahead import WARM_UP, Growth, Stretch, comes_as_far
from supervisor.policy.watermark import Level, WatermarkLimits

_MIB: Final = 2**20

#: Growth that is worth a recycle: so much, or such a share of what there is, whichever is less.
_WORTH_BYTES: Final = 256 * _MIB
_WORTH_SHARE: Final = 0.02
_WORTH_OF_SOFT: Final = 0.1

#: Less than this is noise: pages of libraries come and go with other processes.
_NOISE_BYTES: Final = 16 * _MIB

#: How far from soft to hard a child that grows may come by the next boundary.
_SAFE_SHARE: Final = 0.5


class Side(ABC):
    """What both sides have; one per job, with a part that begins anew with each life.

    Attributes:
        name: As in the keys of the configuration.
        need: What texts need, learned over all lives.
        limits: The marks; None while the total is not known.
        total: What there is; None while not known.
        stood_above_at: Segments of this life when it last stood above the soft mark after a release.
        crossed: Within the segment the soft mark was crossed, which may have been its passing need.
    """

    name: Literal["device", "host"]

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self.need = Need()
        self.limits: WatermarkLimits | None = None
        self.total: int | None = None
        self._warm_known: int | None = None
        self._warm_floor: int | None = None
        self._leak: Leak | None = None
        self._rate_known = 0.0
        self._leap = 0
        self._segments = 0
        self._begin()

    def _begin(self) -> None:
        self.crossed = False
        self.stood_above_at = 0
        self._warm_known = min(self._warm_floors, default=None)
        self._warm_floor = None
        self._segments = 0
        self._growth = Growth(known_bytes=self._rate_known, least_bytes=_MIB)
        self._leak = None

    # ------------------------------------------------------------------ what is there, in bytes

    @property
    @abstractmethod
    def now(self) -> int | None:
        """What is used now; None while not known."""

    @property
    @abstractmethod
    def own(self) -> int | None:
        """The child's part now; None where nobody can tell."""

    @property
    @abstractmethod
    def fresh(self) -> int | None:
        """What a fresh child holds; None while not known."""

    @property
    def releasable(self) -> int:
        """What a release should give back."""
        return 0

    @property
    def slack(self) -> int:
        """What the next text finds reserved already."""
        return 0

    @property
    def others(self) -> int | None:
        """What others hold; None where the child's part is not known."""
        return 0

    @property
    def others_least(self) -> int:
        """The least that others ever held."""
        return 0

    @property
    def others_grew(self) -> int:
        """What others hold beyond that."""
        return max(0, (self.others or 0) - self.others_least)

    @property
    def rests_above_soft(self) -> bool:
        """Whether a fresh child already stands above the soft mark: it is not acted on then."""
        return self.limits is not None and self.fresh is not None and self.fresh >= self.limits.soft_bytes

    @property
    def ceiling(self) -> int:
        """What no text may cross; 0 while the marks are not known."""
        return 0 if self.limits is None else self.limits.hard_bytes

    @property
    def grown(self) -> int:
        """What the child would hold beyond a warm one after a release; 0 where nobody can tell."""
        if self.own is None or self.warm_bytes is None:
            return 0
        return max(0, self.own - self.releasable - self.warm_bytes)

    @property
    def warm_bytes(self) -> int | None:
        """What a fresh child will hold once it is warm, as far as that is known; None = nothing is."""
        if self.fresh is None:
            return None
        return max(self.fresh, min(self._warm_floors, default=0))

    @property
    def _warm_floors(self) -> list[int]:
        """What lives held when they were warm, less what they had leaked by then at the rate known now."""
        known = [] if self._warm_known is None else [self._warm_known]
        own = [] if self._warm_floor is None else [self._warm_floor - int(self.rate * WARM_UP)]
        return known + own

    @property
    def worth(self) -> int:
        """Growth that is worth a recycle."""
        if self.limits is None or self.total is None:
            return _WORTH_BYTES
        soft = int(_WORTH_OF_SOFT * self.limits.soft_bytes)
        return max(_NOISE_BYTES, min(_WORTH_BYTES, int(_WORTH_SHARE * self.total), soft))

    @property
    def rate(self) -> float:
        """Growth a segment: what is seen so far, and once it is warm what the leak policy says."""
        if self._segments > WARM_UP and self._leak is not None:
            return self._leak.rate_bytes
        own, warm = self.own, self._warm_known
        if own is not None and warm is not None and own - self.releasable <= warm:
            return 0.0  # it comes to be what a warm child is
        return self._growth.rate_bytes

    def need_high(self, chars: int) -> int:
        """Return the most that a text should need, with a margin; 0 where nothing is known."""
        if not self.need.is_known:
            return 0
        # A margin of what may be used: a mark can lie far below what the machine has.
        return self.need.high_bytes(chars) + margin_bytes(self.ceiling)

    def next_bytes(self, chars: int) -> int:
        """Return the most that the next text should take: for a while, or for good as those before it did."""
        return max(self.need_high(chars), int(self._growth.lately_bytes))

    # ------------------------------------------------------------------ for the policies

    def level(self) -> Level | None:
        """Return how high it stands now, against the child as it was when fresh."""
        if self.now is None:
            return None
        return Level(
            used_bytes=self.now, own_bytes=self.own, fresh_bytes=self.fresh, slack_bytes=self.releasable
        )

    def warm(self, level: Level) -> Level:
        """Return a level against a child that is warm: a successor will be, soon."""
        if level.fresh_bytes is None or self.warm_bytes is None:
            return level
        return replace(level, fresh_bytes=max(level.fresh_bytes, self.warm_bytes))

    def within(self, level: Level, chars: int) -> Level:
        """Return a level seen within a text against a warm child that speaks the same one."""
        level = self.warm(level)
        if level.fresh_bytes is None:
            return level
        # Beside its reserve, which may lie in pieces too small for the text: then all that it takes for a
        # while comes on top. What is left is kept for certain.
        return replace(level, fresh_bytes=level.fresh_bytes + self.need_high(chars))

    def is_below(self, used: int) -> bool:
        """Say whether that much is below the soft mark, and note it."""
        if self.limits is not None and used >= self.limits.soft_bytes:
            return False
        self.crossed = False
        return True

    def has_room_for(self, chars: int) -> bool:
        """Say whether the next text fits beside all that is there, as it is; True where nobody can tell."""
        now = self.now
        if now is None or self.limits is None:
            return True
        return now + self.next_bytes(chars) <= self.ceiling

    def room(self) -> Room | None:
        """Return what there is for the next text; None while the marks are not known."""
        if self.now is None or self.limits is None:
            return None
        return Room(
            limit=self.ceiling,
            used=self.now,
            floor=self.now - self.releasable,
            slack=self.slack,
            grown=self.grown,
            fresh=self.fresh,
            others=self.others,
            worth=self.worth,
            others_grew=self.others_grew,
        )

    @property
    def safe_marks(self) -> tuple[int, ...]:
        """Below which growth is to stay until a boundary, the best first: soft, else not far beyond it."""
        if self.limits is None:
            return ()
        soft, hard = self.limits.soft_bytes, self.limits.hard_bytes
        if self.rests_above_soft:
            return (self.ceiling,)
        return tuple(min(mark, self.ceiling) for mark in (soft, int(soft + _SAFE_SHARE * (hard - soft))))

    def comes_as_far(self, chars: Sequence[int], mark_bytes: int, *, fresh: bool = False) -> bool:
        """Say whether what these texts leave stays below a mark and each finds room; True if nothing grows.

        Args:
            chars: Of the texts.
            mark_bytes: Above which nothing is to stay; a text may pass it for a while.
            fresh: Whether a fresh child is to speak them.
        """
        if self.now is None or self.rate <= 0:
            return True
        stretch = Stretch(
            floor_bytes=self.now - self.releasable - (self.grown if fresh else 0),
            rate_bytes=self.rate,
            leap_bytes=self._leap,
            texts=len(chars),
            need_bytes=self.need_high(max(chars)),
        )
        return comes_as_far(stretch, mark_bytes=mark_bytes, limit_bytes=self.ceiling)

    def stays_below(self, chars: int) -> bool:
        """Say whether one more text would stay below soft; below hard where soft is not acted on."""
        if self.now is None or self.limits is None:
            return True
        mark_bytes = self.limits.hard_bytes if self.rests_above_soft else self.limits.soft_bytes
        return self.now + self.next_bytes(chars) - self.slack < mark_bytes

    def leaves_no_time(self, segments: int) -> bool:
        """Say whether it grows so fast that so many segments more would cross the hard mark."""
        if self.now is None or self.limits is None:
            return False
        return self.rate > 0 and self.now + self.rate * segments >= self.limits.hard_bytes

    @abstractmethod
    def successor_fits(self) -> bool:
        """Say whether a fresh child would find room once this one is gone."""

    @property
    def leak(self) -> Leak | None:
        """The leak policy of this life; None while nothing speaks of this side."""
        return self._leak

    # ------------------------------------------------------------------ what happens

    def learn_total(self, total: int) -> None:
        """Learn what there is."""
        if total != self.total:
            self.total = total
            self.limits = self._marks(total)

    def ends_for_growth(self) -> None:
        """Note that this life ends for its growth: the next one need not prove it anew."""
        if self._segments <= WARM_UP:
            self._rate_known = self._growth.rate_bytes

    def _after_segment(self, growing: int | None) -> None:
        self._segments += 1
        if growing is not None:
            self._growth.take(growing)
            if self._segments > WARM_UP:
                self._leap = max(self._leap, self._growth.step_bytes)
        if self._segments == WARM_UP and self.own is not None:
            self._warm_floor = self.own - self.releasable
            self._rate_known = 0.0
