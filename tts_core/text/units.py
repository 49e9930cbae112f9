"""What a text is counted in: a Chinese character, a word of letters, or any other single character."""

import unicodedata
from typing import Final

from tts_core.text.syllables import syllable_count

#: An English syllable lasts about so long, counted in Chinese characters.
SYLLABLE_WEIGHT: Final = 0.7

#: Within a word, never at its beginning.
_IN_WORD: Final = frozenset("'-")


def units(text: str) -> list[str]:
    """Part a text into units; white space belongs to the unit before it.

    Joined again they are the text. Only the first one can be white space.
    """
    parts: list[str] = []
    in_word = False
    for char in text:
        if char.isspace() and parts:
            parts[-1] += char
            in_word = False
        elif in_word and _goes_on(char):
            parts[-1] += char
        else:
            parts.append(char)
            in_word = char.isalpha() and not _is_chinese(char)
    return parts


def weight(unit: str) -> float:
    """Return how long a unit is when spoken: about 1.0 for a Chinese character."""
    word = unit.strip()
    if word.isascii() and word.isalpha():
        return syllable_count(word) * SYLLABLE_WEIGHT
    return 1


def _goes_on(char: str) -> bool:
    return char in _IN_WORD or (char.isalpha() and not _is_chinese(char))


def _is_chinese(char: str) -> bool:
    # By name, which takes in marks such as the ideographic stop; they stand alone either way.
    name = unicodedata.name(char, "")
    return "CJK" in name or "IDEOGRAPH" in name
