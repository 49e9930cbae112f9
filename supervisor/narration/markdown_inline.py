"""Markdown within a block: which characters of it are spoken.

markdown-it says where blocks stand but not where the text within them comes from. Here its
inline parser writes that down while it parses: nothing is searched for afterwards, so a
character that counts as spoken is the one that is spoken.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline, autolink, backtick, emphasis, image, strikethrough
from markdown_it.token import Token
from markdown_it.utils import EnvType

from supervisor.narration.html import BLOCKS, HIDDEN, tag_name
from supervisor.narration.traced import Skip, Traced, TracedBuilder
from supervisor.wire.speech import speakable

#: Environment of the parser: labels of the footnotes that the document has, as a set of strings.
FOOTNOTES = "footnotes"

_PARTS_WORDS = BLOCKS | {"br"}
_FOOTNOTE_MARK = re.compile(r"\[\^([^\]\[\s]+)\](?!\()")
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
        self.ruler.before("link", "footnote_mark", _footnote_mark)
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


def _footnote_mark(state: StateInline, silent: bool) -> bool:
    """Read a footnote's mark: of one that the document has, or a number, or before the footnote itself."""
    found = _FOOTNOTE_MARK.match(state.src, state.pos)
    # While a link looks for its end (silent), a mark in its text is no link that would forbid it.
    if found is None or silent:
        return False
    end = found.end()
    begins_footnote = state.pos == 0 and state.src.startswith(":", end)
    footnotes = state.env.get(FOOTNOTES, frozenset())
    if not (begins_footnote or found[1] in footnotes or found[1].isdecimal()):
        return False
    end += begins_footnote
    state.push("footnote_mark", "", 0).meta[_END] = end
    state.pos = end
    return True


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
    tags = [(number, *_tag_name(token)) for number, token in enumerate(tokens)]
    last_ends = {name: number for number, is_end, name in tags if is_end}
    number = 0
    while number < len(tokens):
        last = _hidden_until(tokens, number, last_ends)
        if last > number:  # nothing of it is shown
            skips.append(_skip(block, _start(tokens[number]), _end_of_tag(tokens[last]), "html"))
        for part in _parts(block, tokens[last]):
            if isinstance(part, Skip):
                skips.append(part)
            else:
                spoken.add(part)
        number = last + 1
    return spoken.build(), skips


def _hidden_until(tokens: Sequence[Token], number: int, last_ends: Mapping[str, int]) -> int:
    """Return the number of the end tag of an element that nobody is shown; `number` if it is none."""
    is_end, name = _tag_name(tokens[number])
    if is_end or name not in HIDDEN or last_ends.get(name, -1) < number:
        return number
    return next(at for at in range(number + 1, len(tokens)) if _tag_name(tokens[at]) == (True, name))


def _tag_name(token: Token) -> tuple[bool, str]:
    return tag_name(token.content) if token.type == "html_inline" else (False, "")


def _start(token: Token) -> int:
    return int(token.meta[_START])


def _end_of_tag(token: Token) -> int:
    return _start(token) + len(token.content)


def _skip(block: Traced, start: int, end: int, reason: str) -> Skip:
    return Skip(start=block.starts[start], end=block.ends[end - 1], reason=reason)


def _parts(block: Traced, token: Token) -> Iterator[Traced | Skip]:
    start = _start(token)
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
            yield from _tag(block, token)
        case "footnote_mark":
            yield _skip(block, start, int(token.meta[_END]), "footnote mark")
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


def _tag(block: Traced, token: Token) -> Iterator[Traced | Skip]:
    """Skip an HTML tag; a line break in HTML, or a block, still parts two words."""
    tag = _skip(block, _start(token), _end_of_tag(token), "html")
    yield tag
    if _tag_name(token)[1] in _PARTS_WORDS:
        space = TracedBuilder()
        space.add_written(" ", tag.end, tag.end)
        yield space.build()


def _image(block: Traced, start: int, token: Token) -> Iterator[Traced | Skip]:
    """Speak an image's description; without one the image is skipped."""
    inner = start + len("![")
    spoken, skips = spoken_parts(block[inner : inner + len(token.content)], token.children or [])
    if speakable(spoken.text):
        yield spoken
        yield from skips
    else:
        yield _skip(block, start, int(token.meta[_END]), "image")
