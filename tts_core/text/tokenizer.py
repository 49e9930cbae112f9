"""Text → token ids, from `tokenizer.model` and `tokenizer_config.json`; no code of the checkpoint's runs.

    tokenizer.model           one token a line: base64, a space, its rank; the ranks are the ids
    tokenizer_config.json     added_tokens_decoder: the special tokens by id
    tokenization_*.py         not run; read for one constant, the pattern that text is parted by

No id is assumed: each special token is found by its string.
"""

import ast
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tts_core.errors import CheckpointError
from tts_core.text.libraries import lacking

if TYPE_CHECKING:
    from tiktoken import Encoding

#: How the tokenizers of this family part a text before merging bytes.
PATTERN: Final = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

#: Nearly all special tokens are written so, which one small pattern finds: one of all 35,000 would be slow.
_SHAPED = re.compile(r"<\|[^<|>]*\|>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Specials:
    """Ids that the language model is steered by.

    Attributes:
        end_of_audio: Ends the speech.
        begin_of_audio: Stands between text and speech.
        first_audio: Of speech token 0; the others follow it without a gap.
        audio_count: How many speech tokens there are.
        pad: For batches.
    """

    end_of_audio: int
    begin_of_audio: int
    first_audio: int
    audio_count: int
    pad: int


class _Added(msgspec.Struct, frozen=True, kw_only=True):
    content: str
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False


class _Config(msgspec.Struct, frozen=True, kw_only=True):
    added_tokens_decoder: dict[str, _Added]


class Tokenizer:
    """Ids of a text; made by `open`.

    Attributes:
        specials: Ids that the language model is steered by.
        pattern_seen: Whether the checkpoint's own file names the pattern; else the family's is used.
    """

    def __init__(
        self, *, encoding: "Encoding", added: Mapping[int, _Added], specials: Specials, pattern_seen: bool
    ) -> None:
        self._encoding = encoding
        self._ids = {token.content: token_id for token_id, token in added.items()}
        self._eats_before = {token_id for token_id, token in added.items() if token.lstrip}
        self._eats_after = {token_id for token_id, token in added.items() if token.rstrip}
        unshaped = sorted((text for text in self._ids if not _SHAPED.fullmatch(text)), key=len, reverse=True)
        self._unshaped = re.compile("|".join(map(re.escape, unshaped)) or r"(?!)")
        self.specials = specials
        self.pattern_seen = pattern_seen

    @classmethod
    def open(cls, folder: Path) -> "Tokenizer":
        """Read a tokenizer's folder.

        Raises:
            CheckpointError: If a file is missing or damaged, or a special token is not one id.
            SettingError: If tiktoken is not installed.
        """
        ranks = read_ranks(folder / "tokenizer.model")
        added = _read_added(folder / "tokenizer_config.json", len(ranks))
        pattern = find_pattern(folder)
        return cls(
            encoding=_encoding(ranks, pattern or PATTERN),
            added=added,
            specials=_find_specials({one.content: at for at, one in added.items()}, folder),
            pattern_seen=pattern is not None,
        )

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, special tokens in it included; nothing is put before or after."""
        ids: list[int] = []
        since = 0
        eaten_after = False
        for start, end, special in self._found(text):
            plain = text[since:start].lstrip() if eaten_after else text[since:start]
            ids += self._plain(plain.rstrip() if special in self._eats_before else plain)
            ids.append(special)
            since, eaten_after = end, special in self._eats_after
        return ids + self._plain(text[since:].lstrip() if eaten_after else text[since:])

    def _plain(self, text: str) -> list[int]:
        return self._encoding.encode_ordinary(text) if text else []

    def _found(self, text: str) -> Iterator[tuple[int, int, int]]:
        """Yield start, end and id of each special token, from left to right."""
        since = 0
        for match in _SHAPED.finditer(text):
            if match[0] in self._ids:
                yield from self._found_unshaped(text, since, match.start())
                yield match.start(), match.end(), self._ids[match[0]]
                since = match.end()
        yield from self._found_unshaped(text, since, len(text))

    def _found_unshaped(self, text: str, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        for match in self._unshaped.finditer(text, start, end):
            yield match.start(), match.end(), self._ids[match[0]]


# ------------------------------------------------------------------ reading


def read_ranks(path: Path) -> dict[bytes, int]:
    """Read `tokenizer.model`.

    Returns:
        Rank by token; ranks run from 0 without a gap, and each byte is a token.

    Raises:
        CheckpointError: If that is not so, or a line is not of its form.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise _unreadable(path, error) from None
    ranks = dict(_read_rank(path, number, line) for number, line in enumerate(lines, start=1) if line.strip())
    gap = next((rank for rank, seen in enumerate(sorted(ranks.values())) if rank != seen), None)
    if gap is not None or not ranks:
        raise CheckpointError(f"{path}: no token has rank {gap or 0}; damaged, download it again")
    absent = sum(bytes([byte]) not in ranks for byte in range(256))
    if absent:
        raise CheckpointError(f"{path}: {absent} of the 256 bytes are no tokens; damaged, or another model's")
    return ranks


def _unreadable(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(f"{path}: cannot be read ({error.strerror}); the checkpoint is not whole")


def _read_rank(path: Path, number: int, line: bytes) -> tuple[bytes, int]:
    try:
        token, rank = line.split()
        return b64decode(token, validate=True), int(rank)
    except (ValueError, Base64Error):
        raise CheckpointError(
            f"{path}:{number}: not a token in base64 and its rank: {line[:40]!r}; download it again"
        ) from None


def _read_added(path: Path, ranks: int) -> dict[int, _Added]:
    try:
        config = msgspec.json.decode(path.read_bytes(), type=_Config)
        added = {int(token_id): token for token_id, token in config.added_tokens_decoder.items()}
    except OSError as error:
        raise _unreadable(path, error) from None
    except (msgspec.DecodeError, ValueError) as error:
        raise CheckpointError(
            f"{path}: not a tokenizer's configuration ({error}); download it again"
        ) from None
    below = sorted(token.content for token_id, token in added.items() if token_id < ranks)
    if below:
        raise CheckpointError(f"{path}: {len(below)} special tokens have ids of tokenizer.model: {below[:4]}")
    alone = sorted(token.content for token in added.values() if token.single_word or not token.content)
    if alone:
        raise CheckpointError(f"{path}: special tokens that only stand alone are not known here: {alone[:4]}")
    return added


def find_pattern(folder: Path) -> str | None:
    """Return the pattern that the checkpoint's own code gives a name with `pat_str` to, without running it.

    Raises:
        CheckpointError: If there are several.
    """
    found = {pattern for path in sorted(folder.glob("tokenization_*.py")) for pattern in _patterns(path)}
    if len(found) > 1:
        raise CheckpointError(f"{folder}: several patterns in tokenization_*.py: {sorted(found)}")
    return next(iter(found), None)


def _patterns(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise CheckpointError(f"{path}: not Python ({error}); damaged, download it again") from None
    for node in ast.walk(tree):
        names: Sequence[ast.expr | None] = ()
        if isinstance(node, ast.Assign):
            names = node.targets
        elif isinstance(node, ast.AnnAssign):
            names = [node.target]
        elif isinstance(node, ast.keyword) and node.arg == "pat_str":
            names = [None]
        value = getattr(node, "value", None)
        named = any(name is None or _last_name(name) == "pat_str" for name in names)
        if named and isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value


def _last_name(target: ast.expr) -> str:
    if isinstance(target, ast.Attribute):
        return target.attr
    return target.id if isinstance(target, ast.Name) else ""


def _encoding(ranks: dict[bytes, int], pattern: str) -> "Encoding":
    try:
        from tiktoken import Encoding  # noqa: PLC0415 -- a compiled library, for those who speak
    except ImportError as error:
        raise lacking("token ids", error) from None
    try:
        return Encoding("glm-tts", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    except ValueError as error:
        raise CheckpointError(f"the pattern in tokenization_*.py cannot be used ({error})") from None


def _find_specials(ids: Mapping[str, int], folder: Path) -> Specials:
    def one(text: str) -> int:
        if text not in ids:
            raise CheckpointError(f"{folder}: there is no token {text}; this tokenizer is another model's")
        return ids[text]

    first = one("<|audio_0|>")
    audio_count = next(n for n in count() if f"<|audio_{n}|>" not in ids)
    astray = [n for n in range(audio_count) if ids[f"<|audio_{n}|>"] != first + n]
    named = sum(text.startswith("<|audio_") and text[8:-2].isdigit() for text in ids)
    if astray or named != audio_count:
        at = astray[0] if astray else audio_count
        raise CheckpointError(f"{folder}: the ids of <|audio_N|> have a gap at N = {at}; another model's")
    return Specials(
        end_of_audio=one("<|user|>"),
        begin_of_audio=one("<|begin_of_audio|>"),
        first_audio=first,
        audio_count=audio_count,
        pad=one("<|endoftext|>"),
    )
