"""What came by since the door opened, counted from the notes of the service. Pure but for a given clock.

The ways in which a life can end, and the reasons for which a child is replaced, are closed lists: each has
its number from the start, so that a graph knows nought from nothing.
"""

import time
from collections.abc import Callable
from typing import Final, Literal, get_args

from supervisor.core.decisions import Policy
from supervisor.core.notes import ChildState, Note, SegmentSpoken, SegmentTrouble

Ending = Literal[
    "recycled",  # replaced as planned
    "finished",  # nothing to do for long, or the service ended
    "exited",  # by itself, with a status
    "crashed",  # by a signal of its own making: SIGSEGV, SIGABRT, …
    "killed",  # by a SIGKILL or SIGTERM that was not ours
    "hung",  # no progress: we killed it
    "unready",  # not ready in time: we killed it
    "broken",  # it broke the contract of the wire: we killed it
    "over_mark",  # over a hard mark in its first segment: we killed it
]
ENDINGS: Final[tuple[Ending, ...]] = get_args(Ending)

#: For which a child is replaced as planned: a policy, or somebody asked, or a text is to meet a fresh one.
REASONS: Final[tuple[str, ...]] = (*get_args(Policy), "asked", "other")

#: Upper ends of the ranges that respawns are counted in, seconds: a fork, a cold start, a model that loads.
RESPAWN_S: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

_OUTSIDE: Final = frozenset({"SIGKILL", "SIGTERM"})


class Counters:
    """One service's.

    Attributes:
        lives: By how they ended.
        recycles: By reason.
        respawns: How many were ready within each of `RESPAWN_S`; the last is all.
        respawn_s: All of them together.
        lost_s: Work that was thrown away: from the last sign of progress to what undid it.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._gone_s: float | None = None
        self._moved_s = now_s()
        self._ready_life = 0
        self.lives: dict[str, int] = dict.fromkeys(ENDINGS, 0)
        self.recycles: dict[str, int] = dict.fromkeys(REASONS, 0)
        self.respawns = [0] * (len(RESPAWN_S) + 1)
        self.respawn_s = 0.0
        self.lost_s = 0.0

    def note(self, note: Note) -> None:
        """Take what the service tells."""
        match note:
            case ChildState(state="gone"):
                self._gone(note)
            case ChildState(state="ready"):
                self._ready(note.life)
            case SegmentSpoken():
                self._moved_s = self._now_s()
            case SegmentTrouble():
                self._lose()
            case _:
                pass

    def _gone(self, note: ChildState) -> None:
        ending = ending_of(note)
        self.lives[ending] += 1
        if ending == "recycled":
            self.recycles[reason_of(note.why)] += 1
        if not note.planned:
            self._lose()
        # One that went for want of work is not missed, and neither is one whose successor is there already.
        if ending != "finished" and note.life >= self._ready_life:
            self._gone_s = self._now_s()

    def _ready(self, life: int) -> None:
        now_s = self._now_s()
        self._moved_s, self._ready_life = now_s, life
        if self._gone_s is None:
            return
        took_s, self._gone_s = now_s - self._gone_s, None
        self.respawn_s += took_s
        for number, most_s in enumerate(RESPAWN_S):
            self.respawns[number] += took_s <= most_s
        self.respawns[-1] += 1

    def _lose(self) -> None:
        now_s = self._now_s()
        self.lost_s += now_s - self._moved_s
        self._moved_s = now_s


def ending_of(note: ChildState) -> Ending:
    """Say how a life ended, of the note that it is gone."""
    if note.planned:
        return "recycled" if note.recycled else "finished"
    if note.why.startswith(note.how):  # nobody here wished it
        if note.signal is None:
            return "exited"
        return "killed" if note.signal in _OUTSIDE else "crashed"
    if note.why.startswith("the child broke the wire"):
        return "broken"
    if note.why.startswith("not ready within"):
        return "unready"
    reason = reason_of(note.why)
    return "hung" if reason in ("stall", "other") else "over_mark"


def reason_of(why: str) -> str:
    """Return the policy that a reason begins with, or who else is behind it."""
    word = why.partition(":")[0]
    if word in REASONS:
        return word
    return "asked" if word.startswith("asked") else "other"
