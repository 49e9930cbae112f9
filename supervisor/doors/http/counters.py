"""Lives that ended since the door opened, counted from the notes of the service. Pure but for a given clock.

The words are the conductor's (`supervisor/core/obituary.py`): closed lists, so that each has its number from
the start, and a graph knows nought from nothing.
"""

import time
from collections.abc import Callable
from typing import Final, get_args

from supervisor.core.notes import ChildState, Note
from supervisor.core.obituary import Ending, Reason

ENDINGS: Final[tuple[Ending, ...]] = get_args(Ending)
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

#: Upper ends of the ranges that respawns are counted in, seconds: a fork, a cold start, a model that loads.
RESPAWN_S: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Counters:
    """One service's.

    Attributes:
        lives: By how they ended.
        recycles: By reason.
        respawns: How many were ready within each of `RESPAWN_S`; the last is all.
        respawn_s: All of them together.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._gone_s: float | None = None
        self._ready_life = 0
        self.lives: dict[Ending, int] = dict.fromkeys(ENDINGS, 0)
        self.recycles: dict[Reason, int] = dict.fromkeys(REASONS, 0)
        self.respawns = [0] * (len(RESPAWN_S) + 1)
        self.respawn_s = 0.0

    def note(self, note: Note) -> None:
        """Take what the service tells."""
        match note:
            case ChildState(state="gone", ending=ending) if ending is not None:
                self._gone(note, ending)
            case ChildState(state="ready"):
                self._ready(note.life)
            case _:
                pass

    def _gone(self, note: ChildState, ending: Ending) -> None:
        self.lives[ending] += 1
        if note.reason is not None:
            self.recycles[note.reason] += 1
        # One that went for want of work is not missed, and neither is one whose successor is there already.
        if ending != "finished" and note.life >= self._ready_life:
            self._gone_s = self._now_s()

    def _ready(self, life: int) -> None:
        self._ready_life = life
        if self._gone_s is None:
            return
        took_s, self._gone_s = self._now_s() - self._gone_s, None
        self.respawn_s += took_s
        for number, most_s in enumerate(RESPAWN_S):
            self.respawns[number] += took_s <= most_s
        self.respawns[-1] += 1
