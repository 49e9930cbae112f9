"""The headings of plain text: a line that is nothing but the number of a part or a chapter."""

import re

#: Longer than any chapter's title that shares its line with the number.
MOST_HEADING_CHARS = 100

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


def heading_level(line: str) -> int:
    """Return 1 for a line that names a part, 2 for one that names a chapter, 0 for any other."""
    if len(line) > MOST_HEADING_CHARS:
        return 0
    for level, pattern in enumerate(_HEADINGS, start=1):
        if pattern.fullmatch(line.strip()):
            return level
    return 0
