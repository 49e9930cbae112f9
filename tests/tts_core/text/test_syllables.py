"""Syllables of English words."""

from pathlib import Path

import pytest

from tts_core.text import syllables
from tts_core.text.syllables import by_vowels, syllable_count


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("hello", 2),
        ("Internationalization", 8),
        ("the", 1),
        ("rhythm", 2),
        ("queue", 1),
        ("hmm", 0),
        ("aged", 1),
    ],
)
def test_a_word_of_the_dictionary_has_the_dictionarys_count(word: str, expected: int) -> None:
    assert syllable_count(word) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [("xkcd", 1), ("blorfe", 1), ("the", 1), ("e", 1), ("glee", 1), ("ee", 1), ("zyzzyva", 3)],
)
def test_any_other_word_has_one_for_each_group_of_vowels(word: str, expected: int) -> None:
    assert by_vowels(word) == expected


def test_the_table_holds_no_word_that_its_vowels_count_well() -> None:
    table = Path(syllables.__file__).with_name("syllables.txt").read_text("ascii").splitlines()
    rows = [line.split() for line in table if not line.startswith("#")]
    words = [(word, int(count)) for count, *words in rows for word in words]
    assert len(words) == len(dict(words)) > 19_000
    assert not [word for word, count in words if by_vowels(word) == count or not word.isalpha()]
