"""How a plain text sets its paragraphs apart where it has no blank line between them.

Chinese novels indent by two full-width spaces; that always starts a paragraph. Two spaces or a
tab may as well be a poem's, a hanging indent's or a quotation's. They start paragraphs only where
the text as a whole uses them so: of its indented lines below lines that are not, nine in ten
follow a line that ends a sentence, which the middle of a paragraph seldom does.

A list is known by two items that stand next to each other, with the same mark or with numbers in
order: a lone dash or number at the start of a line is wrapped prose.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from supervisor.narration.headings import heading_level

_FULL_WIDTH = "\u3000\u3000"
_INDENT = re.compile(r"  |\t| \t")
_SENTENCE_END = re.compile("[.!?:…。！？：][\"'”’»)\\]_*」』）】]*\\s*\\Z")
_NO_LETTER = re.compile(r"[\W_]*")
#: Of ten indents that start paragraphs one may follow a sentence that has no stop.
_CONSISTENT_SHARE = 0.9
_ITEM = re.compile(r"\s*(?:(?P<bullet>[-*+•‣·–—])|(?P<number>\d{1,3})(?P<mark>[.)]))\s+\S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The lines of a text, and where paragraphs start without a blank line.

    Attributes:
        lines: With their ends.
        indents: Whether two spaces or a tab start a paragraph here.
        items: Numbers of the lines that are items of a list.
    """

    lines: Sequence[str]
    indents: bool
    items: frozenset[int]

    def is_blank(self, number: int) -> bool:
        """Say whether a line holds nothing; the text is surrounded by such lines."""
        return not 0 <= number < len(self.lines) or not self.lines[number].strip()

    def is_apart(self, number: int) -> bool:
        """Say whether what was before ends here, by a blank line or the start of a paragraph."""
        return self.is_blank(number) or number in self.items or self._is_indented(number)

    def stands_apart(self, number: int) -> bool:
        """Say whether a line leaves a heading beside it alone: a blank or an indented one."""
        return self.is_blank(number) or self._is_indented(number)

    def _is_indented(self, number: int) -> bool:
        line = self.lines[number]
        if line.startswith(_FULL_WIDTH):
            return True
        if not self.indents or not _INDENT.match(line):
            return False
        # Indented lines below one another are a quotation or a poem, unless each is a sentence.
        before = self.lines[number - 1] if number else ""
        return not _INDENT.match(before) or _ends_sentence(before)


def layout_of(lines: Sequence[str]) -> Layout:
    """Look a text over, all of it."""
    return Layout(lines=lines, indents=_indents_paragraphs(lines), items=frozenset(_items(lines)))


def _indents_paragraphs(lines: Sequence[str]) -> bool:
    seen = after_sentence = 0
    for before, line in pairwise(lines):
        if _INDENT.match(line) and line.strip() and before.strip() and not _INDENT.match(before):
            seen += 1
            after_sentence += _ends_sentence(before)
    return seen > 0 and after_sentence >= _CONSISTENT_SHARE * seen


def _ends_sentence(line: str) -> bool:
    """Say whether a paragraph may end with a line: also with a heading or a row of stars."""
    is_over = _SENTENCE_END.search(line) is not None or _NO_LETTER.fullmatch(line) is not None
    return is_over or heading_level(line) > 0


def _items(lines: Sequence[str]) -> set[int]:
    """Return the numbers of the lines that start with a list's mark beside another one."""
    items: set[int] = set()
    last: tuple[int, re.Match[str]] | None = None
    for number, line in enumerate(lines):
        found = _ITEM.match(line)
        if found is None:
            if not _INDENT.match(line) or not line.strip():  # an indented line goes on with the item
                last = None
            continue
        if last is not None and _follows(last[1], found):
            items |= {last[0], number}
        last = number, found
    return items


def _follows(before: re.Match[str], item: re.Match[str]) -> bool:
    if item["bullet"] is not None:
        return item["bullet"] == before["bullet"]
    return (
        before["number"] is not None
        and item["mark"] == before["mark"]
        and int(item["number"]) == int(before["number"]) + 1
    )
