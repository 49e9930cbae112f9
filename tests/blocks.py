"""The blocks of code in README and docs/, for the test that runs them."""

import re
import textwrap
from dataclasses import dataclass

from tests.tree import ROOT, page

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- (not run|command): (.+) -->\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block of code.

    Attributes:
        page: Of the document: `docs/glm.md`.
        line: Of its first line, from 1.
        language: As after the fence; empty for none.
        text: Without the fence, and without what a list puts before each line.
        not_run: Why it cannot be run by a test; None if it can.
        command: Its name for .ci/run, which runs it; None for most.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str | None
    command: str | None


def pages() -> list[str]:
    """README and every document but the decisions: what is there for people who use it."""
    return ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]


def blocks(name: str) -> list[Block]:
    """Every block of a page, in order."""
    text = page(name)
    return [_block(name, text, found) for found in _FENCE.finditer(text)]


def _block(name: str, text: str, found: re.Match[str]) -> Block:
    mark = _MARK.search(text[: found.start()])
    marks = {mark[1]: mark[2]} if mark else {}
    return Block(
        page=name,
        line=text.count("\n", 0, found.start()) + 2,
        language=found[2],
        text=textwrap.dedent(found[3]),
        not_run=marks.get("not run"),
        command=marks.get("command"),
    )


def every(language: str) -> list[Block]:
    """All blocks of a language."""
    return [block for name in pages() for block in blocks(name) if block.language == language]
