"""HTML between blocks of Markdown: its tags are skipped, the text between them is spoken.

Tags of blocks end a paragraph, `<h1>` to `<h6>` make headings. What stands in `<script>`,
`<style>`, `<head>`, `<title>`, `<template>` or a comment is no text. Tags within a paragraph stay
in it: the parser of inline Markdown knows them, and entities, emphasis and links, which authors
write in HTML too (`<center>**The End**</center>`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it.common.html_blocks import block_names

from supervisor.narration.traced import Skip, Traced, TracedBuilder

#: Elements that nobody is shown, with all that is in them.
HIDDEN = frozenset({"script", "style", "head", "title", "template"})
#: Tags that end a paragraph.
BLOCKS = frozenset({*block_names, "pre", "textarea"})

_HEADING = re.compile(r"h([1-6])\Z")
# Without a way back (`*+`): a quotation mark that is left open costs one look, not its square.
_TAG = r"""</?(?P<name>[A-Za-z][A-Za-z0-9-]*+)(?:(?=[\s/>])(?:"[^"]*"|'[^']*'|[^<>"'])*+)>"""
_PIECE = re.compile(
    rf"(?P<unseen><!--(?:-?>|.*?(?:-->|\Z))|<\?.*?(?:\?>|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<![A-Za-z][^>]*(?:>|\Z)"
    rf"|<(?P<hidden>{'|'.join(sorted(HIDDEN))})(?=[\s/>]).*?(?:</(?P=hidden)\s*>|\Z))|{_TAG}",
    re.DOTALL | re.IGNORECASE,
)
_NAME = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlText:
    """A paragraph or a heading in HTML, to be read as inline Markdown.

    Attributes:
        body: It, with the tags that stand within it.
        level: Of a heading, from 1; else 0.
    """

    body: Traced
    level: int


def read_html(block: Traced) -> Iterator[Skip | HtmlText]:
    """Return the texts of a block of HTML in order, and what else is skipped of it.

    An element that nobody is shown ends with the block at the latest.
    """
    built, at, level = TracedBuilder(), 0, 0
    for found in _PIECE.finditer(block.text):
        breaks = found["name"] is not None and found["name"].lower() in BLOCKS
        if found["unseen"] is None and not breaks:
            continue  # a tag within a paragraph
        built.add(block[at : found.start()])
        at = found.end()
        yield Skip(start=block.starts[found.start()], end=block.ends[at - 1], reason="html")
        if breaks:
            yield HtmlText(body=built.build(), level=level)
            built, level = TracedBuilder(), _level_after(found[0])
    built.add(block[at:])
    yield HtmlText(body=built.build(), level=level)


def _level_after(tag: str) -> int:
    is_end, name = tag_name(tag)
    heading = _HEADING.match(name)
    return 0 if heading is None or is_end else int(heading[1])


def tag_name(tag: str) -> tuple[bool, str]:
    """Return whether a tag is an end tag, and its name in lower case; empty for a comment."""
    found = _NAME.match(tag)
    return (False, "") if found is None else (found[1] == "/", found[2].lower())
