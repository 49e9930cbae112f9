"""A child that works at half its pace: a starved allocator shows there first.

Seconds of work per character, over five segments in a row, at twice this life's own median. The
pace is its own so that a slow machine is not a slow child; short texts are left out, since what
they cost is not their characters; and so is the warm-up. Where a fresh child was as slow as the
one it replaced, it was not the child: then the next one must be twice as slow again to be
replaced, so that a neighbour's load makes no loop.
"""

from bisect import insort
from collections import deque
from dataclasses import dataclass
from typing import Final

#: Segments in a row.
_LATELY: Final = 5

#: The first so many of a life compile and fill caches.
_WARM_UP: Final = 4

#: Before this many a life has no pace.
_PACED: Final = 8

#: Paces kept: a median of so many needs no more, and one of a long life must not creep.
_KEPT: Final = 64

#: Times the median pace.
_SLOW: Final = 2.0

#: Less lost time than this over the five is not worth a start, in seconds.
_WORTH_S: Final = 1.0

#: A fresh child at this share of the pace of the one before is no faster.
_NO_FASTER: Final = 0.75

#: Texts shorter than this share of the typical length are not counted.
_SHORT: Final = 1 / 3


@dataclass(slots=True)
class SlowLives:
    """What lives before have shown; one per job.

    Attributes:
        slow_s_per_char: Pace at which the last one was replaced; 0 = none was, or it is settled.
        patience: Times the threshold; doubled by each replacement that did not help.
    """

    slow_s_per_char: float = 0.0
    patience: float = 1.0


class Slowdown:
    """One child life."""

    def __init__(self, before: SlowLives) -> None:
        self._before = before
        self._seen = 0
        self._chars: deque[int] = deque(maxlen=_KEPT)
        self._typical_chars = 0
        self._paces: list[float] = []
        self._lately: deque[tuple[int, float]] = deque(maxlen=_LATELY)
        self._why = ""

    @property
    def why(self) -> str:
        """Why it is to be replaced, with the figures; empty while it is not."""
        return self._why

    @property
    def median_s_per_char(self) -> float:
        """Pace of this life; 0 while it has none."""
        return self._paces[len(self._paces) // 2] if len(self._paces) >= _PACED else 0.0

    def take(self, chars: int, work_s: float) -> None:
        """Note what a text took, from hand-out to end."""
        self._seen += 1
        self._chars.append(chars)
        if self._seen <= _PACED or self._seen % _KEPT == 0:
            self._typical_chars = sorted(self._chars)[len(self._chars) // 2]
        if self._seen <= _WARM_UP or chars < max(1.0, self._typical_chars * _SHORT):
            return
        if len(self._lately) == _LATELY:
            self._settle(self._lately[0])
        self._lately.append((chars, work_s))
        self._judge()

    def _settle(self, oldest: tuple[int, float]) -> None:
        # Of a long life the first paces stay: a pace that creeps must not take its measure along.
        if len(self._paces) < _KEPT:
            insort(self._paces, oldest[1] / oldest[0])
        if len(self._paces) == _PACED and self._before.slow_s_per_char:
            helped = self.median_s_per_char < _NO_FASTER * self._before.slow_s_per_char
            self._before.patience = 1.0 if helped else 2 * self._before.patience
            self._before.slow_s_per_char = 0.0

    def _judge(self) -> None:
        median = self.median_s_per_char
        self._why = ""
        slow = _SLOW * self._before.patience * median
        chars, work_s = self._lately[-1]
        if not median or work_s < slow * chars or len(self._lately) < _LATELY:
            return
        least = min(work_s / chars for chars, work_s in self._lately)
        lost_s = sum(work_s - median * chars for chars, work_s in self._lately)
        if least >= slow and lost_s >= _WORTH_S:
            self._why = (
                f"the last {_LATELY} segments took {least / median:.1f} times this life's own pace of "
                f"{1000 * median:.1f} ms a character, {lost_s:.0f} s lost"
            )

    def replaced(self) -> None:
        """Note that it is replaced for this: its successor will show whether that helped."""
        self._before.slow_s_per_char = min((work_s / chars for chars, work_s in self._lately), default=0.0)
