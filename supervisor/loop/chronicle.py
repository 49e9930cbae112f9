"""What happened in the last hour, for who comes to look after it did: a line of memory, and moments on it.

Pure: times are given. What is kept is bounded: a reading is 32 bytes, there are at most `MOST_POINTS` of a
device, and a moment's words are cut.
"""

import math
from array import array
from collections import OrderedDict, deque
from typing import Final, Literal

import msgspec

from supervisor.core.decisions import Act, Policy
from supervisor.loop.sights import Memory, MemoryReading

#: How far back it goes.
KEPT_S: Final = 3600.0

#: Of a device: half of them the latest readings as they are, half the highest of each `BUCKET_S`.
MOST_POINTS: Final = 600

#: An hour in half the points.
BUCKET_S: Final = 2 * KEPT_S / MOST_POINTS

#: Lives, decisions, and what the broom gave back.
MOST_MOMENTS: Final = 200

#: Of a reason; longer ones are cut.
MOST_CHARS: Final = 300

#: Lines: one for each device and kind of memory; the one that was not read for longest goes.
_MOST_SERIES: Final = 16

Point = tuple[float, int | None, int | None]


class Began(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="began"):
    """A child is ready."""

    at: float
    life: int


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="ended"):
    """A child life is over.

    Attributes:
        at: Seconds since the epoch, as everywhere here.
        life: Its number.
        how: Its process ended, in words.
        why: What led to it, with figures; empty where nobody here wished it.
        ending: The same in a word, as `/metrics` counts it.
        reason: Of a recycle: a policy, or who else is behind it.
        segments: Spoken in it.
    """

    at: float
    life: int
    how: str
    why: str
    ending: str
    reason: str
    segments: int


class Decided(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="decided"):
    """A memory policy decided something."""

    at: float
    life: int
    policy: Policy
    action: Act
    why: str


class Released(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="released"):
    """A child releases its caches, and nobody decided or asked it: it ran out of memory."""

    at: float
    life: int
    why: str


class GaveBack(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="gave_back"
):
    """What somebody asked for is done, or cannot be: then `error` says why, and there are no figures."""

    at: float
    what: Literal["clean", "recycle"]
    of: Memory | None = None
    before_bytes: int | None = None
    after_bytes: int | None = None
    took_s: float | None = None
    error: str = ""


Moment = Began | Ended | Decided | Released | GaveBack


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """In bytes; None = not known."""

    soft: int | None
    hard: int | None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What belongs to all points of a series.

    Attributes:
        device: Number of the device.
        name: Of the device.
        of: Which memory.
        total: Of it, in bytes.
        marks: On it.
        marks_of: What they hold for: all that is used of a GPU, or what the child has of the machine's.
    """

    device: int
    name: str
    of: Memory
    total: int | None
    marks: Marks
    marks_of: Literal["all", "child"]


class Series(Line, frozen=True, kw_only=True):
    """A line with its points.

    Attributes:
        points: When, what the child held, and what everybody else did; oldest first.
    """

    points: list[Point]


class PointRead(Line, frozen=True, kw_only=True):
    """The next point of a series."""

    point: Point


class Chronicle:
    """One service's."""

    def __init__(self) -> None:
        self._lines: OrderedDict[tuple[int, Memory], tuple[Line, _Points]] = OrderedDict()
        self._moments: deque[Moment] = deque(maxlen=MOST_MOMENTS)

    def read(self, reading: MemoryReading, at_s: float) -> PointRead:
        """Keep a reading, and return it as the next point of its series.

        Args:
            reading: What was read.
            at_s: When, in seconds since the epoch. Where that is before the last, somebody set the clock
                back, and what lies in the future is forgotten.
        """
        key = (reading.device, reading.of)
        _, points = self._lines.pop(key, (None, None))
        points = points or _Points(reading.of)
        points.add(at_s, reading.ours, reading.others)
        line = _line_of(reading)
        self._lines[key] = (line, points)
        if len(self._lines) > _MOST_SERIES:
            self._lines.popitem(last=False)
        point: Point = (round(at_s, 3), reading.ours, reading.others)
        return PointRead(**msgspec.structs.asdict(line), point=point)

    def tell(self, moment: Moment) -> None:
        """Keep a moment."""
        self._moments.append(moment)

    @property
    def moments(self) -> list[Moment]:
        """Those that are kept, oldest first."""
        return list(self._moments)

    def series(self, now_s: float) -> list[Series]:
        """Return what was read in the hour before a time, device by device."""
        found = [(line, points.since(now_s - KEPT_S)) for line, points in self._lines.values()]
        return sorted(
            (Series(**msgspec.structs.asdict(line), points=points) for line, points in found if points),
            key=lambda one: (one.device, one.of),
        )


_Row = tuple[float, float, float]


class _Points:
    """Those of one series: the latest as they are, older ones the highest of their bucket."""

    def __init__(self, of: Memory) -> None:
        self._of: Memory = of
        self._fine = _Rows()
        self._coarse = _Rows()

    def add(self, at_s: float, ours: int | None, others: int | None) -> None:
        row = (at_s, _figure(ours), _figure(others))
        for rows in (self._fine, self._coarse):
            rows.forget_after(at_s)
            rows.forget_before(at_s - KEPT_S)
        self._fine.add(row)
        last = self._coarse.last
        if last is None or last[0] // BUCKET_S != at_s // BUCKET_S:
            self._coarse.add(row)
        elif self._height(row) >= self._height(last):
            self._coarse.replace_last(row)

    def _height(self, row: _Row) -> float:
        """What the marks are held against; what is not known adds nothing."""
        held = row[1:] if self._of == "device" else row[1:2]
        return sum(size for size in held if not math.isnan(size))

    def since(self, from_s: float) -> list[Point]:
        fine = [row for row in self._fine.rows() if row[0] >= from_s]
        first_s = fine[0][0] if fine else math.inf
        coarse = [row for row in self._coarse.rows() if from_s <= row[0] < first_s]
        return [_point(row) for row in (*coarse, *fine)]


class _Rows:
    """Rows of three numbers, oldest first: an object for each would cost ten times as much."""

    def __init__(self) -> None:
        self._numbers = array("d")

    @property
    def last(self) -> _Row | None:
        return (self._numbers[-3], self._numbers[-2], self._numbers[-1]) if self._numbers else None

    def add(self, row: _Row) -> None:
        self._numbers.extend(row)
        if len(self._numbers) > 3 * MOST_POINTS // 2:
            del self._numbers[:3]

    def replace_last(self, row: _Row) -> None:
        del self._numbers[-3:]
        self._numbers.extend(row)

    def forget_after(self, at_s: float) -> None:
        while self._numbers and self._numbers[-3] > at_s:
            del self._numbers[-3:]

    def forget_before(self, at_s: float) -> None:
        while self._numbers and self._numbers[0] < at_s:
            del self._numbers[:3]

    def rows(self) -> list[_Row]:
        numbers = self._numbers
        return list(zip(numbers[0::3], numbers[1::3], numbers[2::3], strict=True))


def _line_of(reading: MemoryReading) -> Line:
    return Line(
        device=reading.device,
        name=reading.name,
        of=reading.of,
        total=reading.total,
        marks=Marks(soft=reading.soft, hard=reading.hard),
        marks_of="all" if reading.of == "device" else "child",
    )


def _figure(size: int | None) -> float:
    return math.nan if size is None else float(size)


def _point(row: _Row) -> Point:
    at_s, ours, others = row
    return (
        round(at_s, 3),
        None if math.isnan(ours) else int(ours),
        None if math.isnan(others) else int(others),
    )
