"""Cut a paragraph into segments of a bounded size.

Sentences are joined while they fit. A sentence that is too long by itself is cut at a stop
or a mark, else at a space, else hard. Pure: the same text gives the same cuts. Joining is
greedy from the start of the paragraph, so that after an edit the cuts fall into step again
at the next boundary that both versions share, at the latest with the paragraph's end.
"""

import re
import unicodedata
from dataclasses import dataclass

from supervisor.narration.sentences import sentence_ends
from supervisor.wire.speech import speakable

_CLOSERS = "\"'”’»)\\]）】」』》〉"
#: A stop within a sentence stands in a quotation or in brackets; an ASCII one needs a space after it.
_STOPS = re.compile(f"(?<![.!?…])[.!?…]+[{_CLOSERS}]*(?=\\s)|[。！？]+[{_CLOSERS}]*")
#: Digits on both sides make a number or a time of an ASCII mark: 3,000 and 12:30 stay whole.
_MARKS = re.compile(f"(?:(?<!\\d)[,;:]|[,;:](?!\\d)|[，；：、—–…‥·])+[{_CLOSERS}]*")
_SPACES = re.compile("\\s+")
#: How far a look around a place goes; no emoji is spelled with more.
_MOST_JOINED_CHARS = 64
_ZERO_WIDTH_JOINER = "\u200d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A segment within its paragraph.

    Attributes:
        start: First character, never a space.
        end: One past the last, which is no space either.
        ends_sentence: False where the cut is inside a sentence.
    """

    start: int
    end: int
    ends_sentence: bool


def cut(text: str, segment_chars: int) -> list[Piece]:
    """Return the segments of a paragraph, each with something to speak.

    What has nothing to speak (a row of dots) stays with a neighbour if it fits, else it is in
    no piece.

    Args:
        text: Squeezed: single spaces, none at the ends.
        segment_chars: Most characters of a segment, at least 1.
    """
    atoms: list[Piece] = []
    start = 0
    for end in sentence_ends(text):
        atoms.extend(_cut_sentence(text, start, end, segment_chars))
        start = end
    return [piece for piece in _join(text, atoms, segment_chars) if speakable(text[piece.start : piece.end])]


def _join(text: str, atoms: list[Piece], segment_chars: int) -> list[Piece]:
    """Join whole sentences while they fit, and mute pieces to whichever neighbour has room."""
    joined: list[Piece] = []
    for atom in atoms:
        last = joined[-1] if joined else None
        if (
            last is not None
            and atom.end - last.start <= segment_chars
            and (_may_join(last, atom) or not _both_speak(text, last, atom))
        ):
            joined[-1] = Piece(start=last.start, end=atom.end, ends_sentence=atom.ends_sentence)
        else:
            joined.append(atom)
    return joined


def _may_join(last: Piece, atom: Piece) -> bool:
    # The tail of a long sentence ends it, so the next sentence may join the tail; but the
    # parts of one sentence stay as they were cut.
    return last.ends_sentence and atom.ends_sentence


def _both_speak(text: str, last: Piece, atom: Piece) -> bool:
    return speakable(text[last.start : last.end]) and speakable(text[atom.start : atom.end])


def _cut_sentence(text: str, start: int, end: int, segment_chars: int) -> list[Piece]:
    """Return the pieces of one sentence; one only if it fits."""
    pieces: list[Piece] = []
    start, end = _trim(text, start, end)
    while end - start > segment_chars:
        at, at_a_stop = _place(text, start, start + segment_chars)
        piece_start, piece_end = _trim(text, start, at)
        pieces.append(Piece(start=piece_start, end=piece_end, ends_sentence=at_a_stop))
        start, end = _trim(text, at, end)
    if start < end:
        pieces.append(Piece(start=start, end=end, ends_sentence=True))
    return pieces


def _place(text: str, start: int, most: int) -> tuple[int, bool]:
    """Return where to cut in `(start, most]`, and whether that is a stop."""
    # A stop early in the window would leave a scrap; a comma further on is the better place.
    stop = _last_end(_STOPS, text, start, most)
    if stop is not None and stop - start > (most - start) // 3:
        return stop, True
    mark = _last_end(_MARKS, text, start, most)
    if mark is not None:
        return mark, False
    # One further: a space right behind the window costs the segment nothing.
    space = _last_end(_SPACES, text, start, most + 1)
    return (space, False) if space is not None else (_hard(text, start, most), False)


def _last_end(pattern: re.Pattern[str], text: str, start: int, most: int) -> int | None:
    last = None
    # A little further than `most`: what stands behind a mark decides whether it is one.
    for found in pattern.finditer(text, start, most + _MOST_JOINED_CHARS):
        if found.end() > most:
            break
        last = found.end()
    return last


def _hard(text: str, start: int, most: int) -> int:
    for at in range(most, max(start, most - _MOST_JOINED_CHARS), -1):
        if not _belongs_together(text, at):
            return at
    return most


def _belongs_together(text: str, at: int) -> bool:
    """Say whether a cut before `text[at]` would split what is seen as one character."""
    after = text[at]
    if unicodedata.category(after).startswith("M") or "\U0001f3fb" <= after <= "\U0001f3ff":
        return True
    if _is_tag(after) or _ZERO_WIDTH_JOINER in (after, text[at - 1]):
        return True
    return _is_flag_letter(after) and _flag_letters_before(text, at) % 2 == 1


def _is_tag(char: str) -> bool:
    return "\U000e0020" <= char <= "\U000e007f"  # the flags of regions are spelled with these


def _is_flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _flag_letters_before(text: str, at: int) -> int:
    count = 0
    while count < at and count < _MOST_JOINED_CHARS and _is_flag_letter(text[at - count - 1]):
        count += 1
    return count


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end
