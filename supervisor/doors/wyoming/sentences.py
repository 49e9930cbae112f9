"""Cut a text that comes in pieces into sentences, as they become whole. Pure.

A stop is only known for the end of a sentence once something follows it: "Dr." waits for "Smith". So each
possible end is judged at the first character behind it, and with that much text alone, however much more has
come: the same text gives the same sentences, in whatever pieces it came.
"""

import re
from dataclasses import dataclass
from typing import Final

from supervisor.narration.sentences import sentence_ends
from supervisor.wire.speech import speakable

#: Far above any sentence; without an end by then it is cut at its last space.
MOST_SENTENCE_CHARS: Final = 4096

#: What is looked at to judge an end; quotation marks that were opened before are not seen.
_CONTEXT_CHARS: Final = 256

#: Where a sentence may end: a blank line; stops, what closes after them, and space; full-width stops, which
#: need none. Where nothing follows yet it is `_OPEN`: an end that more text may make longer.
_STOPS: Final = (
    r"\n[ \t\r]*+\n\s*+",
    r"(?<![.!?…])[.!?…]++[\"'”’»)\]」』]*+\s++",
    r"(?<![。！？｡।॥؟።])[。！？｡।॥؟።]++[”’»」』）】\"')]*+\s*+",
)
_END: Final = re.compile("|".join(f"{stop}(?=.)" for stop in _STOPS), re.DOTALL)
_OPEN: Final = re.compile(
    r"\n[ \t\r]*+(?:\n\s*+)?+\Z"
    r"|(?<![.!?…])[.!?…]++[\"'”’»)\]」』]*+\s*+\Z"
    r"|(?<![。！？｡।॥؟።])[。！？｡।॥؟።]++[”’»」』）】\"')]*+\s*+\Z"
)
_BLANK_LINE: Final = re.compile(r"\n[ \t\r]*\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A piece of a text.

    Attributes:
        text: With the space behind it.
        begins_paragraph: Whether a blank line was before it.
    """

    text: str
    begins_paragraph: bool


class Sentences:
    """Takes a text in pieces, gives its sentences."""

    def __init__(self) -> None:
        self._rest = ""
        self._searched = 0  # characters at the front in which no end is
        self._after_blank = False

    @property
    def waiting_chars(self) -> int:
        """How much is in no sentence yet."""
        return len(self._rest)

    def feed(self, text: str) -> list[Sentence]:
        """Take a piece, and return the sentences that are whole now; what cannot be spoken is in none."""
        self._rest += text
        found: list[Sentence] = []
        while (end := self._end()) is not None:
            sentence = self._cut(end)
            if speakable(sentence.text):
                found.append(sentence)
        return found

    def finish(self) -> Sentence | None:
        """Return the last sentence, if it can be spoken. The next text begins anew."""
        last = self._cut(len(self._rest))
        self._after_blank = False
        return last if speakable(last.text) else None

    def _end(self) -> int | None:
        """Return where the first sentence ends; None if that is not known yet."""
        for found in _END.finditer(self._rest, self._searched, MOST_SENTENCE_CHARS):
            self._searched = found.end()
            if _BLANK_LINE.search(found[0]) or self._ends_at(found.end()):
                return found.end()
        if len(self._rest) < MOST_SENTENCE_CHARS:
            # Not again what has been looked through, save an end that may still grow.
            open_end = _OPEN.search(self._rest, self._searched)
            self._searched = len(self._rest) if open_end is None else open_end.start()
            return None
        space = self._rest.rfind(" ", 1, MOST_SENTENCE_CHARS)
        return space + 1 if space > 0 else MOST_SENTENCE_CHARS

    def _ends_at(self, end: int) -> bool:
        """Judge a possible end by the text before it and one character behind it: see above."""
        follows = self._rest[end]
        before = self._rest[max(0, end - _CONTEXT_CHARS) : end]
        # A quotation mark that opens and has nothing behind it yet would be taken for one that closes.
        return len(before) in sentence_ends(before + (follows if follows.isalnum() else "X"))

    def _cut(self, end: int) -> Sentence:
        text = self._rest[:end]
        sentence = Sentence(text=text, begins_paragraph=self._after_blank)
        is_blank = _BLANK_LINE.search(text, len(text.rstrip())) is not None
        self._after_blank = is_blank or (self._after_blank and not speakable(text))
        self._rest, self._searched = self._rest[end:], 0
        return sentence
