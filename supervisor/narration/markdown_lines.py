"""What lines of Markdown hold beside their text: marks, cells, boxes, attributes."""

import re
from collections.abc import Iterator

from supervisor.narration.traced import Traced, TracedBuilder

_TASK_BOX = re.compile(r"\s*\[[ xX]\](?:\s+|\Z)")
_ATTRIBUTE = r"(?:[#.][^\s{}]+|[\w:-]+=(?:\"[^\"{}]*\"|[^\s\"{}]+))"
#: Attributes of a heading, as Pandoc and others write them behind it.
_ATTRIBUTES = re.compile(rf"\{{:?\s*(?:{_ATTRIBUTE}(?:\s+{_ATTRIBUTE})*|-)\s*\}}\s*\Z")


def heading_text(line: Traced) -> Traced:
    """Return a heading's text without the marks before and behind it."""
    line = without_attributes(line)
    opening = len(line.text) - len(line.text.lstrip("#"))
    kept = line.text.rstrip(" \t")
    unclosed = kept.rstrip("#")
    if unclosed.endswith((" ", "\t")):  # marks behind count only after a space
        kept = unclosed
    return line[opening : max(opening, len(kept))]


def without_attributes(heading: Traced) -> Traced:
    """Return a heading without what Pandoc and others write behind it, such as `{#id .class}`."""
    found = _ATTRIBUTES.search(heading.text)
    return heading if found is None else heading[: found.start()]


def without_box(item: Traced) -> Traced:
    """Return a list's item without the box of a task: `[ ]` or `[x]`."""
    box = _TASK_BOX.match(item.text)
    return item if box is None else item[box.end() :]


def line_bounds(text: str) -> list[tuple[int, int]]:
    """Return start and end of each line."""
    bounds: list[tuple[int, int]] = []
    start = 0
    for line in text.split("\n"):
        bounds.append((start, start + len(line)))
        start += len(line) + 1
    return bounds


def stripped(block: Traced) -> Traced:
    """Return it without space at its ends."""
    start = len(block.text) - len(block.text.lstrip())
    return block[start : len(block.text.rstrip())]


def cells(row: Traced) -> Iterator[Traced]:
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
