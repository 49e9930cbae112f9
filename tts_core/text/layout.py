"""What comes before either language's rules: lines become one text, pictures go, compounds are opened."""

import re
from typing import Final

from tts_core.text.marks import has_chinese

#: A numbered item, only where the whole text begins with one.
_NUMBERED = re.compile(r"^(\d+)\. ")

#: A line that ends with one of these is a sentence as it stands. A comma of ASCII is not among them.
_LINE_ENDS: Final = frozenset(".!?;:：。！？；，")

_HYPHEN_IN_WORD = re.compile(r"(?<=[a-zA-Z])-(?=[a-zA-Z])")


def flattened(text: str) -> str:
    r"""Return a text of several lines as one line, without emoji.

    A backslash and an `n`, as they stand in the model's own lists of texts, count as the end of a line.
    """
    numbered = _NUMBERED.sub("\\1。", text).replace("\\n", "\n")
    return _HYPHEN_IN_WORD.sub(" ", _without_emoji(_joined(numbered)))


def _joined(text: str) -> str:
    lines = [_ended(line) for raw in text.split("\n") if (line := raw.strip())]
    return ("" if any(map(has_chinese, lines)) else " ").join(lines)


def _ended(line: str) -> str:
    if line[-1] in _LINE_ENDS:
        return line
    return line + ("。" if has_chinese(line) else ". ")


def _without_emoji(text: str) -> str:
    if text.isascii():
        return text  # no emoji is, and most English needs no table of them
    import emoji  # noqa: PLC0415 -- its table is only read where there may be one

    return emoji.replace_emoji(text, replace="")
