"""A normalised text in segments, exactly as the model's own code cuts it, with its faults.

For inspection and comparison. What speaks by default cuts with `cutting`, which has none of them.
"""

from collections.abc import Sequence
from typing import Final

from tts_core.errors import TextError
from tts_core.text.marks import is_mark
from tts_core.text.units import units, weight

#: A segment ends at the first mark from here on.
_MIN_WEIGHT: Final = 30

#: A heavier segment is cut after so many *units*: a word of many syllables makes the two differ.
_MAX_WEIGHT: Final = 60


def split_as_upstream(text: str) -> list[str]:
    """Cut a normalised text.

    Raises:
        TextError: Where the model's own code fails: a long run of long words without a mark, or
            white space before the first word.
    """
    return ["".join(piece) for sentence in _sentences(units(text)) for piece in _bounded(sentence)]


def _sentences(parts: Sequence[str]) -> list[list[str]]:
    sentences: list[list[str]] = []
    current: list[str] = []
    total = 0.0
    for part in parts:
        current.append(part)
        total += weight(part)
        if is_mark(part.strip()) and total >= _MIN_WEIGHT:
            sentences.append(current)
            current, total = [], 0.0
    return [*sentences, current] if current else sentences


def _bounded(sentence: list[str]) -> list[list[str]]:
    if any(part.isspace() for part in sentence):
        raise TextError("the text begins with white space, on which the model's own splitting fails")
    pieces: list[list[str]] = []
    while (total := _total(sentence)) > _MAX_WEIGHT:
        if len(sentence) <= _MAX_WEIGHT:
            seen = "".join(sentence)
            raise TextError(
                f"{seen[:40]!r}: {len(sentence)} words of weight {total:.0f} without a mark, on which the "
                "model's own splitting fails"
            )
        length = _MAX_WEIGHT + is_mark(sentence[_MAX_WEIGHT].strip())
        pieces.append(sentence[:length])
        sentence = sentence[length:]
    return [*pieces, sentence] if sentence else pieces


def _total(parts: Sequence[str]) -> float:
    total = 0.0
    for part in parts:  # not sum(): newer Pythons round it otherwise, and a threshold hangs on it
        total += weight(part)
    return total
