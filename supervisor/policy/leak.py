"""Tell a leak from everything else that grows, and say how fast it grows.

Sans-IO and in plain numbers: one `Leak` per child life, one `Sample` after each segment. Watched
are live bytes that no declared cache explains, the child's own device bytes outside torch, and,
for an engine without torch, its private host memory. Reserved bytes are no signal (they move with
the length of texts), save for what is still reserved after a release.

A quantity leaks if it stands above its baseline by more than its limit, and stays there, and got
there neither in one step nor by rising ever more slowly. The baseline is taken warm: the median of
segments 11 to 16. Garbage in cycles rises like a leak until the collector comes; so a rise that is
younger than the longest tooth seen (none seen: than 40 segments of life) must be larger. The rate
is that of Theil and Sen over block minima, its high estimate the 80 % quantile of the slopes
(Sen 1968; Matias et al., ISSRE 2016, for divergence from a baseline as the signal).

Bounded in memory and time: at most 24 block minima are kept, and merged in pairs when there are
more, so that a life of any length costs the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

#: Segments of warm-up; the baseline is the median of the last six (celery#4125: a baseline taken
#: cold condemns every child).
WARM_UP: Final = 16
_BASELINE_FROM: Final = 11

#: Segments in a row above the limit: one is a reading taken in an odd moment.
CONFIRMED: Final = 3

#: A collector that counts allocations comes at least this often, in segments: a first tooth may be
#: this long, and this many times the limit high.
_FIRST_TOOTH: Final = 42
_FIRST_TOOTH_HEIGHT: Final = 3.5

#: Segments of a block; blocks kept. Pairs are merged beyond, so the width doubles.
_BLOCK: Final = 8
_BLOCKS: Final = 24

#: Fewer blocks than this have no shape.
_SLOPED: Final = 3

_MIB: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakLimits:
    """Growth over the baseline that counts, in bytes.

    Attributes:
        live_bytes: `memory.leak.live`: of undeclared live bytes; without torch of private host memory.
        other_bytes: `memory.leak.other`: of own device bytes outside torch.

    Raises:
        ValueError: If one is not positive.
    """

    live_bytes: int
    other_bytes: int

    def __post_init__(self) -> None:
        if min(self.live_bytes, self.other_bytes) <= 0:
            raise ValueError(f"need limits above 0, got {self.live_bytes} and {self.other_bytes}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was seen after one segment, in bytes; None where unknown.

    Attributes:
        chars: Characters of its text.
        live_bytes: Held by live tensors.
        declared_bytes: In caches that the engine keeps on purpose.
        other_bytes: The child's own device bytes outside torch.
        host_bytes: Private host memory.
        reserved_bytes: Reserved by torch's allocator.
    """

    chars: int
    live_bytes: int | None = None
    declared_bytes: int | None = None
    other_bytes: int | None = None
    host_bytes: int | None = None
    reserved_bytes: int | None = None


class Leak:
    """Judge one child life; once sure it stays sure."""

    def __init__(self, limits: LeakLimits, *, card_bytes: int | None) -> None:
        self._live = _Quantity("live bytes outside declared caches", _scaled(limits.live_bytes, card_bytes))
        self._other = _Quantity(
            "its own device memory outside torch", _scaled(limits.other_bytes, card_bytes)
        )
        self._host = _Quantity("private host memory", limits.live_bytes)
        self._floor_limit_bytes = 2 * _scaled(limits.live_bytes, card_bytes)
        self._floor_bytes: list[int] = []
        self._why = ""

    def take(self, sample: Sample) -> None:
        """Take what was seen after a segment."""
        if sample.live_bytes is not None:
            self._live.take(sample.live_bytes - (sample.declared_bytes or 0))
        elif sample.host_bytes is not None:
            self._host.take(sample.host_bytes)
        if sample.other_bytes is not None:
            self._other.take(sample.other_bytes)
        for quantity in (self._live, self._other, self._host):
            self._why = self._why or quantity.why

    def released(self, *, reserved_bytes: int, live_bytes: int) -> None:
        """Take what is still reserved, and what is live, after caches were released."""
        self._floor_bytes = [*self._floor_bytes[-7:], reserved_bytes - live_bytes]
        lowest_bytes, confirmed = min(self._floor_bytes), self._floor_bytes[-2:]
        grown_bytes = min(confirmed) - lowest_bytes
        if (
            not self._why
            and len(self._floor_bytes) > len(confirmed)
            and grown_bytes > self._floor_limit_bytes
        ):
            self._why = (
                f"what torch keeps reserved after a release grew by {_mib(grown_bytes)}"
                f" over {_mib(lowest_bytes)}"
            )

    @property
    def why(self) -> str:
        """The reason with its figures; empty until sure."""
        return self._why

    @property
    def rate_bytes(self) -> float:
        """Bytes a segment that it grows by, the high estimate; 0 where flat.

        From the second segment on for what grows fast, for the rest once it stands out.
        """
        device = self._live.rate_bytes + self._other.rate_bytes
        return device or self._host.rate_bytes

    def exhaustion_segments(self, room_bytes: int) -> float:
        """Segments until so many bytes are used up; infinite if nothing grows."""
        rate_bytes = self.rate_bytes
        return max(0, room_bytes) / rate_bytes if rate_bytes > 0 else inf


class _Quantity:
    """One quantity over one life."""

    def __init__(self, name: str, limit_bytes: int) -> None:
        self._name = name
        self._limit_bytes = limit_bytes
        self._seen = 0
        self._first_bytes = 0
        self._last_bytes = 0
        self._warm: list[int] = []
        self._baseline_bytes = 0
        self._teeth = _Teeth(least_bytes=limit_bytes // 8)
        self._blocks = _Blocks()
        self._above = 0
        self._rises = 0
        self._highest_bytes = 0
        self._low_at, self._low_bytes = 0, 0
        self.why = ""

    def take(self, now_bytes: int) -> None:
        self._seen += 1
        if self._seen == 1:
            self._first_bytes = now_bytes
        self._teeth.take(now_bytes)
        self._last_bytes = now_bytes
        if self._seen <= WARM_UP:
            self._warm_up(now_bytes)
        else:
            self._watch(now_bytes)

    def _warm_up(self, now_bytes: int) -> None:
        if self._seen >= _BASELINE_FROM:
            self._warm.append(now_bytes)
        if self._seen == WARM_UP:
            self._baseline_bytes = int(_median(sorted(self._warm)))
            self._highest_bytes = max(self._warm)
            self._low_at, self._low_bytes = self._seen, self._baseline_bytes

    def _watch(self, now_bytes: int) -> None:
        self._blocks.take(now_bytes)
        grown_bytes = now_bytes - self._baseline_bytes
        if now_bytes > self._highest_bytes + self._limit_bytes // 64:
            self._highest_bytes = now_bytes
            self._rises += 1
        if grown_bytes <= self._limit_bytes // 4:
            self._low_at, self._low_bytes = self._seen, now_bytes
        self._above = self._above + 1 if grown_bytes > self._limit_bytes else 0
        if not self.why and self._above >= self._needed(grown_bytes) and self._rises > 1:
            self.why = (
                f"{self._name} grew by {_mib(grown_bytes)} over {_mib(self._baseline_bytes)} when warm, "
                f"{_mib(self.rate_bytes)} a segment"
            )

    def _needed(self, grown_bytes: int) -> float:
        """Return how many segments in a row above the limit are proof."""
        if self._teeth.longest:
            return CONFIRMED + 1.25 * self._teeth.longest
        large = grown_bytes > _FIRST_TOOTH_HEIGHT * self._limit_bytes
        return CONFIRMED if large or self._seen >= _FIRST_TOOTH else inf

    @property
    def rate_bytes(self) -> float:
        if self._seen <= WARM_UP:
            return self._early_bytes()
        above_bytes = self._baseline_bytes + self._limit_bytes // 4
        if self._last_bytes <= above_bytes:
            return 0.0
        rate_bytes = self._blocks.rate_bytes(above_bytes)
        if rate_bytes is None:
            return max(0.0, (self._last_bytes - self._low_bytes) / max(1, self._seen - self._low_at))
        return rate_bytes

    def _early_bytes(self) -> float:
        """Growth a segment so far, where it is so fast that no warm-up can be waited for."""
        if self._seen <= 1:
            return 0.0
        mean_bytes = (self._last_bytes - self._first_bytes) / (self._seen - 1)
        return mean_bytes if mean_bytes > self._limit_bytes / 4 else 0.0


class _Teeth:
    """Find rises that were given back, at least by half: garbage that a collector came to."""

    def __init__(self, *, least_bytes: int) -> None:
        self._least_bytes = least_bytes
        self._at = 0
        self._low: int | None = None
        self._low_at = 0
        self._high = 0
        self.longest = 0

    def take(self, now_bytes: int) -> None:
        self._at += 1
        if self._low is None or now_bytes <= self._low:
            self._low, self._low_at, self._high = now_bytes, self._at, now_bytes
            return
        self._high = max(self._high, now_bytes)
        risen_bytes = self._high - self._low
        if risen_bytes > self._least_bytes and self._high - now_bytes >= risen_bytes / 2:
            self.longest = max(self.longest, self._at - self._low_at)
            self._low, self._low_at, self._high = now_bytes, self._at, now_bytes


class _Blocks:
    """Minima of blocks of segments, and their slopes."""

    def __init__(self) -> None:
        self._minima: list[int] = []
        self._width = _BLOCK
        self._filled = 0
        self._minimum = 0
        self._rate_bytes: float | None = None
        self._stale = True

    def take(self, now_bytes: int) -> None:
        self._minimum = now_bytes if self._filled == 0 else min(self._minimum, now_bytes)
        self._filled += 1
        if self._filled == self._width:
            self._close()

    def _close(self) -> None:
        self._minima.append(self._minimum)
        self._filled = 0
        self._stale = True
        if len(self._minima) == _BLOCKS:
            pairs = zip(self._minima[0::2], self._minima[1::2], strict=True)
            self._minima = [min(pair) for pair in pairs]
            self._width *= 2

    def rate_bytes(self, above_bytes: int) -> float | None:
        """Return the high estimate of growth a segment since it last stood below; None = too few blocks."""
        if self._stale:
            self._stale = False
            self._rate_bytes = self._slope(above_bytes)
        return self._rate_bytes

    def _slope(self, above_bytes: int) -> float | None:
        onset = 0
        for index, minimum in enumerate(self._minima):
            if minimum <= above_bytes:
                onset = index
        since = self._minima[onset:]
        if len(since) < _SLOPED:
            return None
        slopes = sorted(_slopes(since, self._width))
        half = len(since) // 2
        early, late = _slopes(since[: half + 1], self._width), _slopes(since[half:], self._width)
        if _median(sorted(late)) <= 0.25 * _median(sorted(early)):
            return 0.0  # a plateau: what filled is full
        return max(0.0, slopes[len(slopes) * 4 // 5])


def _slopes(minima: Sequence[int], width: int) -> list[float]:
    return [(minima[b] - minima[a]) / (width * (b - a)) for b in range(len(minima)) for a in range(b)]


def _median(ordered: Sequence[float]) -> float:
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _scaled(limit_bytes: int, card_bytes: int | None) -> int:
    """Return the limit, at most a 32nd of the card: 128 MiB are little on 24 GB and much on one."""
    return limit_bytes if card_bytes is None else min(limit_bytes, max(1, card_bytes // 32))


def _mib(size_bytes: float) -> str:
    return f"{size_bytes / _MIB:.1f} MiB" if abs(size_bytes) < 10 * _MIB else f"{size_bytes / _MIB:.0f} MiB"
