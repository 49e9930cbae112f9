"""Why a child life ended, and whom it is charged to."""

from dataclasses import dataclass
from typing import Literal

from supervisor.core.death import Death

Wish = Literal[
    "recycle",  # a mark, or the last attempt of a segment: planned
    "over",  # no more work: planned
    "idle",  # nothing to do for long: planned
    "stop",  # the run is to stop: planned
    "hard",  # a hard mark: planned, unless the life was fresh: no successor would fare better
    "stalled",  # no progress
    "broken",  # damaged frames
    "unready",  # not ready in time
]

_PLANNED = frozenset({"recycle", "over", "idle", "stop", "hard"})
_RECYCLES = frozenset({"recycle", "hard"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EndWish:
    """That we wanted the life to end, and why."""

    wish: Wish
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Obituary:
    """What a death means.

    Attributes:
        planned: Never counts towards a crash loop.
        recycled: Planned, and for the sake of memory or of a fresh start.
        outside: Ended by a SIGKILL or SIGTERM that we did not send.
        charged: Whether the segment in hand pays an attempt.
        kind: `child_hung`, `child_crashed` or `oom`: the failure that a charged segment has.
        why: In words.
    """

    planned: bool
    recycled: bool
    outside: bool
    charged: bool
    kind: str
    why: str


def read_death(death: Death, wish: EndWish | None, *, last_words: str, first_segment: bool) -> Obituary:
    """Say what a death means.

    Args:
        death: How the process ended.
        wish: Why we wanted it to; None if we did not.
        last_words: What the child said was broken before it left; empty if nothing.
        first_segment: Whether the segment in hand was the first of its life: a hard mark
            crossed then is that segment's doing, not the life's.
    """
    if wish is None:
        outside = death.may_be_from_outside
        why = f"{death.in_words}: {last_words}" if last_words else death.in_words
        if outside:
            why += " (sent from outside, or by the kernel for want of memory)"
        return Obituary(
            planned=False, recycled=False, outside=outside, charged=not outside, kind="child_crashed", why=why
        )
    if wish.wish in _PLANNED:
        charged = wish.wish == "hard" and first_segment
        recycled = wish.wish in _RECYCLES and not charged
        return Obituary(
            planned=not charged, recycled=recycled, outside=False, charged=charged, kind="oom", why=wish.why
        )
    kind = "child_hung" if wish.wish in ("stalled", "unready") else "child_crashed"
    return Obituary(planned=False, recycled=False, outside=False, charged=True, kind=kind, why=wish.why)
