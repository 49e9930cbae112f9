"""A text in pieces that are spoken at once: what the engine cuts with by default.

The sizes are the model's (it was trained on 30 to 60 characters' weight), the places are better ones:
the end of a sentence before a comma, a comma before the gap between two words, and a place within a
word only where one word is too long by itself. Joined again, the pieces are the text.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Final

from tts_core.text.marks import MARKS
from tts_core.text.units import SYLLABLE_WEIGHT, units, weight

#: From here on a piece ends at the next end of a sentence.
_MIN_WEIGHT: Final = 30

#: No piece is heavier.
_MAX_WEIGHT: Final = 60

#: An end of a sentence is better than a comma further on, if it leaves so much at least.
_SHORT_WEIGHT: Final = 15

#: What remains of a text, if so light, is spoken with the piece before it where that fits.
_LIGHT_WEIGHT: Final = 8

#: Letters that weigh as much as a Chinese character, where vowels say little of a word ("xkcdqrs").
_LETTERS_OF_ONE: Final = 8

#: A word that is too heavy by itself is cut every 60 letters: of syllables it has no more than that.
_OF_A_WORD = re.compile(r"\s*\S{1,60}\s*")

#: A stop after a single letter: J. Smith, e.g.
_INITIAL = re.compile(r"(?<![a-zA-Z])[a-zA-Z]\.\s*$")

_SENTENCE_ENDS: Final = "。？！.?!;；…"
_PAUSES: Final = MARKS + "…"
_CLOSING: Final = '”’」』）)】》〉]}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a piece may end.

    Attributes:
        at: Index of the unit after it.
        weight: Of the piece that ends there.
        mark: What ends there: a mark, or "".
        spaced: Whether white space stands there.
    """

    at: int
    weight: float
    mark: str
    spaced: bool


def cut(text: str) -> list[str]:
    """Cut a text, normalised or not.

    Returns:
        Pieces of weight 60 at most, none empty; joined they are the text. None for an empty text.
    """
    parts = [part for unit in _led(units(text)) for part in _bounded(unit)]
    weights = [_weight(part) for part in parts]
    pieces: list[str] = []
    start = 0
    while start < len(parts):
        end = _end(parts, weights, start)
        pieces.append("".join(parts[start:end]))
        start = end
    return pieces


def _led(parts: Sequence[str]) -> list[str]:
    """Give white space before the first word to that word."""
    if len(parts) > 1 and parts[0].isspace():
        return [parts[0] + parts[1], *parts[2:]]
    return list(parts)


def _bounded(unit: str) -> list[str]:
    return [unit] if _weight(unit) <= _MAX_WEIGHT else _OF_A_WORD.findall(unit)


def _weight(unit: str) -> float:
    return max(weight(unit), len(unit.strip()) / _LETTERS_OF_ONE, SYLLABLE_WEIGHT)


def _end(parts: Sequence[str], weights: Sequence[float], start: int) -> int:
    """Return where the piece that begins at `start` ends."""
    sums = accumulate(islice(weights, start, None))
    reach = _while_fitting(sums)
    last = start + len(reach)
    is_rest = last == len(parts)
    if is_rest and reach[-1] < _MIN_WEIGHT:
        return last
    places = [_place(parts, start + n, total) for n, total in enumerate(reach, 1) if _free(parts, start + n)]
    best = _at_a_mark(places)
    if is_rest:
        return last if best is None or reach[-1] - best.weight < _LIGHT_WEIGHT else best.at
    ahead = reach[-1] + sum(islice(weights, last, last + 2 * _MAX_WEIGHT))
    best = best or _between_words(places, ahead)
    return last if best is None else best.at


def _while_fitting(sums: "accumulate[float]") -> list[float]:
    """Return the sums that one piece may have; the first in any case."""
    fitting: list[float] = []
    for total in sums:
        if fitting and total > _MAX_WEIGHT:
            break
        fitting.append(total)
    return fitting


def _at_a_mark(places: Sequence[_Place]) -> _Place | None:
    marks = [place for place in places if place.mark]
    ends = [place for place in marks if place.mark in _SENTENCE_ENDS]
    return (
        _first(ends, _MIN_WEIGHT)
        or _last(ends, _SHORT_WEIGHT)
        or _first(marks, _MIN_WEIGHT)
        or _last(marks, _SHORT_WEIGHT)
    )


def _between_words(places: Sequence[_Place], ahead: float) -> _Place | None:
    # Near the middle of what fits in two pieces, so that no few words remain alone.
    most = max(_MIN_WEIGHT, ahead / 2) if ahead <= 2 * _MAX_WEIGHT else _MAX_WEIGHT
    near = [place for place in places if place.weight <= most]
    spaced = [place for place in near if place.spaced]
    return _last(spaced, _SHORT_WEIGHT) or _last(near, 0) or _last(places, 0)


def _first(places: Sequence[_Place], least: float) -> _Place | None:
    return next((place for place in places if place.weight >= least), None)


def _last(places: Sequence[_Place], least: float) -> _Place | None:
    return next((place for place in reversed(places) if place.weight >= least), None)


def _place(parts: Sequence[str], at: int, total: float) -> _Place:
    before = "".join(parts[max(0, at - 4) : at])  # a mark, and whatever it closes
    mark = before.rstrip().rstrip(_CLOSING).rstrip()[-1:]
    if mark not in _PAUSES or _INITIAL.search(before):
        mark = ""
    return _Place(at=at, weight=total, mark=mark, spaced=before[-1:].isspace())


def _free(parts: Sequence[str], at: int) -> bool:
    """Say whether a piece may end before the unit at `at`."""
    if at == len(parts):
        return True
    before, first = parts[at - 1][-1], parts[at][0]
    if first in _PAUSES or unicodedata.category(first)[0] == "M":
        return False
    if first in _CLOSING and not before.isspace():  # after a space, a straight quote opens
        return False
    if first == "\u200d" or before == "\u200d" or "\U0001f3fb" <= first <= "\U0001f3ff":
        return False  # within a picture of several characters
    # 3.14, e.g., mp3: an ASCII letter or digit that nothing parts from what it belongs to.
    return not (_is_ascii_word(first) and (_is_ascii_word(before) or before in ".,:'-"))


def _is_ascii_word(char: str) -> bool:
    return char.isascii() and char.isalnum()
