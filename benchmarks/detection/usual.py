"""The usual rules, each as its users have it, over one figure of one life.

Where an engine has no torch, each looks at private host memory instead.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from benchmarks.traces.allocator import MIB
from supervisor.core.traces import LifeReady, Reading, Record, SegmentEnd

_WARM_UP: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a rule may look at after a segment, in bytes; None where unknown."""

    used: int | None
    live: int | None
    reserved: int | None
    total: int


class Rule(Protocol):
    """One rule over one life."""

    def take(self, seen: Seen) -> bool:
        """Take what was seen after a segment; say whether to raise the alarm."""
        ...


def alarms(records: Sequence[Record], make: Callable[[], Rule], total_bytes: int) -> Iterator[int]:
    """Return the segments at which a rule raises the alarm, once a life."""
    rule: Rule | None = None
    used: int | None = None
    for record in records:
        if isinstance(record, LifeReady):
            rule = make()
        elif isinstance(record, Reading):
            used = record.device_used
        elif (
            isinstance(record, SegmentEnd)
            and rule is not None
            and rule.take(_seen(record, used, total_bytes))
        ):
            yield record.segment
            rule = None


def _seen(end: SegmentEnd, used: int | None, total_bytes: int) -> Seen:
    vitals = end.vitals
    if vitals.live is None and used is None:
        host = vitals.host_private
        return Seen(used=host, live=host, reserved=host, total=total_bytes)
    return Seen(used=used, live=vitals.live, reserved=vitals.reserved, total=total_bytes)


Figure = Callable[[Seen], int | None]


def used(seen: Seen) -> int | None:
    """Look at what everybody uses: NVML's figure."""
    return seen.used


def live(seen: Seen) -> int | None:
    """Look at live bytes."""
    return seen.live


def reserved(seen: Seen) -> int | None:
    """Look at reserved bytes."""
    return seen.reserved


class OverFirst:
    """Growth over the first segment (loky: 300 MB)."""

    def __init__(self, figure: Figure, limit_bytes: int = 300 * MIB) -> None:
        self._figure = figure
        self._limit_bytes = limit_bytes
        self._first: int | None = None

    def take(self, seen: Seen) -> bool:
        """Take what was seen after a segment."""
        now = self._figure(seen)
        if now is None:
            return False
        if self._first is None:
            self._first = now
        return now - self._first > self._limit_bytes


class Level:
    """A share of the card (Castwright: 0.9 of it reserved; many: 0.9 used)."""

    def __init__(self, figure: Figure, share: float = 0.9) -> None:
        self._figure = figure
        self._share = share

    def take(self, seen: Seen) -> bool:
        """Take what was seen after a segment."""
        now = self._figure(seen)
        return now is not None and now > self._share * seen.total


class OverWarm:
    """Growth over the median of the warm-up."""

    def __init__(self, figure: Figure, limit_bytes: int) -> None:
        self._figure = figure
        self._limit_bytes = limit_bytes
        self._warm: list[int] = []

    def take(self, seen: Seen) -> bool:
        """Take what was seen after a segment."""
        now = self._figure(seen)
        if now is None:
            return False
        if len(self._warm) < _WARM_UP:
            self._warm.append(now)
            return False
        return now - sorted(self._warm)[_WARM_UP // 2] > self._limit_bytes


class MannKendall:
    """A monotonic trend over a window: the sum of the signs of all differences, standardised."""

    def __init__(self, figure: Figure, window: int, z: float) -> None:
        self._figure = figure
        self._window: deque[int] = deque()
        self._length = window
        self._z = z
        self._sum = 0
        self._seen = 0

    def take(self, seen: Seen) -> bool:
        """Take what was seen after a segment."""
        now = self._figure(seen)
        self._seen += 1
        if now is None or self._seen <= 4:  # noqa: PLR2004 -- the first texts load what is not yet there
            return False
        if len(self._window) == self._length:
            oldest = self._window.popleft()
            self._sum -= sum(_sign(one - oldest) for one in self._window)
        self._sum += sum(_sign(now - one) for one in self._window)
        self._window.append(now)
        count = len(self._window)
        if count < self._length:
            return False
        spread = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
        return (self._sum - 1) / spread > self._z


def _sign(figure: int) -> int:
    return (figure > 0) - (figure < 0)


class Cusum:
    """The upper cumulative sum of the standardised figure, k = 0.5 and h = 5."""

    def __init__(self, figure: Figure, k: float = 0.5, h: float = 5.0) -> None:
        self._figure = figure
        self._k, self._h = k, h
        self._warm: list[int] = []
        self._mean = self._spread = self._sum = 0.0

    def take(self, seen: Seen) -> bool:
        """Take what was seen after a segment."""
        now = self._figure(seen)
        if now is None:
            return False
        if len(self._warm) < 2 * _WARM_UP:
            self._warm.append(now)
            if len(self._warm) == 2 * _WARM_UP:
                late = self._warm[_WARM_UP:]
                self._mean = sum(late) / len(late)
                variance = sum((one - self._mean) ** 2 for one in late) / len(late)
                # Figures that do not move at all would make any byte an alarm.
                self._spread = max(math.sqrt(variance), 16 * MIB)
            return False
        self._sum = max(0.0, self._sum + (now - self._mean) / self._spread - self._k)
        return self._sum > self._h


class Every:
    """So many segments (gunicorn's `max_requests`): blind, so every life that lasts is an alarm."""

    def __init__(self, segments: int = 100) -> None:
        self._left = segments

    def take(self, seen: Seen) -> bool:
        """Count a segment."""
        del seen
        self._left -= 1
        return self._left <= 0


USUAL: Final[dict[str, Callable[[], Rule]]] = {
    "growth over the first segment, NVML (loky)": lambda: OverFirst(used),
    "growth over the first segment, live": lambda: OverFirst(live),
    "reserved > 90 % of the card": lambda: Level(reserved),
    "reserved > 1 GB over warm-up": lambda: OverWarm(reserved, 1024 * MIB),
    "NVML > 90 % of the card": lambda: Level(used),
    "live > 300 MB over warm-up": lambda: OverWarm(live, 300 * MIB),
    "Mann-Kendall z > 2.33 over 34, NVML": lambda: MannKendall(used, 34, 2.33),
    "Mann-Kendall z > 3.09 over 60, live": lambda: MannKendall(live, 60, 3.09),
    "CUSUM k 0.5 h 5, NVML": lambda: Cusum(used),
    "CUSUM k 0.5 h 5, live": lambda: Cusum(live),
    "every 100 segments": Every,
}
