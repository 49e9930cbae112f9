"""Spaces and marks of a text that has been through a language's rules, and its end."""

import re

from tts_core.text.marks import ANY_MARK, MARKS, has_chinese

_SPACES = re.compile(" +")
_SPACE_THAT_GOES = re.compile("(?<![a-zA-Z0-9.,!?;:]) | (?![a-zA-Z0-9])")
_RUN_OF_ONE_MARK = re.compile(rf"({ANY_MARK})\1+")
_MARK_BEFORE_A_MARK = re.compile(f"{ANY_MARK}(?={ANY_MARK})")


def tidied(text: str) -> str:
    """Return a text with single spaces between words of ASCII alone, and one mark where several stood.

    Of different marks in a row the last one stays.
    """
    text = _SPACE_THAT_GOES.sub("", _SPACES.sub(" ", text))
    text = _MARK_BEFORE_A_MARK.sub("", _RUN_OF_ONE_MARK.sub(r"\1", text))
    return text.replace("#", "").replace("！", "。").replace("!", ".")


def ended(text: str) -> str:
    """Return a text that ends with a question mark, as it did, or with the stop of its language."""
    if text.endswith(("？", "?")):
        return text
    stop = "。" if has_chinese(text) else "."
    return (text[:-1] if text.endswith(tuple(MARKS)) else text) + stop
