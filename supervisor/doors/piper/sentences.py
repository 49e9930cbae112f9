"""What a text is asked for in: as a whole, or a sentence at a time, with exact silence between. Pure."""

from collections.abc import Iterator
from itertools import pairwise

from supervisor.narration.sentences import sentence_ends
from supervisor.wire.speech import speakable

#: Longest text of one request is 20,000 (loop/cutting.py); by halves a reader of raw samples hears it sooner.
MOST_CHARS = 10_000


def requests_of(text: str, *, by_sentence: bool) -> list[str]:
    """Return the parts of a text in order; nothing of it is left out but what cannot be spoken.

    Args:
        text: Of one utterance.
        by_sentence: A part each; else as few parts as may be.
    """
    if not by_sentence and len(text) <= MOST_CHARS:
        return [text]
    ends = sentence_ends(text)
    sentences = [piece for begin, end in pairwise([0, *ends]) for piece in _bounded(text[begin:end])]
    parts = sentences if by_sentence else _joined(sentences)
    return [part for part in parts if speakable(part)]


def _joined(sentences: list[str]) -> list[str]:
    parts = [""]
    for sentence in sentences:
        if parts[-1] and len(parts[-1]) + len(sentence) > MOST_CHARS:
            parts.append("")
        parts[-1] += sentence
    return parts


def _bounded(sentence: str) -> Iterator[str]:
    """Cut what is no sentence of anybody's: at its last space, else hard."""
    while len(sentence) > MOST_CHARS:
        space = sentence.rfind(" ", 1, MOST_CHARS) + 1
        yield sentence[: space or MOST_CHARS]
        sentence = sentence[space or MOST_CHARS :]
    yield sentence
