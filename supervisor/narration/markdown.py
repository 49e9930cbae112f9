"""Markdown: CommonMark with tables and strikethrough, and YAML front matter.

Headings of the first two levels start chapters (setext ones too, but not within a list or a
quotation); deeper ones are spoken as headings. Items, cells and quoted paragraphs are
paragraphs, and so are footnotes, where they stand. Links speak their text, images their
description, HTML what is between its tags. Code blocks, tags, link definitions, marks of footnotes
and front matter are skipped and accounted for; what marks up is "markup", boxes of tasks and
attributes of headings (`{#id}`) too.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from markdown_it import MarkdownIt, rules_block
from markdown_it.rules_block import StateBlock

from supervisor.narration.definitions import FOOTNOTE, defined_label, used_labels
from supervisor.narration.html import read_html
from supervisor.narration.markdown_inline import FOOTNOTES, TracedInline, spoken_parts
from supervisor.narration.markdown_lines import (
    cells,
    heading_text,
    line_bounds,
    stripped,
    without_attributes,
    without_box,
)
from supervisor.narration.traced import Part, Passage, Skip, Traced, TracedBuilder, squeeze

#: Headings up to this level start chapters.
CHAPTER_LEVELS = 2
#: Lists in quotations in lists: deeper than any text, shallow enough for Python's stack.
_MOST_NESTED = 60

_LINE_END = re.compile(r"\r\n|\r|\n")
#: Only with a key or a comment in its first line: two thematic breaks can stand around prose.
_FRONT_MATTER = re.compile(
    r"---[ \t]*\n(?=[\w\"'-][^\n]*:(?:\s|$)|#)(?:[^\n]*\n)*?(?:---|\.\.\.)[ \t]*(?:\n|\Z)"
)
#: Container marks with nothing in them, such as an empty item.
_EMPTY_MARKS = re.compile(r"[\s>*+.)-]*(?:\d{1,9}[.)])?[\s>*+.)-]*")

#: An indent that makes code of what would be the next paragraph of a footnote; deeper, it is code there too.
_CODE_INDENT = 4

_Rule = Callable[[StateBlock, int, int, bool], bool]
_AFTER_TEXT = ["paragraph", "reference", "blockquote"]
#: Rules that end in a leaf of the document, each with the rules that it may interrupt.
_LEAVES: dict[str, tuple[_Rule, list[str]]] = {
    "table": (rules_block.table, ["paragraph", "reference"]),
    "code": (rules_block.code, []),
    "fence": (rules_block.fence, [*_AFTER_TEXT, "list"]),
    "hr": (rules_block.hr, [*_AFTER_TEXT, "list"]),
    "reference": (rules_block.reference, []),
    "html_block": (rules_block.html_block, _AFTER_TEXT),
    "heading": (rules_block.heading, _AFTER_TEXT),
    "lheading": (rules_block.lheading, []),
    "paragraph": (rules_block.paragraph, []),
}
_SKIPPED = {
    "code": "code block",
    "fence": "code block",
    "reference": "link definition",
    "hr": "markup",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaf:
    """A block without blocks in it.

    Attributes:
        rule: Its name.
        lines: For each line, start and end of what it holds behind all container marks.
        first_line: Number of its first line.
        level: Of a heading, else 0.
        nested: Whether it stands within a list or a quotation.
        opens_item: Whether it is the first in an item of a list.
    """

    rule: str
    lines: list[tuple[int, int]]
    first_line: int
    level: int
    nested: bool
    opens_item: bool


def read_markdown(source: Traced) -> Iterator[Part]:
    """Return the passages of a document in order, and what is skipped for a reason of its own."""
    text = _with_plain_line_ends(source)
    front = _FRONT_MATTER.match(text.text)
    if front is not None:
        yield _skip(text, 0, front.end(), "front matter")
        text = text[front.end() :]
    yield from _Reader(text).parts()


def _with_plain_line_ends(source: Traced) -> Traced:
    """Return it as markdown-it sees a document: lines end in line feeds, and there is no NUL."""
    if "\r" not in source.text and "\0" not in source.text:
        return source
    built = TracedBuilder()
    at = 0
    for found in _LINE_END.finditer(source.text):
        built.add(source[at : found.start()])
        built.add_written("\n", source.starts[found.start()], source.ends[found.end() - 1])
        at = found.end()
    built.add(source[at:])
    plain = built.build()
    # A control that markdown-it does not touch; like NUL it is invisible.
    return Traced(text=plain.text.replace("\0", "\x01"), starts=plain.starts, ends=plain.ends)


def _skip(text: Traced, start: int, end: int, reason: str) -> Skip:
    return Skip(start=text.starts[start], end=text.ends[end - 1], reason=reason)


class _Reader:
    """Reads one document."""

    def __init__(self, text: Traced) -> None:
        self._text = text
        self._leaves: list[_Leaf] = []
        self._references: dict[str, object] = {}
        self._footnotes: set[str] = set()
        self._environment: dict[str, object] = {"references": self._references, FOOTNOTES: self._footnotes}
        self._in_footnote = False
        self._parser = MarkdownIt("commonmark", {"maxNesting": _MOST_NESTED}).enable("table")
        self._parser.inline = TracedInline()
        for name, (rule, interrupts) in _LEAVES.items():
            self._parser.block.ruler.at(name, self._noted(name, rule), {"alt": interrupts})

    def parts(self) -> Iterator[Part]:
        """Yield the parts of the document in order."""
        if not self._text.text:
            return
        self._parser.block.parse(self._text.text, self._parser, self._environment, [])
        self._withdraw_definitions()
        next_line = 0
        lines = line_bounds(self._text.text)
        for leaf in self._leaves:
            yield from self._unseen(lines[next_line : leaf.first_line])
            yield from self._leaf_parts(leaf)
            next_line = leaf.first_line + len(leaf.lines)
        yield from self._unseen(lines[next_line:])

    def _noted(self, name: str, rule: _Rule) -> _Rule:
        """Have a rule note each leaf it finds, while the marks around it are known."""

        def noted(state: StateBlock, first: int, last: int, silent: bool) -> bool:
            if not silent and self._is_footnote_text(name, state, first):
                return False  # so that it becomes a paragraph
            tokens_before = len(state.tokens)
            nested = state.level > 0
            opens_item = bool(state.tokens) and state.tokens[-1].type == "list_item_open"
            found = rule(state, first, last, silent)
            if found and not silent:
                opened = state.tokens[tokens_before].tag if len(state.tokens) > tokens_before else ""
                lines = [_line_of(state, number) for number in range(first, state.line)]
                leaf = _Leaf(
                    rule=name,
                    lines=lines,
                    first_line=first,
                    level=int(opened[1:]) if name in ("heading", "lheading") else 0,
                    nested=nested,
                    opens_item=opens_item,
                )
                self._leaves.append(leaf)
                self._note_footnotes(leaf)
            return found

        return noted

    def _is_footnote_text(self, rule: str, state: StateBlock, first: int) -> bool:
        """Say whether CommonMark would lose a footnote here, as a link's definition or as code."""
        start, end = _line_of(state, first)
        if rule == "reference":
            return FOOTNOTE.match(self._text.text, start, end) is not None
        indent = state.sCount[first] - state.blkIndent
        return rule == "code" and self._in_footnote and _CODE_INDENT <= indent < 2 * _CODE_INDENT

    def _note_footnotes(self, leaf: _Leaf) -> None:
        labels = [found[1] for line in leaf.lines if (found := FOOTNOTE.match(self._text.text, *line))]
        if leaf.rule == "paragraph":
            self._footnotes.update(labels)
        start = leaf.lines[0][0]
        before = self._text.text[self._text.text.rfind("\n", 0, start) + 1 : start]
        goes_on = self._in_footnote and before.endswith(" " * _CODE_INDENT)
        self._in_footnote = leaf.rule == "paragraph" and (bool(labels) or goes_on)

    def _withdraw_definitions(self) -> None:
        """Make paragraphs of link definitions that are none to a reader."""
        doubtful = {
            number: label
            for number, leaf in enumerate(self._leaves)
            if leaf.rule == "reference"
            and (label := defined_label(self._joined(leaf.lines).text)) is not None
        }
        if not doubtful:
            return
        texts = (leaf for leaf in self._leaves if leaf.rule not in _SKIPPED)
        used = used_labels(self._joined(leaf.lines).text for leaf in texts)
        for number, label in doubtful.items():
            if label not in used:
                self._leaves[number] = replace(self._leaves[number], rule="paragraph")
                self._references.pop(label, None)

    def _leaf_parts(self, leaf: _Leaf) -> Iterator[Part]:
        match leaf.rule:
            case "paragraph":
                for lines in self._by_footnote(leaf.lines):
                    body = self._joined(lines)
                    yield from self._passage(without_box(body) if leaf.opens_item else body, leaf)
            case "heading":
                yield from self._passage(heading_text(self._text[slice(*leaf.lines[0])]), leaf)
            case "lheading":
                yield from self._passage(without_attributes(self._joined(leaf.lines[:-1])), leaf)
            case "html_block":
                for part in read_html(self._joined(leaf.lines)):
                    if isinstance(part, Skip):
                        yield part
                    else:
                        yield from self._passage(part.body, replace(leaf, level=part.level))
            case "table":
                yield from self._table(leaf)
            case _:
                yield from self._skipped(leaf)

    def _skipped(self, leaf: _Leaf) -> Iterator[Skip]:
        filled = [line for line in leaf.lines if line[0] < line[1]]
        yield _skip(self._text, filled[0][0], filled[-1][1], _SKIPPED[leaf.rule])

    def _by_footnote(self, lines: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
        """Yield the lines of a paragraph, from one footnote to the next."""
        first = 0
        for number, line in enumerate(lines):
            if number and FOOTNOTE.match(self._text.text, *line):
                yield lines[first:number]
                first = number
        yield lines[first:]

    def _joined(self, lines: list[tuple[int, int]]) -> Traced:
        """Return lines without what stands before them, each with its line end."""
        built = TracedBuilder()
        for start, end in lines:
            built.add(self._text[start : end + 1])
        return built.build()

    def _table(self, leaf: _Leaf) -> Iterator[Part]:
        for number, (start, end) in enumerate(leaf.lines):
            if number != 1:  # the second line is dashes
                for cell in cells(self._text[start:end]):
                    yield from self._passage(cell, leaf)

    def _passage(self, block: Traced, leaf: _Leaf) -> Iterator[Part]:
        spoken, skips = self._spoken(stripped(block))
        yield from skips
        body = squeeze(spoken)
        if body.text:
            starts_chapter = leaf.level <= CHAPTER_LEVELS and not leaf.nested
            yield Passage(
                body=body,
                kind="heading" if leaf.level else "paragraph",
                chapter_level=leaf.level if starts_chapter else 0,
            )

    def _spoken(self, block: Traced) -> tuple[Traced, list[Skip]]:
        tokens = self._parser.inline.parse(block.text, self._parser, self._environment, [])
        return spoken_parts(block, tokens)

    def _unseen(self, lines: list[tuple[int, int]]) -> Iterator[Skip]:
        """Account for lines that no leaf holds: blank ones, lone marks, and what is too deep."""
        for start, end in lines:
            if not _EMPTY_MARKS.fullmatch(self._text.text, start, end):
                yield _skip(self._text, start, end, "nested too deep")


def _line_of(state: StateBlock, number: int) -> tuple[int, int]:
    end = state.eMarks[number]
    return min(state.bMarks[number] + state.tShift[number], end), end
