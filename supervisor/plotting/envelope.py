"""A curve of any length in constant memory: the least and the greatest of each small span of time.

Spans begin short, and whenever there are too many of them, neighbours are joined. So a peak of one
reading in a million is still in the picture, as high as it was.
"""

from typing import Final

#: Spans of a curve: more than a picture of 1600 points is wide.
MOST_SPANS: Final = 2048

#: The first spans are as long; a power of two, so that joining is exact.
_FIRST_S: Final = 2.0**-10

#: A curve whose spans are as high as this part of it all is drawn as a band.
_BAND_SHARE: Final = 0.25

#: Time and value of the least point of a span, time and value of its greatest.
_Extremes = tuple[float, float, float, float]


class Envelope:
    """One curve."""

    def __init__(self) -> None:
        self._span_s = _FIRST_S
        #: By number of the span.
        self._points: dict[int, _Extremes] = {}
        self._breaks: set[int] = set()

    def __bool__(self) -> bool:
        """Say whether there is a point."""
        return bool(self._points)

    def add(self, at_s: float, value: float) -> None:
        """Add a point; `at_s` from 0."""
        number = self._number(at_s)
        seen = self._points.get(number)
        here = (at_s, value)
        if seen is None:
            self._points[number] = (*here, *here)
        elif value < seen[1]:
            self._points[number] = (*here, *seen[2:])
        elif value > seen[3]:
            self._points[number] = (*seen[:2], *here)

    def interrupt(self, at_s: float) -> None:
        """Have the curve end here and begin anew with its next point."""
        if self._points:
            self._breaks.add(self._number(at_s))

    def curve(self) -> tuple[list[float], list[float]]:
        """Return times and values in order; NaN where the curve is interrupted."""
        times: list[float] = []
        values: list[float] = []
        for number in sorted(self._points.keys() | self._breaks):
            if number in self._points:
                least_s, least, greatest_s, greatest = self._points[number]
                for at_s, value in sorted({(least_s, least), (greatest_s, greatest)}):
                    times.append(at_s)
                    values.append(value)
            if number in self._breaks:
                times.append((number + 1) * self._span_s)
                values.append(float("nan"))
        return times, values

    def band(self) -> tuple[list[float], list[float], list[float]] | None:
        """Return times, least and greatest values where the curve goes up and down within its spans.

        None where it does not: a line then shows more. A saw of a thousand teeth, drawn as a line, is
        a wall that hides whatever stands behind it.
        """
        points = [self._points[number] for number in sorted(self._points)]
        if not points:
            return None
        lows, highs = [point[1] for point in points], [point[3] for point in points]
        swing = sum(highs) / len(points) - sum(lows) / len(points)
        if swing <= _BAND_SHARE * (max(highs) - min(lows)):
            return None
        return [point[0] for point in points], lows, highs

    def _number(self, at_s: float) -> int:
        number = int(max(0.0, at_s) / self._span_s)
        while number >= MOST_SPANS:
            self._join()
            number //= 2
        return number

    def _join(self) -> None:
        self._span_s *= 2
        self._breaks = {number // 2 for number in self._breaks}
        points, self._points = self._points, {}
        for number, point in points.items():
            other = self._points.get(number // 2)
            self._points[number // 2] = point if other is None else _joined(point, other)


def _joined(one: _Extremes, other: _Extremes) -> _Extremes:
    least = min(one[:2], other[:2], key=_value)
    return (*least, *max(one[2:], other[2:], key=_value))


def _value(point: tuple[float, float]) -> float:
    return point[1]
