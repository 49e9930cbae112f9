"""Plain text: paragraphs between blank lines, and the headings that books in plain text have.

A paragraph also starts, blank line or not, at a line that is indented as the text indents its
paragraphs (`supervisor.narration.layout`) and at the lines of a list. A heading is a line that
is nothing but `Chapter 12`, `PART TWO: The Road`, `Epilogue`, `第十二章 归来` or the like and
stands by itself or with a title on the next line; every other line is spoken as it is. Within a
paragraph the end of a line is a space, but none after a hyphen that divides a word.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from supervisor.narration.headings import MOST_HEADING_CHARS, heading_level
from supervisor.narration.layout import Layout, layout_of
from supervisor.narration.traced import Passage, Traced, TracedBuilder, squeeze

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
#: A hyphen between two letters, and the end of a line behind it. Whether the hyphen belongs to the
#: word (well-known) or to the line (torr-ents) only a dictionary knows: it stays, the space goes.
#: "two- and three-year" is not one word.
_DIVIDED = re.compile(
    r"(?<=[^\W\d_][-\u2010\u00ad])[ \t]*(?:\r\n|\r|\n)[ \t]*"
    r"(?!(?:and|or|to|und|oder|bis|et|ou)\b)(?=[^\W\d_])"
)
#: What ends a sentence in a line below a heading ends its being a title.
_NO_TITLE_END = ".,;:。，；：、…"
_CLOSERS = "\"'”’»)]」』）】"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Lines that are spoken together.

    Attributes:
        first: Number of its first line.
        end: One past its last.
        level: 1 for a part's heading, 2 for a chapter's, 0 for a paragraph.
    """

    first: int
    end: int
    level: int


def read_plaintext(source: Traced) -> Iterator[Passage]:
    """Return the paragraphs and headings of a text, in order; what they leave out is blank."""
    places = [found.span() for found in _LINE.finditer(source.text) if found.end() > found.start()]
    for block in _blocks(layout_of([source.text[start:end] for start, end in places])):
        raw = source[places[block.first][0] : places[block.end - 1][1]]
        body = squeeze(_rejoined(raw))
        if body.text:
            yield Passage(
                body=body, kind="heading" if block.level else "paragraph", chapter_level=block.level
            )


def _rejoined(raw: Traced) -> Traced:
    """Return it without the line ends that divide words."""
    built = TracedBuilder()
    at = 0
    for found in _DIVIDED.finditer(raw.text):
        if raw.text[found.end()].islower():
            built.add(raw[at : found.start()])
            at = found.end()
    if at == 0:
        return raw
    built.add(raw[at:])
    return built.build()


def _blocks(layout: Layout) -> Iterator[_Block]:
    first: int | None = None  # of the paragraph that is being read
    number = 0
    while number < len(layout.lines):
        level, end = _heading(layout, number)
        if first is not None and (level or layout.is_apart(number)):
            yield _Block(first=first, end=number, level=0)
            first = None
        if level:
            yield _Block(first=number, end=end, level=level)
        elif first is None and not layout.is_blank(number):
            first = number
        number = end
    if first is not None:
        yield _Block(first=first, end=number, level=0)


def _heading(layout: Layout, number: int) -> tuple[int, int]:
    """Return a heading's level and one past its last line; (0, the next line) for any other line."""
    level = heading_level(layout.lines[number])
    if level and layout.stands_apart(number - 1):
        if layout.stands_apart(number + 1):
            return level, number + 1
        if layout.stands_apart(number + 2) and _is_title(layout.lines[number + 1]):
            return level, number + 2
    return 0, number + 1


def _is_title(line: str) -> bool:
    title = line.strip()
    may_end = not title.rstrip(_CLOSERS).endswith(tuple(_NO_TITLE_END))
    return may_end and not title[0].islower() and len(title) <= MOST_HEADING_CHARS
