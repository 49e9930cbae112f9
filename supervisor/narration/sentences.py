"""Where sentences end.

sentencex decides; this file keeps it within bounds. Its time grows with the square of the
quotation marks that a text leaves open (300,000 of them: 32 s), so it sees a window at a time.
"""

import re
from typing import Protocol, cast

import sentencex


class _Sentencex(Protocol):
    """What the compiled module offers; it comes without types."""

    def segment(self, language: str, text: str) -> list[str]: ...


_SENTENCEX = cast("_Sentencex", sentencex)

#: Far above any paragraph of a real book, low enough that a square of it is a millisecond.
_WINDOW_CHARS = 4096

_HAN = re.compile("[\u2e80-\u2fdf\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
#: A stop, what closes after it, and a space (not needed after a full-width stop).
_STOP = re.compile("(?<![.!?…])[.!?…]+[\"'”’)\\]]*\\s+|[。！？]+[”’」』）】\"']*\\s*")


def language_of(text: str) -> str:
    """Return `zh` where Chinese dominates, else `en`.

    A Chinese character weighs as much as two letters: it carries about as much.
    """
    return "zh" if 2 * len(_HAN.findall(text)) > len(_LATIN.findall(text)) else "en"


def sentence_ends(text: str) -> list[int]:
    """Return where each sentence of a paragraph ends; the last one is `len(text)`.

    Space after a sentence belongs to it. The same text gives the same answer for ever, as
    long as sentencex does; that is why cuts are stored with the job.
    """
    language = language_of(text)
    ends: list[int] = []
    start = 0
    while start < len(text):
        stop, at_a_stop = _window_end(text, start)
        ends.extend(start + end for end in _split(language, text[start:stop]))
        if not at_a_stop:
            ends.pop()  # the window ended in the middle of a sentence: it goes on
        start = stop
    return ends


def _window_end(text: str, start: int) -> tuple[int, bool]:
    """Return where a window ends, and whether a sentence ends there."""
    most = start + _WINDOW_CHARS
    if most >= len(text):
        return len(text), True
    last = None
    for last in _STOP.finditer(text, start + _WINDOW_CHARS // 2, most):  # noqa: B007 -- the last is wanted
        pass
    return (most, False) if last is None else (last.end(), True)


def _split(language: str, window: str) -> list[int]:
    sentences = _SENTENCEX.segment(language, window)
    if "".join(sentences) != window:
        return [len(window)]  # one long sentence is cut at its marks; nothing is lost
    ends: list[int] = []
    at = 0
    for sentence in sentences:
        at += len(sentence)
        ends.append(at)
    return ends
