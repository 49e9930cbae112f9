"""Run the panel of policies over a recorded trace, as it ran (or would have run) live.

Live, the panel is asked before each text, and knows the texts up to the next boundary. In a trace
those are found by reading ahead: at most `OUTLOOK_TEXTS` texts and `MOST_AHEAD` records, so that a
trace of any length takes the same memory. The trace goes on as recorded whatever is decided.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from supervisor.core.decisions import Decision
from supervisor.core.hangs import Hangs
from supervisor.core.panel import OUTLOOK_TEXTS, MemoryTerms, Outlook, Panel
from supervisor.core.traces import (
    Asked,
    Boundary,
    Decided,
    LifeEnded,
    LifeReady,
    Reading,
    Record,
    SegmentBegin,
    SegmentEnd,
)

#: Records that are read ahead at most. Fifty texts of a minute each at two readings a second are 6,000;
#: beyond this a service stood idle, and what it spoke hours later was not known.
MOST_AHEAD = 20_000

#: A clock that goes back by more than this is another run's; less is two threads that took turns.
BACK_S = 1.0


class RunCounter:
    """Tell the runs in a trace apart: several may be appended to one file.

    A new one begins where the clock goes back, or where the lives are numbered from the start again.

    Attributes:
        run: Number of the one that the latest record belongs to, from 1.
    """

    def __init__(self) -> None:
        self.run = 1
        self._at_s = float("-inf")
        self._life = 0

    def __call__(self, record: Record) -> int:
        """Return the number of the run that a record belongs to."""
        at_s = record.t
        is_anew = at_s < self._at_s - BACK_S
        if isinstance(record, LifeReady):
            is_anew = is_anew or record.life <= self._life
            self._life = record.life
        elif is_anew:
            self._life = 0
        if is_anew:
            self.run += 1
            self._at_s = at_s
        elif at_s > self._at_s:
            self._at_s = at_s
        return self.run


def replay(records: Iterable[Record], terms: MemoryTerms, *, stall_s: float = 0.0) -> Iterator[Decision]:
    """Return what the policies decide over a trace, in its order.

    Args:
        records: As recorded; consumed as they are needed.
        terms: What the policies work under.
        stall_s: `child.stall_s`, a floor under what is learned; 0 = nothing counts as a stall.
    """
    for _, decisions in steps(records, terms, stall_s=stall_s):
        yield from decisions


def steps(
    records: Iterable[Record],
    terms: MemoryTerms,
    *,
    stall_s: float = 0.0,
    remark: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[Record, list[Decision]]]:
    """Return each record with what is decided at it; otherwise as `replay`.

    Args:
        records: As recorded.
        terms: What the policies work under.
        stall_s: As for `replay`.
        remark: Takes what is said once of marks that cannot be kept.
    """
    for _, run in itertools.groupby(records, RunCounter()):
        panel = Panel(terms)
        yield from _steps_of_run(_Ahead(run), panel, Hangs(stall_s))
        for text in panel.remarks():
            remark(text)


def _steps_of_run(ahead: "_Ahead", panel: Panel, hangs: Hangs) -> Iterator[tuple[Record, list[Decision]]]:
    if (orphan := ahead.orphan()) is not None:
        panel.take(LifeReady(t=orphan.t, life=0))
    was_asked, before_s = False, 0.0
    for record in ahead:
        if isinstance(record, Reading):  # first, being most of a trace: a million lines are to take seconds
            was_asked = False
            yield record, hangs.over(record.t, panel.take(record))
        elif not isinstance(record, Decided):
            asked: list[Decision] = []
            if isinstance(record, Asked):
                asked = _ask(panel, record.t, record.chars)
            elif isinstance(record, SegmentBegin) and not was_asked:
                # Before the text is handed out: at the boundary, not within the segment.
                asked = _ask(panel, before_s, ahead.outlook(record))
            was_asked = isinstance(record, Asked)
            hangs.take(record)
            yield record, hangs.over(record.t, [*asked, *panel.take(record)])
        else:
            yield record, []
        before_s = record.t


def _ask(panel: Panel, at_s: float, chars: tuple[int, ...]) -> list[Decision]:
    return panel.ask(at_s, Outlook(chars=chars)) if chars else []


class _Ahead:
    """The records of one run, and the texts to come."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records = iter(records)
        self._waiting: deque[Record] = deque()
        self._texts: deque[SegmentBegin] = deque()
        self._reaches_boundary = False
        self._unfinished: int | None = None

    def __iter__(self) -> Iterator[Record]:
        while self._waiting or self._read():
            record = self._waiting.popleft()
            if isinstance(record, SegmentBegin):
                if self._texts and self._texts[0] is record:
                    self._texts.popleft()
            elif isinstance(record, Boundary):
                self._reaches_boundary = False
            yield record

    def orphan(self) -> Record | None:
        """Return the first record if it belongs to a life whose beginning is not in the trace.

        Readings before the first `ready` are of the time before it; where there is none, or it comes only
        after work was done, what was recorded is the middle of a life.
        """
        while len(self._waiting) < MOST_AHEAD and self._read():
            latest = self._waiting[-1]
            if isinstance(latest, LifeReady):
                return None
            if isinstance(latest, SegmentBegin | SegmentEnd | Boundary | LifeEnded):
                return self._waiting[0]
        return self._waiting[0] if 0 < len(self._waiting) < MOST_AHEAD else None

    def outlook(self, begin: SegmentBegin) -> tuple[int, ...]:
        """Return the characters of the text that begins, and of those up to the next boundary.

        A text that was in hand when its child ended begins once more; it counts as one text.
        """
        while not self._reaches_boundary and self._has_room() and self._read():
            pass
        return (begin.chars, *[each.chars for each in self._texts])

    def _has_room(self) -> bool:
        return len(self._texts) < OUTLOOK_TEXTS - 1 and len(self._waiting) < MOST_AHEAD

    def _read(self) -> bool:
        record = next(self._records, None)
        if record is None:
            return False
        self._waiting.append(record)
        if isinstance(record, Reading):
            return True
        if isinstance(record, SegmentBegin):
            if record.segment != self._unfinished:
                self._texts.append(record)
            self._unfinished = record.segment
        elif isinstance(record, SegmentEnd):
            self._unfinished = None
        elif isinstance(record, Boundary):
            self._reaches_boundary = True
        return True
