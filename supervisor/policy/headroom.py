"""Whether the next text fits beside what is there: learned memory per character, before it is an error.

What a text needs is the peak of live bytes within it less what was live before. It grows with the
length, from a floor: so it is learned by classes of length, a quarter of an octave each, and two
estimates are made of it. The *high* one (the most that was seen, ten percent and a margin on top)
decides what costs little: a release, a recycle. The *low* one (the least that was seen of texts as
long, without margin) decides what costs the user something: a pause, a refusal. Between the two the
text is tried.
"""

import math
from dataclasses import dataclass
from typing import Final

from supervisor.policy.verdict import Verdict
from supervisor.policy.worth import counts

#: On top of the most that was seen per character.
_ALLOWANCE: Final = 1.10

#: Classes of length in an octave.
_CLASSES: Final = 4

#: Texts before a need is known well enough to wait or refuse for it.
_CERTAIN: Final = 3

#: A straight line is trusted no further than so many times the longest text seen.
_REACH: Final = 16


def margin_bytes(total_bytes: int) -> int:
    """Return what is kept free beside a text's need: 64 MiB, less on a card where that is much."""
    return min(64 * 2**20, total_bytes * 8 // 1000)


class Need:
    """Learn what texts need, over all lives of a job."""

    def __init__(self) -> None:
        self._most: dict[int, tuple[int, int]] = {}  # class: (chars, bytes) of the text that needed most
        self._least: dict[int, tuple[int, int]] = {}
        self._seen = 0
        self._highs: dict[int, int] = {}  # answers given since something new was learned

    @property
    def is_known(self) -> bool:
        """Whether anything was seen."""
        return self._seen > 0

    def take(self, chars: int, needed_bytes: int) -> None:
        """Note what a text needed."""
        at = _class_of(chars)
        needed_bytes = max(0, needed_bytes)
        if at not in self._most or needed_bytes > self._most[at][1]:
            self._most[at] = (chars, needed_bytes)
            self._highs.clear()
        if at not in self._least or needed_bytes < self._least[at][1]:
            self._least[at] = (chars, needed_bytes)
        self._seen += 1

    def high_bytes(self, chars: int) -> int:
        """Return the most that a text should need; 0 where nothing is known."""
        if chars not in self._highs:
            self._highs[chars] = self._high_bytes(chars)
        return self._highs[chars]

    def _high_bytes(self, chars: int) -> int:
        if not self._seen:
            return 0
        seen = self._most.values()
        # By the character only from texts of half its length on: a short one is mostly the floor.
        near = min(chars, max(at for at, _ in seen)) / 2
        by_length = max(size * chars / at for at, size in seen if at >= near)
        shorter = max((size for at, size in seen if at <= chars), default=0)
        return int(_ALLOWANCE * max(by_length, shorter))

    def likely_bytes(self, chars: int) -> int:
        """Return what a text needs by the dearest of those seen, nothing on top; 0 where nothing is known."""
        return int(self.high_bytes(chars) / _ALLOWANCE)

    def low_bytes(self, chars: int) -> int:
        """Return the least that a text must need, by all that is known; 0 where that is not enough.

        A longer text never needs less.
        """
        if self._seen < _CERTAIN:
            return 0
        points = sorted(self._least.values())
        longest, needed_bytes = points[-1]
        if chars <= longest:
            return max((size for at, size in points if at <= chars), default=0)
        beyond = min(chars, _REACH * longest) - longest  # further, it needs as much at least
        by_length = needed_bytes + int(_slope(points) * beyond)
        return max(by_length, *(size for _, size in points))


def _slope(points: list[tuple[int, int]]) -> float:
    """Bytes a character between the longest text seen and those of half its length or less.

    Where none was as short nothing is known of a floor: all of it is taken to go by the character.
    """
    longest, most = points[-1]
    slopes = [(most - size) / (longest - at) for at, size in points if at <= longest / 2]
    return max(0.0, min([*(size / at for at, size in points if at > longest / 2), *slopes]))


def _class_of(chars: int) -> int:
    return int(_CLASSES * math.log2(max(1, chars)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What there is for the next text, in bytes.

    Attributes:
        limit: Nothing may stand above it.
        used: What is used now, with all that the child keeps in reserve.
        floor: The same after a release.
        slack: What is reserved and not live: the text can use it, as far as it is in pieces large enough.
        grown: What the child would still hold beyond a fresh one after a release.
        fresh: What a fresh child holds; None = not known.
        others: What others hold; None = not known.
        worth: Growth that is worth a recycle.
        others_grew: What others hold beyond the least that they ever held.
    """

    limit: int
    used: int
    floor: int
    slack: int
    grown: int
    fresh: int | None
    others: int | None
    worth: int
    others_grew: int = 0

    def helps(self, high_bytes: int) -> bool:
        """Say whether a recycle makes room, so that none is made for what others took."""
        return self.others_grew < self.worth or self.floor - self.grown + high_bytes <= self.limit


def judge_room(
    room: Room, *, high_bytes: int, low_bytes: int, released: bool, likely_bytes: int = 0
) -> Verdict:
    """Say what must happen before a text of that need is handed out.

    Args:
        room: What there is.
        high_bytes: The most that it should need.
        low_bytes: The least that it must need; 0 = not known.
        released: Whether the child released its caches and spoke nothing since.
        likely_bytes: What it needs by the dearest of the texts seen.
    """
    if room.used + high_bytes <= room.limit:
        return Verdict.KEEP
    surely = _judge_what_is_sure(room, high_bytes, low_bytes, max(low_bytes, likely_bytes))
    if surely is not Verdict.KEEP:
        return surely
    ours = counts(room.grown, worth_bytes=room.worth, others_grew_bytes=room.others_grew)
    if room.floor + high_bytes > room.limit and ours and room.helps(high_bytes):
        return Verdict.RECYCLE
    may_reserve = room.used + max(0, high_bytes - room.slack // 2)
    if not released and may_reserve > room.limit and room.used - room.floor >= room.worth:
        return Verdict.RELEASE
    return Verdict.KEEP


def _judge_what_is_sure(room: Room, high_bytes: int, low_bytes: int, likely_bytes: int) -> Verdict:
    """Say what the low estimate alone proves."""
    if not low_bytes or room.fresh is None or room.others is None:
        return Verdict.KEEP
    if room.fresh + low_bytes > room.limit:
        return Verdict.REFUSE  # whatever others do
    if room.fresh + room.others + low_bytes > room.limit:
        # Others are waited for only if the text would find room then.
        return Verdict.REFUSE if room.fresh + likely_bytes > room.limit else Verdict.PAUSE
    if room.used - room.slack + low_bytes <= room.limit:
        return Verdict.KEEP  # it may find room in what is reserved
    # For a fresh child there is room; for this one there is none, however little it grew.
    return Verdict.RECYCLE if room.helps(high_bytes) else Verdict.PAUSE
