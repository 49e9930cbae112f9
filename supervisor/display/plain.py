"""Notes as plain lines: notices at once, progress every so often."""

from collections.abc import Callable
from typing import assert_never

from supervisor.core.notes import (
    ChildState,
    MemoryDecision,
    Note,
    Notice,
    Progress,
    SegmentSpoken,
    SegmentTrouble,
    Stage,
)
from supervisor.display.words import (
    child_line,
    decision_line,
    notice_line,
    plain_line,
    stage_line,
    trouble_line,
)

#: Between two lines of progress (interface §1).
EVERY_S = 10.0


def notable(note: Note) -> str | None:
    """Return what is to be said at once, else None."""
    match note:
        case ChildState():
            return child_line(note)
        case SegmentTrouble():
            return trouble_line(note)
        case Notice():
            return notice_line(note)
        case Stage():
            return stage_line(note) if note.detail else None
        case MemoryDecision():
            return decision_line(note)
        case Progress() | SegmentSpoken():
            return None
        case _:
            assert_never(note)


class PlainLines:
    """Lines for a log, a pipe or a terminal that cannot move its cursor.

    Args:
        tell: Takes one line.
        now_s: Monotonic clock, seconds.
    """

    def __init__(self, tell: Callable[[str], None], now_s: Callable[[], float]) -> None:
        self._tell = tell
        self._now_s = now_s
        self._last_s = now_s()

    def show(self, note: Note) -> None:
        """Write what is notable; of progress, one line every `EVERY_S`."""
        line = notable(note)
        if line is not None:
            self._tell(line)
        elif isinstance(note, Progress) and self._now_s() - self._last_s >= EVERY_S:
            self._last_s = self._now_s()
            self._tell(plain_line(note))

    def close(self) -> None:
        """Nothing is held back, so there is nothing to end."""
