"""Whether a child that grows comes as far as the next boundary: recycle only at the last safe one.

A slow leak is free until it would cross the mark before the next boundary. And growth of half a
gigabyte a segment from the first one leaves no warm-up to wait for: the rate seen so far must do.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

#: Segments in which a life may still be warming up.
WARM_UP: Final = 16

#: Segments whose growth is looked at: a warm-up slows down within as many.
_RECENT: Final = 3

#: Of these, so many must have grown.
_GREW: Final = 2


class Growth:
    """How fast a child has grown since it was ready, while it may still be warming up.

    Args:
        known_bytes: Bytes a segment that lives before grew by to their end: believed until this one
            has shown its own.
        least_bytes: Less than this a segment is no growth.
    """

    def __init__(self, *, known_bytes: float = 0.0, least_bytes: int = 1) -> None:
        self._known_bytes = known_bytes
        self._least_bytes = least_bytes
        self._first_bytes = 0
        self._last_bytes = 0
        self._seen = 0
        self._steps: deque[int] = deque(maxlen=_RECENT)

    def take(self, level_bytes: int) -> None:
        """Take what it holds after a segment, declared caches left out."""
        if self._seen:
            self._steps.append(level_bytes - self._last_bytes)
        else:
            self._first_bytes = level_bytes
        self._last_bytes = level_bytes
        self._seen += 1

    @property
    def step_bytes(self) -> int:
        """What the last segment left; below 0 where it gave back."""
        return self._steps[-1] if self._steps else 0

    @property
    def lately_bytes(self) -> float:
        """Bytes a segment by the last few alone: what the next one may be expected to leave."""
        if not self._steps:
            return self._known_bytes
        if sum(step >= self._least_bytes for step in self._steps) < min(_GREW, len(self._steps)):
            return 0.0
        lately = sum(self._steps) / len(self._steps)
        return lately if lately >= self._least_bytes else 0.0

    @property
    def rate_bytes(self) -> float:
        """Bytes a segment; 0 where it is flat, or slows down to it, as a warm-up does."""
        lately = self.lately_bytes
        if not self._steps or not lately:
            return lately
        overall = (self._last_bytes - self._first_bytes) / (self._seen - 1)
        return min(overall, lately) if overall >= self._least_bytes else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The texts up to the next boundary, and the child that is to speak them.

    Attributes:
        floor_bytes: What is used now, after a release.
        rate_bytes: Growth a segment, the high estimate.
        leap_bytes: The most that one text left at once: a leak of now and then much leaves it in any.
        texts: How many.
        need_bytes: Of the longest of them; what it leaves behind is in it. 0 = not known.
    """

    floor_bytes: int
    rate_bytes: float
    leap_bytes: int
    texts: int
    need_bytes: int


def comes_as_far(stretch: Stretch, *, mark_bytes: int, limit_bytes: int) -> bool:
    """Say whether a child that grows comes through a stretch.

    What its texts leave is held against the mark. What one takes for a while it gives back, so it is no
    reason to stay below that: it must find room beside what the ones before it left, no more.

    Args:
        stretch: What is to be spoken.
        mark_bytes: Above which nothing is to stay.
        limit_bytes: Which no text may cross.
    """
    before_last_bytes = stretch.floor_bytes + stretch.rate_bytes * (stretch.texts - 1)
    left_bytes = before_last_bytes + max(stretch.rate_bytes, stretch.leap_bytes)
    return left_bytes <= mark_bytes and before_last_bytes + stretch.need_bytes <= limit_bytes
