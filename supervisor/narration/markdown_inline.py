"""Markdown within a block: which characters of it are spoken.

markdown-it says where blocks stand but not where the text within them comes from. Here its
inline parser writes that down while it parses: nothing is searched for afterwards, so a
character that counts as spoken is the one that is spoken.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline, autolink, backtick, emphasis, image, strikethrough
from markdown_it.token import Token
from markdown_it.utils import EnvType

from supervisor.narration.traced import Skip, Traced, TracedBuilder
from supervisor.wire.speech import speakable

_BREAK_TAG = re.compile(r"br\b", re.IGNORECASE)
_START = "start"
_END = "end"


class _TracedState(StateInline):
    """Writes into each token's `meta` where in the block it starts."""

    _pending_start = 0

    def append_pending(self, text: str) -> None:
        """Collect literal text; it is always a stretch of the block that begins at `pos`."""
        if not self.pending:
            self._pending_start = self.pos
        super().append_pending(text)

    def pushPending(self) -> Token:  # noqa: N802 - the name that markdown-it calls
        """Make a token of the collected text."""
        token = super().pushPending()
        token.meta[_START] = self._pending_start
        return token

    def push(self, ttype: str, tag: str, nesting: Literal[-1, 0, 1]) -> Token:
        """Make a token; rules move `pos` on only after they pushed."""
        token = super().push(ttype, tag, nesting)
        token.meta[_START] = self.pos
        return token


_Rule = Callable[[StateInline, bool], bool]


class TracedInline(ParserInline):
    """markdown-it's inline parser, CommonMark with strikethrough, that remembers places."""

    def __init__(self) -> None:
        super().__init__()
        self.ruler2.disable("fragments_join")  # it would glue texts from different places together
        self.ruler.at("backticks", _with_end(backtick))
        self.ruler.at("image", _with_end(image))
        self.ruler.at("autolink", _with_address(autolink))
        self.ruler.at("emphasis", _one_by_one(emphasis.tokenize))
        self.ruler.at("strikethrough", _one_by_one(strikethrough.tokenize))

    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        """Parse one block's text into tokens."""
        state = _TracedState(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


def _with_end(rule: _Rule) -> _Rule:
    """Have a rule whose token does not tell its length write down where it ends."""

    def traced(state: StateInline, silent: bool) -> bool:
        before = len(state.tokens)
        found = rule(state, silent)
        if found and len(state.tokens) > before:
            state.tokens[-1].meta[_END] = state.pos
        return found

    return traced


def _with_address(rule: _Rule) -> _Rule:
    """Have an autolink's text be what stands between `<` and `>`, as it stands there."""

    def traced(state: StateInline, silent: bool) -> bool:
        start = state.pos
        found = rule(state, silent)
        if found and not silent:
            text = state.tokens[-2]  # between the link's open and close
            text.content = state.src[start + 1 : state.pos - 1]
            text.meta[_START] = start + 1
        return found

    return traced


def _one_by_one(rule: _Rule) -> _Rule:
    """Give each token of a run of delimiters a place of its own: they may stay as text."""

    def traced(state: StateInline, silent: bool) -> bool:
        at = state.pos
        found = rule(state, silent)
        if found and not silent:
            length = state.pos - at
            run = 0
            for token in reversed(state.tokens):
                if run == length:
                    break
                run += len(token.content)
                token.meta[_START] = state.pos - run
        return found

    return traced


def spoken_parts(block: Traced, tokens: Sequence[Token]) -> tuple[Traced, list[Skip]]:
    """Return what is spoken of a block, and what is left out for a reason of its own.

    Everything in neither is markup.

    Args:
        block: The block's text.
        tokens: What `TracedInline.parse` made of it.
    """
    spoken = TracedBuilder()
    skips: list[Skip] = []
    for token in tokens:
        for part in _parts(block, token):
            if isinstance(part, Skip):
                skips.append(part)
            else:
                spoken.add(part)
    return spoken.build(), skips


def _parts(block: Traced, token: Token) -> Iterator[Traced | Skip]:
    start = int(token.meta[_START])
    match token.type:
        case "text":
            yield block[start : start + len(token.content)]
        case "text_special":
            yield _special(block, start, token)
        case "code_inline":
            width = len(token.markup)
            yield block[start + width : int(token.meta[_END]) - width]
        case "softbreak" | "hardbreak":
            at = block.text.index("\n", start)
            yield block[at : at + 1]
        case "html_inline":
            yield from _tag(block, start, start + len(token.content))
        case "image":
            yield from _image(block, start, token)
        case _:
            return  # opens and closes: markup


def _special(block: Traced, start: int, token: Token) -> Traced:
    """Return an entity or an escaped character: one character written with several."""
    end = start + len(token.markup)
    written = TracedBuilder()
    written.add_written(token.content, block.starts[start], block.ends[end - 1])
    return written.build()


def _tag(block: Traced, start: int, end: int) -> Iterator[Traced | Skip]:
    """Skip an HTML tag; a line break in HTML still parts two words."""
    place = block.ends[end - 1]
    yield Skip(start=block.starts[start], end=place, reason="html")
    if _BREAK_TAG.match(block.text, start + 1, end):
        space = TracedBuilder()
        space.add_written(" ", place, place)
        yield space.build()


def _image(block: Traced, start: int, token: Token) -> Iterator[Traced | Skip]:
    """Speak an image's description; without one the image is skipped."""
    inner = start + len("![")
    spoken, skips = spoken_parts(block[inner : inner + len(token.content)], token.children or [])
    if speakable(spoken.text):
        yield spoken
        yield from skips
    else:
        yield Skip(start=block.starts[start], end=block.ends[int(token.meta[_END]) - 1], reason="image")
