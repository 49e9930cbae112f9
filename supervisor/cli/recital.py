"""A replayed trace in words for people: a line a decision, and what it all comes to."""

from collections import Counter

from supervisor.core.decisions import Decision
from supervisor.core.replaying import RunCounter
from supervisor.core.traces import LifeEnded, LifeReady, Reading, Record, SegmentBegin, SegmentEnd
from supervisor.display.words import clock, count, size

#: Of the ways in which lives ended so many are named; a trace of a year may have thousands.
_MOST_ENDINGS = 6

#: Words that lives ended with are kept apart up to so many, so that a long trace takes no more memory.
_MOST_WORDS = 1000

HEAD = f"{'time':>11}  {'life':>4}  {'segment':>7}  {'action':<6}  {'policy':<13}  why"


class Recital:
    """Follow the records of one trace, and word what was decided."""

    def __init__(self) -> None:
        self._runs = RunCounter()
        self._records = 0
        self._run: int = 0
        self._run_began_s = 0.0
        self._run_latest_s = 0.0
        self._earlier_s = 0.0
        self._life: int | None = None
        self._segment: int | None = None
        self._lives = 0
        self._segments = 0
        self._audio_s = 0.0
        self._endings: Counter[str] = Counter()
        self._decisions: Counter[tuple[str, str]] = Counter()
        self._most_bytes: dict[str, int] = {}
        self._device_total_bytes: int | None = None
        self._host_total_bytes: int | None = None

    @property
    def lacks_host_total(self) -> bool:
        """Whether private host memory was seen, and never the machine's own."""
        return self._host_total_bytes is None and "host private" in self._most_bytes

    def take(self, record: Record) -> None:
        """Take the next record."""
        self._records += 1
        self._follow_clock(record)
        if isinstance(record, Reading):
            self._read(record)
        elif isinstance(record, SegmentBegin):
            self._segment = record.segment
        elif isinstance(record, SegmentEnd):
            self._end_segment(record)
        elif isinstance(record, LifeReady):
            self._lives += 1
            self._life, self._segment = record.life, None
        elif isinstance(record, LifeEnded):
            # Before the colon stands who ended it; after it the figures, which are others each time.
            why = record.why.partition(":")[0]
            known = why in self._endings or len(self._endings) < _MOST_WORDS
            self._endings[why if known else "other"] += 1

    def line(self, one: Decision) -> str:
        """Return the line of a decision at the record that was taken last."""
        self._decisions[one.policy, one.action] += 1
        life = "-" if self._life is None else self._life
        segment = "-" if self._segment is None else self._segment
        return f"{_time(one.t):>11}  {life:>4}  {segment:>7}  {one.action:<6}  {one.policy:<13}  {one.why}"

    def summary(self) -> list[str]:
        """Return what the trace held, in a few lines."""
        if not self._records:
            return ["no records"]
        span_s = self._earlier_s + self._run_latest_s - self._run_began_s
        runs = f"{self._run} runs, " if self._run > 1 else ""
        segments = count(self._segments, "segment", "segments")
        lives = count(self._lives, "life", "lives")
        head = f"{runs}{lives}, {segments}, {clock(self._audio_s)} of audio in {clock(span_s)}"
        return [head, *self._ended(), self._decided(), *self._largest()]

    def _follow_clock(self, record: Record) -> None:
        run = self._runs(record)
        if run != self._run:
            self._earlier_s += self._run_latest_s - self._run_began_s
            self._run, self._run_began_s, self._run_latest_s = run, record.t, record.t
            self._life = self._segment = None
        elif record.t > self._run_latest_s:
            self._run_latest_s = record.t

    def _read(self, record: Reading) -> None:
        if record.device_total is not None:
            self._device_total_bytes = record.device_total
        if record.host_total is not None:
            self._host_total_bytes = record.host_total
        self._note("device", record.device_used)
        self._note("the child's part", record.child_device)
        self._note("host private", record.child_host)

    def _end_segment(self, record: SegmentEnd) -> None:
        self._segments += 1
        self._audio_s += record.seconds
        vitals = record.vitals
        self._note("live", vitals.live)
        self._note("reserved", vitals.reserved)
        self._note("declared", vitals.declared)
        self._note("host private", vitals.host_private)

    def _note(self, what: str, figure_bytes: int | None) -> None:
        if figure_bytes is not None and figure_bytes > self._most_bytes.get(what, -1):
            self._most_bytes[what] = figure_bytes

    def _ended(self) -> list[str]:
        if not self._endings:
            return []
        named = [
            f"{why or 'no reason given'} {number}" for why, number in self._endings.most_common(_MOST_ENDINGS)
        ]
        rest = self._endings.total() - sum(number for _, number in self._endings.most_common(_MOST_ENDINGS))
        return [f"lives ended by: {' · '.join([*named, *([f'others {rest}'] if rest else [])])}"]

    def _decided(self) -> str:
        if not self._decisions:
            return "decisions: none"
        each = [f"{policy} {action} {number}" for (policy, action), number in self._decisions.most_common()]
        return f"decisions: {self._decisions.total()}: {' · '.join(each)}"

    def _largest(self) -> list[str]:
        if not self._most_bytes:
            return []
        total = self._device_total_bytes
        words = [
            f"{what} {size(most)}{f' of {size(total)}' if what == 'device' and total is not None else ''}"
            for what, most in self._most_bytes.items()
        ]
        return [f"largest: {' · '.join(words)}"]


def _time(at_s: float) -> str:
    """Write a moment to the tenth of a second: `0:12:03.4`; before the clock's start with a minus."""
    tenths = round(abs(at_s) * 10)
    sign = "-" if at_s < 0 and tenths else ""
    return f"{sign}{tenths // 36000}:{tenths // 600 % 60:02d}:{tenths // 10 % 60:02d}.{tenths % 10}"
