"""The rules for a text with Chinese in it, around the grammar."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tts_core.text import multiplication, symbols
from tts_core.text.marks import ANY_MARK
from tts_core.text.numerals import powers_read

_MINUS = re.compile(r"(?<=\d)\s*-\s*(?=\d)")
_LO_AT_AN_END = re.compile(f"咯(?={ANY_MARK})")

_BACKSLASH: Final = "\\"
_LONE_E = re.compile(r"(?<=\W)额(?=\W)")
_TILDES = re.compile("[~～]+")

_BRACKETS: Final = str.maketrans("", "", "()（）【】「」`《》『』{}[]‘’")
_COMMAS = re.compile("[,:：;；、]+")
_STOPS = re.compile("[.…]+")
_SILENT = re.compile("[_·'\"‘’“”|]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """One line of the model's `custom_replace.jsonl`."""

    origin: str
    new: str


def before_grammar(text: str, replacements: Sequence[Replacement]) -> str:
    """Return a text as the Chinese grammar takes it.

    Raises:
        TextError: If it has a power whose numbers cannot be read.
    """
    text = _MINUS.sub("减", powers_read(text)).replace("-", "")
    text = _LO_AT_AN_END.sub("喽", text)
    for one in replacements:
        text = text.replace(one.origin, one.new)
    return text


def after_grammar(text: str) -> str:
    """Return what the Chinese grammar gave, with every sign that is not spoken read out or taken away."""
    text = _LONE_E.sub("呃", f" {text.replace(_BACKSLASH, '')} ")  # the ends count as edges of a word
    text = multiplication.IN_CHINESE.read(_TILDES.sub("。", text)).strip()
    text = text.translate(_BRACKETS).replace(" - ", "，").replace("——", "，")
    text = _STOPS.sub("。", _COMMAS.sub("，", text))
    return _SILENT.sub("", text).translate(symbols.IN_CHINESE)
