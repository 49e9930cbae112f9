"""Plain text: paragraphs between blank lines, and the headings that books in plain text have.

A paragraph also starts at a line that is indented by two full-width spaces, as Chinese
novels set it, blank line or not. A heading is a line that is nothing but `Chapter 12`,
`PART TWO: The Road`, `Epilogue`, `第十二章 归来` or the like and stands by itself; every other
line is spoken as it is. Within a paragraph the end of a line is a space.
"""

import re
from collections.abc import Iterator

from supervisor.narration.traced import Passage, Traced, squeeze

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_INDENT = "\u3000\u3000"
#: Longer than any chapter's title that shares its line with the number.
_MOST_HEADING_CHARS = 100

_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|"
    "seventeen|eighteen|nineteen|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
    "(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?|the first|the second|the third|the last"
)
_ENGLISH = rf"(?:\d{{1,4}}|[ivxlcdm]{{1,9}}|{_NUMBER_WORDS})(?:\s*[.:\-–—]\s*.*)?"
_CHINESE = r"第\s*[0-9０-９零〇一二三四五六七八九十百千两廿卅]{1,9}\s*"
#: By depth: what starts a part, and what starts a chapter.
_HEADINGS = (
    re.compile(rf"(?:(?:part|book|volume)\s+{_ENGLISH}|{_CHINESE}[卷部篇](?:[\s:：·、].*)?)", re.IGNORECASE),
    re.compile(
        rf"(?:chapter\s+{_ENGLISH}|{_CHINESE}[章回节](?:[\s:：·、].*)?"
        r"|(?:prologue|epilogue|preface|foreword|afterword)\s*[.:]?"
        r"|序|序章|序言|前言|楔子|引子|尾声|后记)",
        re.IGNORECASE,
    ),
)


def read_plaintext(source: Traced) -> Iterator[Passage]:
    """Return the paragraphs and headings of a text, in order; what they leave out is blank."""
    for start, end, level in _blocks(source.text):
        body = squeeze(source[start:end])
        if body.text:
            yield Passage(body=body, kind="heading" if level else "paragraph", chapter_level=level)


def _blocks(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and heading depth (0 = none) of each block of lines."""
    start: int | None = None
    before = ""  # the line before, blank at the start of the text
    lines = [found.span() for found in _LINE.finditer(text) if found.end() > found.start()]
    for number, (line_start, line_end) in enumerate(lines):
        line = text[line_start:line_end]
        after = text[slice(*lines[number + 1])] if number + 1 < len(lines) else ""
        level = _heading_level(before, line, after)
        apart = level > 0 or not line.strip() or line.startswith(_INDENT)
        if start is not None and apart:
            yield start, line_start, 0
            start = None
        if level:
            yield line_start, line_end, level
        elif start is None and line.strip():
            start = line_start
        before = line
    if start is not None:
        yield start, len(text), 0


def _heading_level(before: str, line: str, after: str) -> int:
    """Return 1 for a part's heading, 2 for a chapter's, 0 for any other line."""
    alone = all(not near.strip() or near.startswith(_INDENT) for near in (before, after))
    if not alone or len(line) > _MOST_HEADING_CHARS:
        return 0
    for level, pattern in enumerate(_HEADINGS, start=1):
        if pattern.fullmatch(line.strip()):
            return level
    return 0
