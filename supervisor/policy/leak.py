"""Tell a leak from everything else that grows, and say how fast it grows.

Sans-IO and in plain numbers: one `Leak` per child life, one `Sample` after each segment. Watched
are live bytes that no declared cache explains, the child's own device bytes outside torch, and,
for an engine without torch, its private host memory. Reserved bytes are no signal (they move with
the length of texts), save for what is still reserved after a release.

    above its limit over a warm baseline, 3 segments in a row, by several rises,
        for longer than any collector would have waited                       LEAK
    an eighth of the limit, by a rise in nearly every one of 64 segments      LEAK
    rises of half the limit and more in a row, before there is a baseline     LEAK
    small rises with segments between them that add nothing, none declared    a cache may be filling:
        eight times the limit, and a rise that does not flatten

The baseline is the median of segments 11 to 16 (celery#4125: one taken cold condemns every child).
Divergence from a baseline is the signal that did best on aging software (Matias et al., ISSRE 2016);
the rate is the high estimate of Theil and Sen over block minima. What each number costs and spares
is in docs/decisions/0009-the-leak-rule.md.
"""

from dataclasses import dataclass
from math import inf
from typing import Final

from supervisor.policy.ratchet import WARM_UP, Ratchet, mib

__all__ = ["WARM_UP", "Leak", "LeakLimits", "Sample"]

#: What one more character than ever before may cost for good: the host's heap, and a device's memory
#: of which torch says nothing. Both move more than live bytes do: so many of their limits count.
_HEAP_PER_CHAR: Final = 2 * 2**20
_HEAP_HEIGHT: Final = 1.5
_WHOLE_PER_CHAR: Final = 12 * 2**20
_WHOLE_HEIGHT: Final = 8

#: Below this the limits shrink with the card.
_SMALL_CARD_BYTES: Final = 5 * 2**30

#: Part of the card that no warm-up fills: growth by more is fast, whatever was before.
_FAST_SHARE: Final = 5

#: Limits that fragments may hold where nothing tells them from what is lost.
_FLOOR_HEIGHT: Final = 8


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
        other_bytes: The child's own device bytes outside torch; without torch's figures all of them.
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
        live_bytes = _scaled(limits.live_bytes, card_bytes)
        other_bytes = _scaled(limits.other_bytes, card_bytes)
        # Mapped weights are touched, and workspaces come, in the first segments: fast are live bytes alone.
        fast_bytes = None if card_bytes is None else card_bytes // _FAST_SHARE
        self._live = Ratchet("live memory outside declared caches", live_bytes, fast_bytes=fast_bytes)
        self._other = Ratchet(
            "its device memory outside torch", other_bytes, is_collected=False, comes_late=True
        )
        self._whole = Ratchet(
            "its device memory", _WHOLE_HEIGHT * other_bytes, comes_late=True, per_char_bytes=_WHOLE_PER_CHAR
        )
        self._host = Ratchet(
            "private host memory",
            int(_HEAP_HEIGHT * limits.live_bytes),
            per_char_bytes=_HEAP_PER_CHAR,
        )
        self._floor_limit_bytes = live_bytes
        self._lowest_floor_bytes: int | None = None
        self._last_floor_bytes = 0
        self._has_torch = False
        self._why = ""

    def take(self, sample: Sample) -> None:
        """Take what was seen after a segment."""
        if sample.live_bytes is not None:
            self._has_torch = True
            declared_bytes = sample.declared_bytes or 0
            unexplained_bytes = sample.live_bytes - declared_bytes
            self._look(self._live, unexplained_bytes, sample.chars, may_be_cache=declared_bytes == 0)
        elif sample.host_bytes is not None and not self._has_torch:
            self._look(self._host, sample.host_bytes, sample.chars)
        if sample.other_bytes is None:
            return
        if sample.reserved_bytes is not None:
            self._look(self._other, sample.other_bytes, sample.chars)
        elif not self._has_torch:
            self._look(self._whole, sample.other_bytes, sample.chars)

    def released(
        self, *, reserved_bytes: int, live_bytes: int, inactive_split_bytes: int | None = None
    ) -> None:
        """Take what is still reserved after caches were released.

        Args:
            reserved_bytes: Reserved by torch's allocator.
            live_bytes: Held by live tensors.
            inactive_split_bytes: Free parts of blocks in use: fragments, which come and go. Where that
                is unknown they count, and the limit is as high as for a cache that nobody declared.
        """
        floor_bytes = reserved_bytes - live_bytes - (inactive_split_bytes or 0)
        lowest_bytes = floor_bytes if self._lowest_floor_bytes is None else self._lowest_floor_bytes
        # Twice in a row: something may have been in use just then.
        grown_bytes = min(floor_bytes, self._last_floor_bytes) - lowest_bytes
        self._lowest_floor_bytes = min(lowest_bytes, floor_bytes)
        self._last_floor_bytes = floor_bytes
        limit_bytes = self._floor_limit_bytes * (_FLOOR_HEIGHT if inactive_split_bytes is None else 1)
        if not self._why and grown_bytes > limit_bytes:
            self._why = (
                f"what torch keeps reserved after a release grew by {mib(grown_bytes)}"
                f" over {mib(lowest_bytes)}"
            )

    def _look(self, ratchet: Ratchet, now_bytes: int, chars: int, *, may_be_cache: bool = False) -> None:
        if ratchet.take(now_bytes, chars, may_be_cache=may_be_cache) and not self._why:
            self._why = ratchet.words()

    @property
    def why(self) -> str:
        """The reason with its figures; empty until sure."""
        return self._why

    @property
    def rate_bytes(self) -> float:
        """Bytes a segment that it grows by, the high estimate; 0 where flat.

        From the second segment on for what grows fast, for the rest once it stands out. Device
        memory where any of it grows, else host memory.
        """
        device = self._live.rate_bytes + self._other.rate_bytes + self._whole.rate_bytes
        return device or self._host.rate_bytes

    def exhaustion_segments(self, room_bytes: int) -> float:
        """Return in how many segments so many bytes are used up; infinite if nothing grows."""
        rate_bytes = self.rate_bytes
        return max(0, room_bytes) / rate_bytes if rate_bytes > 0 else inf


def _scaled(limit_bytes: int, card_bytes: int | None) -> int:
    """Return the limit; on a small card a part of it: what is little on 8 GB is much on one."""
    if card_bytes is None or card_bytes >= _SMALL_CARD_BYTES:
        return limit_bytes
    return max(1, limit_bytes * card_bytes // _SMALL_CARD_BYTES)
