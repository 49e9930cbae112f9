"""Tell whether one figure leaks: a warm baseline, growth over it, and what else may look like that."""

from collections import deque
from typing import Final

from supervisor.policy.growth import BLOCK, Blocks, Run, Teeth, median

#: Segments of warm-up, the baseline is taken from the last six of them.
WARM_UP: Final = 16
_BASELINE_FROM: Final = 11

#: Workspaces come no later than this. Until then growth is proof if it fills the limit within so many
#: segments, by many rises or up to so many limits.
_LATE: Final = 160
_LATE_SEGMENTS: Final = 96
_MANY_RISES: Final = 10
_LATE_HEIGHT: Final = 3

#: Segments in a row above the limit: one is a reading taken in an odd moment.
CONFIRMED: Final = 3

#: A collector that counts allocations comes at least this often, in segments. Until then garbage
#: looks like a leak, unless it is this many times the limit.
_TOOTH: Final = 41
_TOOTH_HEIGHT: Final = 3.25

#: Segments with hardly one that adds nothing, and the part of the limit that is proof then.
_STEADY: Final = 64
_STEADY_SHARE: Final = 8
_RAISED_BYTES: Final = 2 * 160 * 2**20

#: Rises in a row before any baseline, each half the limit at least, and how many limits in all.
_FAST_RISES: Final = 3
_FAST_HEIGHT: Final = 4

#: Segments without a rise after which what was lost once is no leak that goes on.
_QUIET: Final = 16

#: Segments of which the later half must add about as much as the earlier: what slows down comes to rest.
_PACE: Final = 24
_SLOWER: Final = 0.55

#: A cache that nobody declared: how many limits it may hold, what part of one an entry is at most,
#: and how far its filling may slow down.
_CACHE_HEIGHT: Final = 8
_ENTRY_SHARE: Final = 4
_AT_ONCE: Final = 0.9
_FLAT: Final = 0.7

#: The later half of a rise, against the earlier, below which it is on its way to a plateau.
_PLATEAU: Final = 0.35
_STILL: Final = 0.15

_MIB: Final = 2**20


class Ratchet:
    """Watch one figure over one life.

    Args:
        name: For people.
        limit_bytes: Growth that counts.
        is_collected: Whether garbage may be in it, until a collector comes.
        comes_late: Whether it may grow in a few steps long after the warm-up, and then be still.
        per_char_bytes: What a character more than in any text before may add for good.
        fast_bytes: Growth that no warm-up explains; None = a warm-up may be of any size.
    """

    def __init__(  # noqa: PLR0913 - what one figure differs from another by, each by name
        self,
        name: str,
        limit_bytes: int,
        *,
        is_collected: bool = True,
        comes_late: bool = False,
        per_char_bytes: int = 0,
        fast_bytes: int | None = None,
    ) -> None:
        self._name = name
        self._limit_bytes = limit_bytes
        self._is_collected = is_collected
        self._comes_late = comes_late
        self._per_char_bytes = per_char_bytes
        self._fast_bytes = fast_bytes
        # A limit that was raised on purpose is a limit: no shape goes below it.
        is_raised = limit_bytes > _RAISED_BYTES
        self._steady_bytes = limit_bytes if is_raised else limit_bytes // _STEADY_SHARE
        self._longest = 0
        self._excused_bytes = 0
        self._seen = 0
        self._first_bytes = 0
        self._last_bytes = 0
        self._highest_bytes = 0
        self._warm: list[int] = []
        self._baseline_bytes = 0
        self._teeth = Teeth(least_bytes=limit_bytes // 8)
        self._blocks = Blocks()
        self._above = 0
        self._rises = 0
        self._risen_at = 0
        self._recent: deque[int] = deque(maxlen=_PACE + 1)
        self._rising = Run()
        self._moving = Run()
        self._low_at = 0
        self._low_at_bytes = 0
        self._fast: list[int] = []

    def take(self, seen_bytes: int, chars: int, *, may_be_cache: bool) -> bool:
        """Take the figure after the next segment; say whether it leaks.

        Args:
            seen_bytes: The figure.
            chars: Of the segment's text.
            may_be_cache: Whether caches may be in it that nobody declared.
        """
        now_bytes = seen_bytes - (self._excuse(seen_bytes, chars) if self._per_char_bytes else 0)
        self._seen += 1
        if self._seen == 1:
            self._first_bytes = self._last_bytes = self._highest_bytes = now_bytes
        risen_bytes = now_bytes - self._last_bytes
        self._moving.take(self._last_bytes, missed=abs(risen_bytes) <= self._limit_bytes // 4096)
        self._fast = [*self._fast[1 - WARM_UP :], risen_bytes] if 2 * risen_bytes > self._limit_bytes else []
        is_sure = (
            self._warm_up(now_bytes, risen_bytes)
            if self._seen <= WARM_UP
            else self._watch(now_bytes, risen_bytes, may_be_cache=may_be_cache)
        )
        self._highest_bytes = max(self._highest_bytes, now_bytes)
        self._last_bytes = now_bytes
        return is_sure

    def _excuse(self, seen_bytes: int, chars: int) -> int:
        """Return what texts longer than all before them added: a heap keeps what its longest needed."""
        if self._seen and chars > self._longest:
            allowed_bytes = self._per_char_bytes * (chars - self._longest)
            risen_bytes = seen_bytes - self._excused_bytes - self._highest_bytes
            self._excused_bytes += max(0, min(risen_bytes, allowed_bytes))
        self._longest = max(self._longest, chars)
        return self._excused_bytes

    def _warm_up(self, now_bytes: int, risen_bytes: int) -> bool:
        if self._seen >= _BASELINE_FROM:
            self._warm.append(now_bytes)
        if self._seen == WARM_UP:
            self._baseline_bytes = median(self._warm)
            self._low_at, self._low_at_bytes = WARM_UP, now_bytes
        risen_in_all_bytes = sum(self._fast)
        return (
            self._fast_bytes is not None
            and len(self._fast) >= _FAST_RISES
            and risen_in_all_bytes > max(self._fast_bytes, _FAST_HEIGHT * self._limit_bytes)
            # It does not calm down.
            and 2 * len(self._fast) * risen_bytes > risen_in_all_bytes
        )

    def _watch(self, now_bytes: int, risen_bytes: int, *, may_be_cache: bool) -> bool:
        self._blocks.take(now_bytes)
        self._recent.append(now_bytes)
        self._teeth.take(now_bytes)
        self._rising.take(self._last_bytes, missed=risen_bytes <= self._limit_bytes // 4096)
        grown_bytes = now_bytes - self._baseline_bytes
        if now_bytes > self._highest_bytes + self._limit_bytes // 128:
            self._rises += 1
            self._risen_at = self._seen
        if now_bytes <= self._low_bytes:
            self._low_at, self._low_at_bytes = self._seen, now_bytes
        if self._seen == _LATE and self._comes_late:
            # What came by now was workspaces; only what comes later can be anything else.
            self._baseline_bytes, self._rises = now_bytes, 0
        if grown_bytes <= self._limit_bytes:
            self._above = 0
            return self._is_steady(now_bytes)
        is_cache = may_be_cache and self._is_like_a_cache(now_bytes)
        limit_bytes = self._limit_bytes * (_CACHE_HEIGHT if is_cache else 1)
        self._above = self._above + 1 if grown_bytes > limit_bytes else 0
        return (
            self._above >= CONFIRMED
            and self._is_past_garbage(grown_bytes)
            and self._has_risen(grown_bytes)
            and self._seen - self._risen_at < _QUIET
            and not self._slows_down()
            and not (is_cache and self._may_be_filling())
            and not self._flattens(_FLAT if self._per_char_bytes else _PLATEAU)
        ) or self._is_steady(now_bytes)

    def _is_like_a_cache(self, now_bytes: int) -> bool:
        """Say whether texts that add nothing lie between those that do, and these add little: entries."""
        grown_bytes = now_bytes - self._baseline_bytes
        at_once_bytes = now_bytes - self._moving.start_bytes if self._moving.length else 0
        is_broken = at_once_bytes < _AT_ONCE * grown_bytes
        return is_broken and _ENTRY_SHARE * grown_bytes <= self._limit_bytes * self._rises

    def _is_past_garbage(self, grown_bytes: int) -> bool:
        if not self._is_collected or (
            grown_bytes > _TOOTH_HEIGHT * self._limit_bytes and not self._teeth.has_any
        ):
            return True
        return self._seen >= _TOOTH and (
            not self._teeth.has_any or self._teeth.outlived_by(self._above, first=_TOOTH)
        )

    def _slows_down(self) -> bool:
        earlier, middle, latest = self._recent[0], self._recent[len(self._recent) // 2], self._recent[-1]
        return latest - middle < _SLOWER * (middle - earlier)

    def _has_risen(self, grown_bytes: int) -> bool:
        if not self._comes_late or self._seen > _LATE:
            return self._rises > 1
        is_quick = grown_bytes * _LATE_SEGMENTS > self._limit_bytes * self._seen
        return is_quick and (self._rises >= _MANY_RISES or grown_bytes > _LATE_HEIGHT * self._limit_bytes)

    def _is_steady(self, now_bytes: int) -> bool:
        grown_bytes = now_bytes - max(self._baseline_bytes, self._rising.start_bytes)
        is_long = self._rising.length >= _STEADY
        is_enough = is_long and grown_bytes > self._steady_bytes and not self._teeth.has_any
        return is_enough and not self._flattens(_FLAT)

    def _may_be_filling(self) -> bool:
        return not self._blocks.is_shaped(self._low_bytes) or self._flattens(_FLAT)

    def _flattens(self, share: float) -> bool:
        return self._blocks.is_shaped(self._low_bytes) and self._blocks.flattens(self._low_bytes, share)

    @property
    def _low_bytes(self) -> int:
        return self._baseline_bytes + self._limit_bytes // 8

    @property
    def rate_bytes(self) -> float:
        """Bytes a segment, the high estimate."""
        if self._seen <= WARM_UP:
            return self._early_rate_bytes()
        if self._last_bytes <= self._low_bytes:
            return 0.0
        rate_bytes = self._blocks.rate_bytes(self._low_bytes)
        if rate_bytes is None:
            return self._late_rate_bytes()
        return 0.0 if self._flattens(_STILL) else rate_bytes

    def _early_rate_bytes(self) -> float:
        """Growth a segment so far, where it is so fast that no warm-up can be waited for."""
        if self._seen <= 1:
            return 0.0
        mean_bytes = (self._last_bytes - self._first_bytes) / (self._seen - 1)
        return mean_bytes if 4 * mean_bytes > self._limit_bytes else 0.0

    def _late_rate_bytes(self) -> float:
        """Growth a segment since it was last low, before there are blocks enough."""
        if len(self._fast) > 1:
            return sum(self._fast) / len(self._fast)
        # One step is no rate: it counts as spread over a block at least.
        return max(0, self._last_bytes - self._low_at_bytes) / max(BLOCK, self._seen - self._low_at)

    def words(self) -> str:
        """Say how far it grew, for people."""
        base_bytes = self._baseline_bytes if self._seen > WARM_UP else self._first_bytes
        return (
            f"{self._name} grew by {mib(self._last_bytes - base_bytes)} over {mib(base_bytes)}"
            f" in {self._seen} segments, by {mib(self.rate_bytes)} a segment"
        )


def mib(size_bytes: float) -> str:
    """Return a size for people."""
    return f"{size_bytes / _MIB:.1f} MiB" if abs(size_bytes) < 10 * _MIB else f"{size_bytes / _MIB:.0f} MiB"
