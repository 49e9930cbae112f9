"""Text as it was written → text as it is spoken: in words and simple marks, with an end."""

import re
from pathlib import Path
from typing import Final

import msgspec

from tts_core.errors import CheckpointError, TextError
from tts_core.text import chinese, english
from tts_core.text.chinese import Replacement
from tts_core.text.grammars import open_grammars
from tts_core.text.layout import flattened
from tts_core.text.marks import has_chinese
from tts_core.text.punctuation import ended, tidied

_REPLACEMENTS: Final = "custom_replace.jsonl"

#: What the grammars or the reading of powers have been seen to fail on: control characters, halves of
#: surrogate pairs, white space other than a space, and the sign of a power.
_TROUBLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029^]")


class TextFrontEnd:
    """Normalises as the model's own code does, step for step.

    Args:
        configs: Folder of the model's tables; None, or one without `custom_replace.jsonl`: no replacements.
        cache: Folder in which the grammars are kept; the first use of it builds them, for ten seconds.

    Raises:
        SettingError: If the grammars cannot be had.
        CheckpointError: If the table cannot be read.
    """

    def __init__(self, *, configs: Path | None, cache: Path) -> None:
        self._replacements = read_replacements(configs) if configs is not None else []
        self._chinese, self._english = open_grammars(cache)

    def normalise(self, text: str) -> str:
        """Return a text as the model's own code would normalise it; an empty one becomes ".".

        Raises:
            TextError: Where that code fails: the message says on what.
        """
        text = flattened(text)
        spoken = self._in_chinese(text) if has_chinese(text) else self._in_english(text)
        return ended(tidied(spoken))

    def normalise_safely(self, text: str) -> str:
        """Return the same; where it fails, once more without what such failures come from.

        Control characters, halves of characters and `^` become spaces then; no word is lost.

        Raises:
            TextError: If that fails too.
        """
        try:
            return self.normalise(text)
        except TextError:
            return self.normalise(_TROUBLE.sub(" ", text))

    def _in_chinese(self, text: str) -> str:
        return chinese.after_grammar(self._chinese(chinese.before_grammar(text, self._replacements))).lower()

    def _in_english(self, text: str) -> str:
        return english.after_grammar(self._english(english.before_grammar(text)))


def read_replacements(configs: Path) -> list[Replacement]:
    """Read the model's `custom_replace.jsonl`; none where there is no such file.

    Raises:
        CheckpointError: If a line is not of its form.
    """
    path = configs / _REPLACEMENTS
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    return [_replacement(path, at, line) for at, line in enumerate(lines, start=1) if line.strip()]


def _replacement(path: Path, number: int, line: bytes) -> Replacement:
    try:
        return msgspec.json.decode(line, type=Replacement)
    except msgspec.DecodeError as error:
        raise CheckpointError(f'{path}:{number}: wanted {{"origin": …, "new": …}} ({error})') from None
