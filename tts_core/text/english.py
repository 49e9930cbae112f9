"""The rules for a text without Chinese, after the grammar."""

import re
from itertools import groupby
from typing import TYPE_CHECKING, Final

from tts_core.errors import TextError
from tts_core.text import multiplication

if TYPE_CHECKING:
    import inflect

_BRACKETS: Final = str.maketrans("", "", "()（）【】「」`《》『』{}[]")
_SPACES = re.compile(r"\s+")
_NOT_SPOKEN = re.compile(r"[^\w\s.,!?':;]")
_RUN_OF_ONE_MARK = re.compile(r"([.,!?':;])\1+")
_SPACED_MARK = re.compile(r"\s*([.,?!':;])\s*")


class EnglishRules:
    """The rules, with the reader of leftover digits; it is loaded when the first of them comes."""

    def __init__(self) -> None:
        self._reader: inflect.engine | None = None

    def before_grammar(self, text: str) -> str:
        """Return a text as the English grammar takes it: with curly apostrophes."""
        return text.replace("'", "’")

    def after_grammar(self, text: str) -> str:
        """Return what the English grammar gave, lower-cased, in words and simple marks alone.

        Raises:
            TextError: If digits are left that are too many for a number.
        """
        text = multiplication.IN_ENGLISH.read(text.translate(_BRACKETS))
        text = self._digits_read(text.replace("—", " ").replace("’", "'"))
        text = _NOT_SPOKEN.sub("", _SPACES.sub(" ", text)).lower()
        return _SPACED_MARK.sub(r"\1 ", _RUN_OF_ONE_MARK.sub(r"\1", text)).strip()

    def _digits_read(self, text: str) -> str:
        runs = ((digits, "".join(run)) for digits, run in groupby(text, key=str.isdigit))
        return "".join(self._number_read(run) if digits else run for digits, run in runs)

    def _number_read(self, digits: str) -> str:
        import inflect  # noqa: PLC0415 -- it takes a second to import, and few texts need it

        if self._reader is None:
            self._reader = inflect.engine()
        try:
            return str(self._reader.number_to_words(digits))
        except inflect.NumOutOfRangeError:
            raise TextError(f"{digits}: too long a number to be read out; write it in words") from None
