"""Why a child life ended, and whom it is charged to."""

from dataclasses import dataclass
from typing import Final, Literal

from supervisor.core.death import Death
from supervisor.core.decisions import Policy

#: Every way in which a life can end, in a word.
Ending = Literal[
    "recycled",  # replaced as planned
    "finished",  # nothing to do for long, or the work is over
    "exited",  # by itself, with a status
    "crashed",  # by a signal of its own making: SIGSEGV, SIGABRT, …
    "killed",  # by a SIGKILL or SIGTERM that was not ours
    "hung",  # no progress: we killed it
    "unready",  # not ready in time: we killed it
    "broken",  # it broke the contract of the wire: we killed it
    "over_mark",  # over a hard mark in its first segment: we killed it
]

#: For what a child is replaced: a policy says so, or one of these.
Reason = Literal[
    Policy,
    "asked",  # somebody did
    "last_try",  # a segment's last try is to meet a fresh child
    "cannot_go_on",  # the child itself said so
]

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

_ENDINGS: Final[dict[Wish, Ending]] = {
    "recycle": "recycled",
    "over": "finished",
    "idle": "finished",
    "stop": "finished",
    "hard": "recycled",
    "stalled": "hung",
    "broken": "broken",
    "unready": "unready",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EndWish:
    """That we wanted the life to end.

    Attributes:
        wish: In a word.
        why: In words.
        reason: Who or what is behind it, where a fresh child is wanted.
    """

    wish: Wish
    why: str
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Obituary:
    """What a death means.

    Attributes:
        ending: How the life ended.
        why: In words.
        reason: Of one that was recycled: for what; else None.
    """

    ending: Ending
    why: str
    reason: Reason | None = None

    @property
    def planned(self) -> bool:
        """Whether it never counts towards a crash loop."""
        return self.ending in ("recycled", "finished")

    @property
    def recycled(self) -> bool:
        """Whether it was planned, and for the sake of memory or of a fresh start."""
        return self.ending == "recycled"

    @property
    def outside(self) -> bool:
        """Whether a SIGKILL or SIGTERM ended it that we did not send."""
        return self.ending == "killed"

    @property
    def charged(self) -> bool:
        """Whether the segment in hand pays an attempt."""
        return not (self.planned or self.outside)

    @property
    def kind(self) -> str:
        """`child_hung`, `child_crashed` or `oom`: the failure that a charged segment has."""
        if self.ending in ("hung", "unready"):
            return "child_hung"
        return "oom" if self.ending == "over_mark" else "child_crashed"


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
        why = f"{death.in_words}: {last_words}" if last_words else death.in_words
        if death.may_be_from_outside:
            return Obituary(
                ending="killed", why=f"{why} (sent from outside, or by the kernel for want of memory)"
            )
        return Obituary(ending="exited" if death.signal is None else "crashed", why=why)
    if wish.wish == "hard" and first_segment:
        return Obituary(ending="over_mark", why=wish.why)
    return Obituary(ending=_ENDINGS[wish.wish], why=wish.why, reason=wish.reason)
