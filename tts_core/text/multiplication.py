"""Asterisks: a multiplication sign between two numbers or letters, else nothing."""

import re


class Asterisks:
    """How one language reads them.

    Args:
        word: Put in the place of a multiplication sign, without spaces around it.
        numerals: Characters of numbers, beside the ASCII letters; a class of a pattern without its brackets.
    """

    def __init__(self, *, word: str, numerals: str) -> None:
        factor = f"[{numerals}a-zA-Z]"
        self._word = word
        # A factor in round brackets counts, of the bracket only its last or first character.
        self._sign = re.compile(rf"(?:(?<={factor})|(?<={factor}\)))\s*\*\s*(?=\(?{factor})")

    def read(self, text: str) -> str:
        """Return a text without asterisks."""
        return self._sign.sub(self._word, text).replace("*", "")


IN_CHINESE = Asterisks(word="乘", numerals="一二三四五六七八九十百千万亿")
IN_ENGLISH = Asterisks(word="multiply", numerals="0-9")
