"""Markdown: CommonMark with tables and strikethrough, and YAML front matter.

Headings of the first two levels start chapters (setext ones too, but not within a list or a
quotation); deeper ones are spoken as headings. Items, cells and quoted paragraphs are
paragraphs. Links speak their text, images their description. Code blocks, HTML, link
definitions and front matter are skipped and accounted for; what marks up is "markup".
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt, rules_block
from markdown_it.rules_block import StateBlock

from supervisor.narration.markdown_inline import TracedInline, spoken_parts
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
    "html_block": "html",
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
    """

    rule: str
    lines: list[tuple[int, int]]
    first_line: int
    level: int
    nested: bool


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
        self._environment: dict[str, object] = {}
        self._parser = MarkdownIt("commonmark", {"maxNesting": _MOST_NESTED}).enable("table")
        self._parser.inline = TracedInline()
        for name, (rule, interrupts) in _LEAVES.items():
            self._parser.block.ruler.at(name, self._noted(name, rule), {"alt": interrupts})

    def parts(self) -> Iterator[Part]:
        """Yield the parts of the document in order."""
        if not self._text.text:
            return
        self._parser.block.parse(self._text.text, self._parser, self._environment, [])
        next_line = 0
        lines = _line_bounds(self._text.text)
        for leaf in self._leaves:
            yield from self._unseen(lines[next_line : leaf.first_line])
            yield from self._leaf_parts(leaf)
            next_line = leaf.first_line + len(leaf.lines)
        yield from self._unseen(lines[next_line:])

    def _noted(self, name: str, rule: _Rule) -> _Rule:
        """Have a rule note each leaf it finds, while the marks around it are known."""

        def noted(state: StateBlock, first: int, last: int, silent: bool) -> bool:
            tokens_before = len(state.tokens)
            nested = state.level > 0
            found = rule(state, first, last, silent)
            if found and not silent:
                opened = state.tokens[tokens_before].tag if len(state.tokens) > tokens_before else ""
                self._leaves.append(
                    _Leaf(
                        rule=name,
                        lines=[_line_of(state, number) for number in range(first, state.line)],
                        first_line=first,
                        level=int(opened[1:]) if name in ("heading", "lheading") else 0,
                        nested=nested,
                    )
                )
            return found

        return noted

    def _leaf_parts(self, leaf: _Leaf) -> Iterator[Part]:
        match leaf.rule:
            case "paragraph":
                yield from self._passage(self._joined(leaf.lines), leaf)
            case "heading":
                yield from self._passage(self._atx(*leaf.lines[0]), leaf)
            case "lheading":
                yield from self._passage(self._joined(leaf.lines[:-1]), leaf)
            case "table":
                yield from self._table(leaf)
            case _:
                yield from self._skipped(leaf)

    def _skipped(self, leaf: _Leaf) -> Iterator[Skip]:
        filled = [line for line in leaf.lines if line[0] < line[1]]
        yield _skip(self._text, filled[0][0], filled[-1][1], _SKIPPED[leaf.rule])

    def _joined(self, lines: list[tuple[int, int]]) -> Traced:
        """Return lines without what stands before them, each with its line end."""
        built = TracedBuilder()
        for start, end in lines:
            built.add(self._text[start : end + 1])
        return built.build()

    def _atx(self, start: int, end: int) -> Traced:
        """Return a heading's text without the marks before and behind it."""
        line = self._text.text[start:end]
        opening = len(line) - len(line.lstrip("#"))
        kept = line.rstrip(" \t")
        unclosed = kept.rstrip("#")
        if unclosed.endswith((" ", "\t")):  # marks behind count only after a space
            kept = unclosed
        return self._text[start + opening : max(start + opening, start + len(kept))]

    def _table(self, leaf: _Leaf) -> Iterator[Part]:
        for number, (start, end) in enumerate(leaf.lines):
            if number != 1:  # the second line is dashes
                for cell in _cells(self._text[start:end]):
                    yield from self._passage(cell, leaf)

    def _passage(self, block: Traced, leaf: _Leaf) -> Iterator[Part]:
        spoken, skips = self._spoken(_stripped(block))
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


def _line_bounds(text: str) -> list[tuple[int, int]]:
    bounds: list[tuple[int, int]] = []
    start = 0
    for line in text.split("\n"):
        bounds.append((start, start + len(line)))
        start += len(line) + 1
    return bounds


def _stripped(block: Traced) -> Traced:
    start = len(block.text) - len(block.text.lstrip())
    return block[start : len(block.text.rstrip())]


def _cells(row: Traced) -> Iterator[Traced]:
    r"""Yield the cells of a table's row, those beyond its head too; `\|` is a bar in a cell."""
    built = TracedBuilder()
    at = 0
    for found in re.finditer(r"\\?\|", row.text):
        if found.end() - found.start() == 1:
            built.add(row[at : found.start()])
            yield built.build()
            built = TracedBuilder()
        else:
            built.add(row[at : found.start()])
            built.add_written("|", row.starts[found.start()], row.ends[found.end() - 1])
        at = found.end()
    built.add(row[at:])
    yield built.build()
