"""When to start the next child, and when to give up.

Three tallies, kept apart because they mean different things:

- planned ends (recycles, the end of the work) never count;
- ends from outside (SIGKILL or SIGTERM that we did not send) do not count either, up to 20
  in a row: an operator or a script; more than that is the kernel killing what does not fit;
- mishaps count: deaths before ready, and deaths in a row over different segments with none
  finished between. Five within ten minutes: give up and say why.

A finished segment clears everything. The first start after a mishap has no delay; then the
delay doubles with the tally, because what failed twice at once seldom mends within milliseconds.
"""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

#: No segment was in hand: the child was not ready, or had nothing to speak yet.
NO_SEGMENT: Final = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartLimits:
    """Bounds of the tallies.

    Attributes:
        mishaps: So many within `window_s`: give up.
        window_s: Seconds.
        outside: Ends from outside in a row that are forgiven.
        first_delay_s: Delay after the second mishap in a row; doubled with each that is tallied.
    """

    mishaps: int = 5
    window_s: float = 600.0
    outside: int = 20
    first_delay_s: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """Start the next child after `delay_s`."""

    delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """Start none any more; `why` is a sentence with the figures."""

    why: str


class Restarts:
    """Tally the ends of one slot's children."""

    def __init__(self, limits: RestartLimits | None = None) -> None:
        self._limits = limits or RestartLimits()
        self._boot_s: deque[float] = deque()
        self._loop_s: deque[float] = deque()
        self._last_segment: Hashable | None = None
        self._in_a_row = 0
        self._outside_in_a_row = 0

    def finished(self) -> None:
        """A segment was finished: forget every mishap."""
        self._boot_s.clear()
        self._loop_s.clear()
        self._last_segment = None
        self._in_a_row = 0
        self._outside_in_a_row = 0

    def ended_as_planned(self) -> Restart:
        """A planned end: start the next at once."""
        return Restart(delay_s=0.0)

    def ended_from_outside(self) -> Restart | None:
        """An end from outside: start the next at once, or None if it must count as a mishap."""
        self._outside_in_a_row += 1
        return Restart(delay_s=0.0) if self._outside_in_a_row <= self._limits.outside else None

    def ended_by_mishap(self, segment: Hashable | None, why: str, at_s: float) -> Restart | GiveUp:
        """A mishap: say when to start the next child, or that it is over.

        Args:
            segment: What tells the segment in hand from others; None if the child was not ready or had none.
            why: The death in words, for the reason given.
            at_s: Monotonic seconds.
        """
        self._in_a_row += 1
        tally, what = self._tally(segment, at_s)
        while tally and tally[0] <= at_s - self._limits.window_s:
            tally.popleft()
        if len(tally) >= self._limits.mishaps:
            minutes = self._limits.window_s / 60
            return GiveUp(why=f"{len(tally)} {what} within {minutes:g} minutes; the last one: {why}")
        return Restart(delay_s=self._delay_s(len(tally)))

    def _tally(self, segment: Hashable | None, at_s: float) -> tuple[deque[float], str]:
        if segment is NO_SEGMENT:
            self._boot_s.append(at_s)
            return self._boot_s, "children ended before they were ready, or with no segment in hand,"
        # The same segment again is that segment's trouble (`child.attempts`), not a crash loop.
        if segment != self._last_segment:
            self._loop_s.append(at_s)
            self._last_segment = segment
        return self._loop_s, "different segments in a row ended their child, and none was finished,"

    def _delay_s(self, tallied: int) -> float:
        # Doubled with the tally, not with every death: three tries of one segment are no storm.
        if self._in_a_row <= 1:
            return 0.0
        # The tally's own bound bounds it: 2 s before the fifth.
        return self._limits.first_delay_s * 2.0 ** (tallied - 1)
