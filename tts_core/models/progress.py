"""How far a download is: a bar on a terminal, else a line now and then."""

import time
from collections.abc import Callable
from typing import TextIO

#: Between two lines where there is no terminal, and between two drawings of the bar where there is one.
_LINE_S, _DRAW_S = 10.0, 0.1
_CELLS = 24

#: Seconds over which the speed is told: that of the whole run would be wrong after a pause.
_WINDOW_S = 20.0


class Gauge:
    """Counts bytes and tells of them.

    Args:
        out: Where to.
        total: Bytes that are to come, those already here among them.
        clock: Monotonic seconds.
    """

    def __init__(self, out: TextIO, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._total, self._clock = out, total, clock
        self._is_terminal = out.isatty()
        self._done, self._skipped, self._name = 0, 0, ""
        self._told_s = clock()
        self._marks: list[tuple[float, int]] = [(self._told_s, 0)]

    def begin(self, name: str) -> None:
        """Say which file is next."""
        self._name = name
        self._tell()

    def advance(self, count: int) -> None:
        """Take bytes that came, or, negative, that have to come again."""
        self._done += count
        self._tell()

    def skip(self, count: int) -> None:
        """Take bytes that were here before: they say nothing of the speed."""
        self._skipped += count
        self._done += count
        self._marks = [(self._clock(), self._done)]

    def say(self, line: str) -> None:
        """Write a line that stays."""
        self._write(f"\r\x1b[K{line}\n" if self._is_terminal else f"{line}\n")

    def close(self) -> None:
        """Leave nothing half drawn behind."""
        if self._is_terminal:
            self._write("\r\x1b[K")

    def correct(self, count: int) -> None:
        """Take what the total was wrong by: some files tell their size only when they are here."""
        self._total += count

    def _tell(self) -> None:
        now_s = self._clock()
        if now_s - self._told_s < (_DRAW_S if self._is_terminal else _LINE_S):
            return
        self._told_s = now_s
        line = self._line(now_s)
        self._write(f"\r\x1b[K{line}" if self._is_terminal else f"{line}\n")

    def _line(self, now_s: float) -> str:
        share = min(1.0, self._done / self._total) if self._total else 1.0
        bar = f"[{'#' * int(share * _CELLS):<{_CELLS}}] " if self._is_terminal else ""
        shown = f"{bar}{share:4.0%}  {size(self._done)} of {size(self._total)}"
        speed = self._speed(now_s)
        if speed > 0:
            left_s = max(0.0, self._total - self._done) / speed
            shown += f"  {size(int(speed))}/s  {_time(left_s)} left"
        return f"{shown}  {self._name}"

    def _speed(self, now_s: float) -> float:
        self._marks.append((now_s, self._done))
        while len(self._marks) > 2 and now_s - self._marks[1][0] > _WINDOW_S:  # noqa: PLR2004 -- first and last
            del self._marks[0]
        first_s, first = self._marks[0]
        return (self._done - first) / (now_s - first_s) if now_s > first_s else 0.0

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def size(count: int) -> str:
    """Return bytes as people read them."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:  # noqa: PLR2004 -- of a unit in the next
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.2f} GiB"


def _time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"  # noqa: PLR2004 -- in an hour
