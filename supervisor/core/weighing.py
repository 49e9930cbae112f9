"""Each policy put to one side of memory: what it wishes for, in a sentence with the figures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from supervisor.core import wording
from supervisor.core.deviceside import DeviceSide
from supervisor.core.sides import Side
from supervisor.core.wishes import Wish
from supervisor.policy.headroom import Room, judge_room
from supervisor.policy.lookahead import WARM_UP
from supervisor.policy.verdict import Verdict
from supervisor.policy.watermark import Level, WatermarkLimits, judge_level
from supervisor.policy.worth import counts

#: A life is not replaced for its memory before this, save where there is no time to wait.
MINIMUM_LIFE: Final = WARM_UP + 3

#: After a release, this many segments are judged as released: another would give back the same.
_RELEASE_COUNTS: Final = 8


@dataclass(slots=True)
class Span:
    """How far one life has come.

    Attributes:
        within: Whether a segment is in hand.
        chars: Of the one in hand, or of the last.
        segments: Spoken.
        cleaned_at: How many were when caches were last released; None = never.
    """

    within: bool = False
    chars: int = 0
    segments: int = 0
    cleaned_at: int | None = None

    def counts_as_released(self, side: Side) -> bool:
        """Say whether caches were released shortly before, or before it came to stand above the soft mark.

        While it stands there another release would give back no more: there is one an episode.
        """
        if self.cleaned_at is None:
            return False
        return self.segments - max(self.cleaned_at, side.stood_above_at) < _RELEASE_COUNTS

    @property
    def is_just_released(self) -> bool:
        """Whether nothing was spoken since caches were released."""
        return self.cleaned_at == self.segments

    def is_old_enough(self, side: Side) -> bool:
        """Say whether a life may be replaced for what it holds: it is warm, or there is no time to wait."""
        left = MINIMUM_LIFE - self.segments
        return left <= 0 or side.leaves_no_time(left)


def impossible(side: Side) -> Wish | None:
    """Refuse marks that no child can live under: its own bytes when fresh reach the hard one."""
    limits, fresh = side.limits, side.fresh
    if limits is None or fresh is None or fresh < limits.hard_bytes:
        return None
    why = wording.impossible(side.name, limits, fresh, side.total)
    return Wish(verdict=Verdict.REFUSE, policy="watermark", why=why, scope="job")


def resting_mark(side: Side) -> str | None:
    """Return words for a soft mark that is below a fresh child."""
    return wording.not_acted_on(side.name, side.limits) if side.limits and side.rests_above_soft else None


def weigh(side: Side, level: Level | None, span: Span) -> list[Wish]:
    """Hold one level against the marks."""
    limits = side.limits
    if limits is None or level is None:
        return []
    if level.used_bytes < limits.soft_bytes:
        side.crossed = False
        return []
    if level.used_bytes >= limits.hard_bytes:
        return _weigh_hard(side, limits, level, span)
    side.crossed = span.within
    return [] if span.within else _weigh_soft(side, limits, level, span)


def weigh_crossed(side: Side, span: Span) -> list[Wish]:
    """Weigh what was seen within a segment and not read again since: it is between two now."""
    limits, level = side.limits, side.level()
    if not side.crossed or limits is None or level is None:
        return []
    return _weigh_soft(side, limits, _below(limits, level), span)


def _weigh_hard(side: Side, limits: WatermarkLimits, level: Level, span: Span) -> list[Wish]:
    if impossible(side) is not None:
        return []  # refused when it was ready, once: no kill makes it smaller
    why = wording.above(side.name, limits, level)
    own = side.within(level, span.chars) if span.within else side.warm(level)
    own = _beside_others(side, own)
    verdict = judge_level(limits, own, released=span.counts_as_released(side), worth_bytes=side.worth)
    if verdict is Verdict.KILL:
        return [Wish(verdict=verdict, policy="watermark", why=why, side=side)]
    if not isinstance(side, DeviceSide):
        return []  # refused when it was ready
    if side.is_overcommitted(within_segment=span.within):  # there is nobody to wait for
        return [Wish(verdict=Verdict.KILL, policy="watermark", why=why, side=side)]
    # With our own growth in it a fresh child would not stand lower: that is the fit test's word.
    ours = own.kept_bytes >= side.worth
    wishes = [Wish(verdict=Verdict.PAUSE, policy="fit" if ours else "watermark", why=why)]
    side.crossed = span.within
    if not span.within:
        wishes += _weigh_soft(side, limits, _below(limits, level), span)
        if side.releasable >= side.worth and not span.is_just_released:
            # However lately it was released: nobody is waited for while our own reserve is in the way.
            wishes.append(Wish(verdict=Verdict.RELEASE, policy="watermark", why=why))
    return wishes


def _weigh_soft(side: Side, limits: WatermarkLimits, level: Level, span: Span) -> list[Wish]:
    side.crossed = False
    if side.rests_above_soft:
        return []
    fresh_bytes, level = level.fresh_bytes, _beside_others(side, side.warm(level))
    verdict = judge_level(limits, level, released=span.counts_as_released(side), worth_bytes=side.worth)
    if span.counts_as_released(side):
        side.stood_above_at = span.segments
    when = "when fresh" if level.fresh_bytes == fresh_bytes else "once warm"
    why = wording.above(side.name, limits, level, when=when)
    if verdict is Verdict.RECYCLE and span.is_old_enough(side):
        return [Wish(verdict=verdict, policy="watermark", why=f"{why}, after a release", side=side)]
    if verdict is Verdict.RELEASE:
        return [Wish(verdict=verdict, policy="watermark", why=why)]
    return []


def _beside_others(side: Side, level: Level) -> Level:
    return replace(level, others_grew_bytes=side.others_grew)


def _below(limits: WatermarkLimits, level: Level) -> Level:
    return replace(level, used_bytes=min(level.used_bytes, limits.hard_bytes - 1))


def weigh_room(side: Side, chars: int, span: Span, *, waited: bool, may_degrade: bool) -> list[Wish]:
    """Ask whether the next text fits beside what is there.

    Args:
        side: Of which memory.
        chars: Of the text.
        span: Of the life.
        waited: Whether others were waited for long enough.
        may_degrade: Whether `degrade.steps` allows it to be spoken smaller.
    """
    room = side.room()
    if room is None:
        return []
    high_bytes, low_bytes = side.next_bytes(chars), side.need.low_bytes(chars)
    likely_bytes = max(low_bytes, side.need.likely_bytes(chars))
    judge = partial(judge_room, high_bytes=high_bytes, low_bytes=low_bytes, likely_bytes=likely_bytes)
    verdict = judge(room, released=span.counts_as_released(side))
    if verdict is Verdict.REFUSE or (verdict is Verdict.PAUSE and waited):
        others_bytes = room.others or 0 if verdict is Verdict.PAUSE else 0
        sure = bool(others_bytes) or (room.fresh or 0) + low_bytes > room.limit
        needs = f"at least {wording.size(low_bytes)}" if sure else f"about {wording.size(likely_bytes)}"
        why = wording.never_fits(side.name, room, chars=chars, needs=needs, others_bytes=others_bytes)
        if may_degrade:
            return [Wish(verdict=Verdict.REFUSE, policy="degrade", why=why, scope="text")]
        why = f"{why}: {wording.SHORTER}"
        return [Wish(verdict=Verdict.REFUSE, policy="headroom", why=why, scope="text")]
    if verdict is Verdict.KEEP or (verdict is Verdict.RECYCLE and not span.segments):
        return []
    why = wording.no_room(side.name, room, chars=chars, need_bytes=high_bytes)

    def waits(later: Room) -> bool:
        return judge(later, released=True) is Verdict.PAUSE

    return [Wish(verdict=verdict, policy="headroom", why=why, side=side, until="room", waits=waits)]


def look_ahead(side: Side, chars: Sequence[int], span: Span) -> list[Wish]:
    """Ask whether a child that grows comes as far as the next boundary."""
    if not span.segments or not side.rate:
        return []
    if not counts(side.grown, worth_bytes=side.worth, others_grew_bytes=side.others_grew):
        return []
    # The highest mark is for units that take no child below the lower one.
    mark_bytes = next((mark for mark in side.safe_marks if side.comes_as_far(chars, mark, fresh=True)), None)
    if mark_bytes is None or side.comes_as_far(chars, mark_bytes):
        return []  # nor would a fresh one: this one goes on while each next text finds room
    if span.segments <= WARM_UP and not span.is_old_enough(side):
        return []  # a warm-up grows too, and its successor's would
    why = wording.too_far(side.name, chars=chars, rate_bytes=side.rate, used_bytes=side.now)
    return [Wish(verdict=Verdict.RECYCLE, policy="lookahead", why=why, side=side)]
