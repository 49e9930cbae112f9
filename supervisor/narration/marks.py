"""What became of every character of one source.

One byte a character; what nothing was said of in the end is blank, invisible or the rest, so
that the spans tile the source by the way they are made.
"""

import re
from collections.abc import Iterator

from supervisor.narration.plan import Span
from supervisor.narration.traced import INVISIBLE, Skip, Traced

_RUN = re.compile(rb"(.)\1*", re.DOTALL)
_BLANK_OR_INVISIBLE = re.compile(rf"(?P<blank>\s+)|[{INVISIBLE}]+")
# Spoken characters carry one of two codes by turns, so that a span never reaches from one
# segment into the next.
_UNMARKED, _SPOKEN, _SPOKEN_NEXT, _FIRST_REASON = range(4)


class Marks:
    """Collects what became of the characters of one source."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._codes = bytearray(len(text))
        self._reasons: list[str] = []
        self._spoken_code = _SPOKEN

    def skip(self, skip: Skip) -> None:
        """Mark a stretch as skipped; what is spoken within it is marked after that."""
        self._fill(skip.start, skip.end, self._code_of(skip.reason))

    def skip_text(self, body: Traced, reason: str) -> None:
        """Mark what a traced text stands for as skipped."""
        self._fill_text(body, self._code_of(reason))

    def speak(self, body: Traced) -> None:
        """Mark what a segment's text stands for as spoken."""
        self._fill_text(body, self._spoken_code)
        self._spoken_code = _SPOKEN + _SPOKEN_NEXT - self._spoken_code

    def spans(self, source: int, rest: str) -> Iterator[Span]:
        """Yield the spans of the whole source in order.

        Args:
            source: Its number.
            rest: Reason for visible characters that nothing was said of.
        """
        self._name_unmarked(rest)
        for run in _RUN.finditer(self._codes):
            code = self._codes[run.start()]
            reason = None if code < _FIRST_REASON else self._reasons[code - _FIRST_REASON]
            yield Span(source=source, start=run.start(), end=run.end(), reason=reason)

    def _name_unmarked(self, rest: str) -> None:
        for run in re.finditer(rb"\0+", bytes(self._codes)):
            self.skip(Skip(start=run.start(), end=run.end(), reason=rest))
            for found in _BLANK_OR_INVISIBLE.finditer(self._text, run.start(), run.end()):
                reason = "blank" if found["blank"] is not None else "invisible character"
                self.skip(Skip(start=found.start(), end=found.end(), reason=reason))

    def _code_of(self, reason: str) -> int:
        if reason not in self._reasons:
            self._reasons.append(reason)
        return _FIRST_REASON + self._reasons.index(reason)

    def _fill(self, start: int, end: int, code: int) -> None:
        self._codes[start:end] = bytes([code]) * (end - start)

    def _fill_text(self, body: Traced, code: int) -> None:
        if isinstance(body.starts, range):  # it stands in the source as it is
            self._fill(body.starts.start, body.starts.stop, code)
            return
        for start, end in zip(body.starts, body.ends, strict=True):
            if start < end:
                self._fill(start, end, code)
