"""Hangs in a recorded trace: a text that was begun and does not end.

Live, each piece of audio and each sign of life puts the deadline off (`core/hand.py`). A trace knows
only when a text began and ended, so here all of that time is taken for silence: the limit is five
times the longest that any text took for its length, and of the floor before one was finished.
"""

from typing import Final, assert_never

from supervisor.core.decisions import Decision
from supervisor.core.traces import (
    Asked,
    Boundary,
    LifeEnded,
    LifeReady,
    Released,
    SegmentBegin,
    SegmentEnd,
)
from supervisor.policy.stall import Silences

#: Times the floor: so long the first text may take; how often the child was heard in it, nobody knows.
_UNKNOWN: Final = 5.0

Event = LifeReady | SegmentBegin | SegmentEnd | Boundary | LifeEnded | Released | Asked


class Hangs:
    """Watch one run."""

    def __init__(self, stall_s: float) -> None:
        """Begin.

        Args:
            stall_s: `child.stall_s`, a floor under what is learned; 0 = nothing counts as a hang.
        """
        self._silences = Silences(stall_s)
        self._knows = False
        self._begun: SegmentBegin | None = None
        self._deadline_s = float("inf")
        self._is_killed = False

    def take(self, record: Event) -> None:
        """Take what happened."""
        match record:
            case SegmentBegin():
                self._begun = record
                limit_s = self._silences.limit_s(record.chars) * (1.0 if self._knows else _UNKNOWN)
                self._deadline_s = record.t + limit_s if limit_s else float("inf")
            case SegmentEnd():
                self._ended(record)
            case LifeReady():
                self._rest()
                self._is_killed = False
            case LifeEnded():
                self._rest()
            case Boundary() | Released() | Asked():
                pass
            case _:
                assert_never(record)

    def over(self, at_s: float, decisions: list[Decision]) -> list[Decision]:
        """Return what is decided: a hang's kill is the last word on its life.

        Args:
            at_s: Of the record, monotonic seconds.
            decisions: Of the panel.
        """
        if at_s < self._deadline_s and not self._is_killed:
            return decisions
        return [] if self._is_killed else [self._kill(at_s), *decisions]

    def _kill(self, at_s: float) -> Decision:
        assert self._begun is not None
        silent_s = at_s - self._begun.t
        limit_s = self._deadline_s - self._begun.t
        self._rest()
        self._is_killed = True
        why = (
            f"no end of segment {self._begun_number} for {silent_s:.0f} s, where {limit_s:.0f} s is the limit"
        )
        return Decision(t=at_s, action="kill", policy="stall", why=why)

    def _ended(self, end: SegmentEnd) -> None:
        begun = self._begun
        if begun is not None and begun.segment == end.segment and end.seconds > 0:
            self._silences.finished(longest_s=end.t - begun.t, chars=end.chars, audio_s=end.seconds)
            self._knows = True
        self._rest()

    def _rest(self) -> None:
        self._begun_number = -1 if self._begun is None else self._begun.segment
        self._begun, self._deadline_s = None, float("inf")
