"""Shapes of one figure over a life: garbage that is collected, a rise that flattens, the rate of growth.

In plain numbers, bounded in memory and time: at most 24 block minima are kept and merged in pairs
when there are more, so that a life of any length costs the same.
"""

from collections.abc import Sequence
from typing import Final

#: Segments of a block; blocks kept. When they are full, pairs are merged: the width doubles.
BLOCK: Final = 8
_BLOCKS: Final = 24

#: Fewer blocks than this have no slope, and fewer than that no shape.
_SLOPED: Final = 3
_SHAPED: Final = 5

#: One in so many segments of a stretch may be an exception.
_MISSED: Final = 10

#: Teeth that tell how long teeth are.
_TEETH: Final = 3


class Teeth:
    """Find rises that were given back, at least by half: garbage that a collector came to.

    Args:
        least_bytes: A lower rise is no tooth.
    """

    def __init__(self, *, least_bytes: int) -> None:
        self._least_bytes = least_bytes
        self._at = 0
        self._low_bytes = 0
        self._low_at = 0
        self._high_bytes = 0
        self._count = 0
        self._longest = 0

    def take(self, now_bytes: int) -> None:
        """Take the figure after the next segment."""
        self._at += 1
        if self._at == 1:
            self._begin(now_bytes)
        self._high_bytes = max(self._high_bytes, now_bytes)
        risen_bytes, fallen_bytes = self._high_bytes - self._low_bytes, self._high_bytes - now_bytes
        if fallen_bytes > self._least_bytes and 2 * fallen_bytes >= risen_bytes:
            self._count += 1
            self._longest = max(self._longest, self._at - self._low_at)
            self._begin(now_bytes)
        elif now_bytes <= self._low_bytes:
            self._begin(now_bytes)

    @property
    def has_any(self) -> bool:
        """Whether anything was ever given back."""
        return self._count > 0

    def outlived_by(self, segments: int, *, first: int) -> bool:
        """Say whether a rise of so many segments is longer than any tooth would be.

        Args:
            segments: How long the figure has stood high.
            first: A tooth's length as long as too few are known.
        """
        longest = 1.25 * self._longest
        return segments > (longest if self._count >= _TEETH else max(longest, first))

    def _begin(self, now_bytes: int) -> None:
        self._low_bytes = self._high_bytes = now_bytes
        self._low_at = self._at


class Run:
    """The present stretch of segments of which at most one in ten missed something."""

    def __init__(self) -> None:
        self.length = 0
        self.start_bytes = 0
        self._missed = 0

    def take(self, before_bytes: int, *, missed: bool) -> None:
        """Take the next segment.

        Args:
            before_bytes: The figure before it.
            missed: Whether it lacked what the others of the stretch have.
        """
        if self.length == 0:
            self.start_bytes = before_bytes
        self.length += 1
        self._missed += missed
        if self._missed * _MISSED > self.length:
            self.length = self._missed = 0


class Blocks:
    """Minima of blocks of segments, and the slopes between them (Theil 1950, Sen 1968)."""

    def __init__(self) -> None:
        self._minima: list[int] = []
        self._width = BLOCK
        self._filled = 0
        self._minimum_bytes = 0
        self._since: list[int] | None = None
        self._rate_bytes: float | None = None

    def take(self, now_bytes: int) -> None:
        """Take the figure after the next segment."""
        self._minimum_bytes = now_bytes if self._filled == 0 else min(self._minimum_bytes, now_bytes)
        self._filled += 1
        if self._filled == self._width:
            self._close()

    def rate_bytes(self, above_bytes: int) -> float | None:
        """Return the high estimate of growth a segment: the 80 % quantile of the slopes.

        Args:
            above_bytes: Only what came after the last block that did not stand above this counts.

        Returns:
            None if the blocks are too few.
        """
        since = self._risen(above_bytes)
        if self._rate_bytes is None and len(since) >= _SLOPED:
            slopes = sorted(_slopes(since, self._width))
            self._rate_bytes = max(0.0, slopes[len(slopes) * 4 // 5])
        return self._rate_bytes

    def is_shaped(self, above_bytes: int) -> bool:
        """Say whether there are blocks enough to tell a steady rise from one that flattens."""
        return len(self._risen(above_bytes)) >= _SHAPED

    def flattens(self, above_bytes: int, share: float) -> bool:
        """Say whether the rise of the later half is below such a share of the earlier half's."""
        since = self._risen(above_bytes)
        half = len(since) // 2
        early_bytes, late_bytes = since[half] - since[0], since[-1] - since[-1 - half]
        return late_bytes <= share * early_bytes

    def _risen(self, above_bytes: int) -> list[int]:
        # Asked for after every segment, and new only when a block was closed.
        if self._since is None:
            onset = 0
            for index, minimum in enumerate(self._minima):
                if minimum <= above_bytes:
                    onset = index
            self._since = self._minima[onset:]
        return self._since

    def _close(self) -> None:
        self._minima.append(self._minimum_bytes)
        self._filled = 0
        self._since = self._rate_bytes = None
        if len(self._minima) == _BLOCKS:
            pairs = zip(self._minima[0::2], self._minima[1::2], strict=True)
            self._minima = [min(pair) for pair in pairs]
            self._width *= 2


def median(figures: Sequence[int]) -> int:
    """Return the lower median."""
    return sorted(figures)[(len(figures) - 1) // 2]


def _slopes(minima: Sequence[int], width: int) -> list[float]:
    return [(minima[b] - minima[a]) / (width * (b - a)) for b in range(len(minima)) for a in range(b)]
