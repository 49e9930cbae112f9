"""What a picture of traces shows, gathered record by record in constant memory."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from supervisor.core.decisions import Decision
from supervisor.core.panel import Marks, MemoryTerms
from supervisor.core.replaying import RunCounter, steps
from supervisor.core.traces import (
    Decided,
    LifeEnded,
    LifeReady,
    Reading,
    Record,
    SegmentBegin,
    SegmentEnd,
)
from supervisor.plotting.envelope import Envelope
from supervisor.policy.watermark import WatermarkLimits

#: Kept of each action: more of them would be a bar, and `replay` lists them all.
MOST_OF_AN_ACTION: Final = 400

#: Lives that are drawn; a picture 1600 points wide shows no more.
MOST_LIVES: Final = 1000

#: Live and replayed decisions that are as near are one: the live one is recorded after what caused it.
_SAME_S: Final = 1.0

#: Between two runs on one axis of time, as a share of all before; at least a second.
_GAP_SHARE: Final = 0.01

DEVICE_USED: Final = "device used"
CHILD_DEVICE: Final = "child's part"
RESERVED: Final = "reserved"
LIVE: Final = "live"
DECLARED: Final = "declared"
HOST_PRIVATE: Final = "host private"

Origin = Literal["recorded", "replayed", "both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A decision on the axis of time.

    Attributes:
        x: Seconds on that axis.
        at_s: By the trace's own clock.
        action: What was to be done.
        policy: Who said so.
        why: Its sentence.
        origin: Made by the live run, or now.
    """

    x: float
    at_s: float
    action: str
    policy: str
    why: str
    origin: Origin


@dataclass(slots=True, kw_only=True)
class Span:
    """A life on the axis of time; `why` is None while it has not ended."""

    life: int
    begin_x: float
    end_x: float
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What a kind of memory holds in all, and its marks, from `begin_x` on."""

    begin_x: float
    total_bytes: int
    limits: WatermarkLimits


@dataclass(slots=True, kw_only=True)
class Story:
    """All that is drawn; times on one axis, on which runs and traces follow one another.

    Attributes:
        curves: By name, bytes.
        device: Totals and marks of the device.
        host: Totals and marks of the host.
        lives: In order of their begin.
        segments: One point a segment.
        marks: Decisions in order.
        left_out: Decisions by action that are too many to be drawn.
        runs: Where a run or a trace begins, and its name.
        end_x: Where all ends.
        clock_s: What the first run's clock said where the axis begins.
    """

    curves: dict[str, Envelope] = field(default_factory=dict[str, Envelope])
    device: list[Level] = field(default_factory=list[Level])
    host: list[Level] = field(default_factory=list[Level])
    lives: list[Span] = field(default_factory=list[Span])
    segments: Envelope = field(default_factory=Envelope)
    segment_count: int = 0
    life_count: int = 0
    marks: list[Mark] = field(default_factory=list[Mark])
    left_out: Counter[str] = field(default_factory=Counter[str])
    runs: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    end_x: float = 0.0
    clock_s: float = 0.0


class Teller:
    """Makes the story."""

    def __init__(self) -> None:
        self.story = Story()
        #: By action and origin: how many there were, are drawn, and of how many one is.
        self._seen: Counter[tuple[str, Origin]] = Counter()
        self._drawn: Counter[tuple[str, Origin]] = Counter()
        self._every: defaultdict[tuple[str, Origin], int] = defaultdict(lambda: 1)
        self._offset_s = 0.0
        self._began_s = 0.0
        self._open: dict[int, Span] = {}

    def add(self, name: str, records: Iterable[Record], terms: MemoryTerms, *, stall_s: float = 0.0) -> None:
        """Add a trace after those before.

        Args:
            name: Of the trace.
            records: Of it.
            terms: Its replayed decisions are made under these.
            stall_s: `child.stall_s`; 0 = nothing counts as a hang.
        """
        counter = RunCounter()
        run = 0
        for record, decisions in steps(records, terms, stall_s=stall_s):
            if counter(record) != run:
                run = counter.run
                self._begin_run(name if run == 1 else f"{name}, run {run}", record.t)
            x = self._x(record.t)
            self._take(record, x, terms)
            for one in decisions:
                self._decide(_mark(one, x, "replayed"))
        self._end_run()

    # ------------------------------------------------------------------ the axis of time

    def _begin_run(self, name: str, at_s: float) -> None:
        self._end_run()
        end_x = self.story.end_x
        self._offset_s = end_x + max(1.0, end_x * _GAP_SHARE) if self.story.runs else 0.0
        self._began_s = at_s
        if not self.story.runs:
            self.story.clock_s = at_s
        self.story.runs.append((self._offset_s, name))

    def _end_run(self) -> None:
        for span in self._open.values():
            span.end_x = self.story.end_x
        self._open.clear()
        self._interrupt()

    def _x(self, at_s: float) -> float:
        x = max(0.0, self._offset_s + at_s - self._began_s)
        self.story.end_x = max(self.story.end_x, x)
        return x

    # ------------------------------------------------------------------ records

    def _take(self, record: Record, x: float, terms: MemoryTerms) -> None:
        if isinstance(record, Reading):
            self._read(record, x, terms)
        elif isinstance(record, SegmentEnd):
            self._end_segment(record, x)
        elif isinstance(record, SegmentBegin):
            self.story.segment_count += 1
            self.story.segments.add(x, 0.0)
        elif isinstance(record, LifeReady):
            self._begin_life(record, x)
        elif isinstance(record, LifeEnded):
            self._end_life(record, x)
        elif isinstance(record, Decided):
            self._decide(_mark(record, x, "recorded"))

    def _read(self, record: Reading, x: float, terms: MemoryTerms) -> None:
        if record.device_total is not None:
            self._level(self.story.device, x, record.device_total, terms.device)
        self._point(DEVICE_USED, x, record.device_used)
        self._point(CHILD_DEVICE, x, record.child_device)
        self._point(HOST_PRIVATE, x, record.child_host)
        if record.child_host is not None:
            self._level(self.story.host, x, record.host_total or terms.host_total_bytes, terms.host)

    def _end_segment(self, record: SegmentEnd, x: float) -> None:
        vitals = record.vitals
        self._point(LIVE, x, vitals.live)
        self._point(RESERVED, x, vitals.reserved)
        self._point(DECLARED, x, vitals.declared)
        self._point(HOST_PRIVATE, x, vitals.host_private)

    def _point(self, name: str, x: float, value_bytes: int | None) -> None:
        if value_bytes is None:
            return
        curve = self.story.curves.get(name)
        if curve is None:
            curve = self.story.curves[name] = Envelope()
        curve.add(x, value_bytes)

    def _interrupt(self) -> None:
        """Have what is a child's end with it; the device goes on."""
        for name, curve in self.story.curves.items():
            if name != DEVICE_USED:
                curve.interrupt(self.story.end_x)

    @staticmethod
    def _level(levels: list[Level], x: float, total_bytes: int, marks: Marks) -> None:
        if not levels or levels[-1].total_bytes != total_bytes:
            levels.append(Level(begin_x=x, total_bytes=total_bytes, limits=marks(total_bytes)))
            del levels[MOST_LIVES:]

    # ------------------------------------------------------------------ lives and decisions

    def _begin_life(self, record: LifeReady, x: float) -> None:
        self.story.life_count += 1
        span = Span(life=record.life, begin_x=x, end_x=x)
        self._open[record.life] = span
        if len(self.story.lives) < MOST_LIVES:
            self.story.lives.append(span)

    def _end_life(self, record: LifeEnded, x: float) -> None:
        span = self._open.pop(record.life, None)
        if span is not None:
            span.end_x, span.why = x, record.why
        self._interrupt()

    def _decide(self, mark: Mark) -> None:
        twin = self._twin(mark)
        if twin is not None:
            self.story.marks.remove(twin)
            self._drawn[twin.action, twin.origin] -= 1
            mark = replace(twin, origin="both")
        lane = (mark.action, mark.origin)
        number, self._seen[lane] = self._seen[lane], self._seen[lane] + 1
        if number % self._every[lane]:
            self.story.left_out[mark.action] += 1
            return
        self.story.marks.append(mark)
        self._drawn[lane] += 1
        if self._drawn[lane] > MOST_OF_AN_ACTION:
            self._thin(lane)

    def _thin(self, lane: tuple[str, Origin]) -> None:
        """Leave out every second of an action, and of those to come: they would stand on one another."""
        self._every[lane] *= 2
        marks = self.story.marks
        of_lane = [number for number, mark in enumerate(marks) if (mark.action, mark.origin) == lane]
        gone = set(of_lane[1::2])
        self.story.marks = [mark for number, mark in enumerate(marks) if number not in gone]
        self.story.left_out[lane[0]] += len(gone)
        self._drawn[lane] = len(of_lane) - len(gone)

    def _twin(self, mark: Mark) -> Mark | None:
        """Return the same decision of the other origin, if it stands among the latest."""
        for other in reversed(self.story.marks):
            if mark.x - other.x > _SAME_S:
                return None
            same = (mark.action, mark.policy) == (other.action, other.policy)
            if same and other.origin not in (mark.origin, "both"):
                return other
        return None


def _mark(one: Decided | Decision, x: float, origin: Origin) -> Mark:
    return Mark(x=x, at_s=one.t, action=one.action, policy=one.policy, why=one.why, origin=origin)
