"""How many syllables an English word has: counted by its vowels, save for the words where that is wrong.

Those come from the CMU Pronouncing Dictionary (`syllables.txt`, made by `docs/make_syllables.py`; its
licence stands in `docs/licences.md`). Together they give the dictionary's count for each of its words.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

_TABLE: Final = Path(__file__).with_name("syllables.txt")

_VOWELS = re.compile("(?!e$)[aeiouy]+")
_ONLY_VOWEL_IS_ITS_E = re.compile("[^aeiouy]*e")


def syllable_count(word: str) -> int:
    """Return the count for a word of ASCII letters; a few of the dictionary have none ("hmm")."""
    lower = word.lower()
    found = _exceptions().get(lower)
    return by_vowels(lower) if found is None else found


def by_vowels(word: str) -> int:
    """Count groups of vowels in a lower-case word; an e at its end counts only where it is alone."""
    groups = len(_VOWELS.findall(word))
    return max(groups + bool(_ONLY_VOWEL_IS_ITS_E.fullmatch(word)), 1)


@cache
def _exceptions() -> dict[str, int]:
    lines = (line.split() for line in _TABLE.read_text("ascii").splitlines() if not line.startswith("#"))
    return {word: int(count) for count, *words in lines for word in words}
