"""Text that knows, character by character, where in its source it comes from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

#: Characters that are neither spoken nor space: controls, and what only steers layout
#: (soft hyphen, zero-width space, direction marks, byte order mark). Joiners (U+200C, U+200D)
#: are not among them: words and emoji are spelled with them.
INVISIBLE = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
    "\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
)
_TO_SQUEEZE = re.compile(rf"\s\s|[^\S ]|[{INVISIBLE}]|\A\s|\s\Z")
_RUNS = re.compile(rf"(?P<space>\s+)|(?P<invisible>[{INVISIBLE}]+)|[^\s{INVISIBLE}]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A text and the stretch of the source that each of its characters stands for.

    Attributes:
        text: The text.
        starts: For each character, its first character in the source.
        ends: One past its last; equal to the start for a character that was put in.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def __getitem__(self, cut: slice) -> "Traced":
        """Return a part of it, as for a string."""
        return Traced(text=self.text[cut], starts=self.starts[cut], ends=self.ends[cut])


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A paragraph or a heading: no segment ever reaches from one into another.

    Attributes:
        body: Its text, whitespace squeezed.
        kind: What it is.
        chapter_level: For a heading that starts a chapter, its depth from 1; else 0.
    """

    body: Traced
    kind: Literal["paragraph", "heading"] = "paragraph"
    chapter_level: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """A stretch of the source that is not spoken, and why."""

    start: int
    end: int
    reason: str


Part = Passage | Skip


@dataclass(slots=True)
class TracedBuilder:
    """Puts a traced text together piece by piece."""

    parts: list[str] = field(default_factory=list[str])
    starts: list[int] = field(default_factory=list[int])
    ends: list[int] = field(default_factory=list[int])

    def add(self, piece: Traced) -> None:
        """Add a part of another traced text."""
        self.parts.append(piece.text)
        self.starts.extend(piece.starts)
        self.ends.extend(piece.ends)

    def add_written(self, text: str, start: int, end: int) -> None:
        """Add characters that the source writes in another way, such as an entity.

        Each stands for one character of the writing and the last for the rest, so that a cut
        between them leaves neither side without a place. An empty stretch: they were put in.
        """
        shares = [min(start + number, end) for number in range(len(text))]
        self.parts.append(text)
        self.starts.extend(shares)
        self.ends.extend([*shares[1:], end])

    def build(self) -> Traced:
        """Return what was put together."""
        return Traced(text="".join(self.parts), starts=self.starts, ends=self.ends)


def trace(text: str, *, at: int = 0) -> Traced:
    """Return a text that stands in its source as it is, from `at` on."""
    end = at + len(text)
    return Traced(text=text, starts=range(at, end), ends=range(at + 1, end + 1))


def squeeze(raw: Traced) -> Traced:
    """Return it with whitespace as single spaces, none at the ends, and nothing invisible."""
    if _TO_SQUEEZE.search(raw.text) is None:
        return raw
    built = TracedBuilder()
    space: tuple[int, int] | None = None  # waits for something to stand between
    for run in _RUNS.finditer(raw.text):
        start, end = run.span()
        if run["space"] is not None:
            space = space or _unbroken(raw, start, end)
        elif run["invisible"] is None:
            if space is not None and built.parts:
                built.add_written(" ", *space)
            space = None
            built.add(raw[start:end])
    return built.build()


def _unbroken(raw: Traced, start: int, end: int) -> tuple[int, int]:
    """Return the stretch of source that the first characters of a run cover without a gap.

    Beyond a gap stands something else, such as a comment between two spaces.
    """
    last = start
    while last + 1 < end and raw.ends[last] == raw.starts[last + 1]:
        last += 1
    return raw.starts[start], raw.ends[last]
