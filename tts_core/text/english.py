"""The rules for a text without Chinese, around the grammar."""

import re
from itertools import groupby
from typing import Final

from tts_core.text import multiplication
from tts_core.text.cardinals import cardinal

_BRACKETS: Final = str.maketrans("", "", "()（）【】「」`《》『』{}[]")
_SPACES = re.compile(r"\s+")
_NOT_SPOKEN = re.compile(r"[^\w\s.,!?':;]")
_RUN_OF_ONE_MARK = re.compile(r"([.,!?':;])\1+")
_SPACED_MARK = re.compile(r"\s*([.,?!':;])\s*")


def before_grammar(text: str) -> str:
    """Return a text as the English grammar takes it: with curly apostrophes."""
    return text.replace("'", "’")


def after_grammar(text: str) -> str:
    """Return what the English grammar gave, lower-cased, in words and simple marks alone.

    Raises:
        TextError: If digits are left that are too many for a number.
    """
    text = multiplication.IN_ENGLISH.read(text.translate(_BRACKETS))
    text = _digits_read(text.replace("—", " ").replace("’", "'"))
    text = _NOT_SPOKEN.sub("", _SPACES.sub(" ", text)).lower()
    return _SPACED_MARK.sub(r"\1 ", _RUN_OF_ONE_MARK.sub(r"\1", text)).strip()


def _digits_read(text: str) -> str:
    runs = ((digits, "".join(run)) for digits, run in groupby(text, key=str.isdigit))
    return "".join(cardinal(run) if digits else run for digits, run in runs)
