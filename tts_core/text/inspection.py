"""What the text becomes, line by line: `python -m tts_core text --configs DIR < texts.jsonl`.

    {"text": "噢，5~8岁"}
    {"text": …, "normalised": …, "segments": […], "segments_normalised": […], "phonemes": […]}

Everything is as the model's own code has it, faults included: a text on which that code fails is
answered with what came before and an "error" in words.
"""

import os
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Final, TextIO

import msgspec

from tts_core.errors import SettingError, TextError
from tts_core.text.frontend import TextFrontEnd
from tts_core.text.phonemes import Phonemes
from tts_core.text.splitting import split_as_upstream

_LIBRARIES: Final = ("WeTextProcessing", "pynini", "pypinyin", "jieba", "emoji")


class Answer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is answered to one text, as far as it came.

    Attributes:
        text: As it was given.
        normalised: The whole of it.
        segments: That, cut.
        segments_normalised: Each of them, normalised once more.
        phonemes: Each of those in phoneme mode; not there without the model's tables.
        error: On what it failed.
    """

    text: str
    normalised: str | None = None
    segments: list[str] | None = None
    segments_normalised: list[str] | None = None
    phonemes: list[str] | None = None
    error: str | None = None


class _Versions(msgspec.Struct, frozen=True):
    versions: dict[str, str]


class _NotUnderstood(msgspec.Struct, frozen=True):
    error: str


class _Question(msgspec.Struct, frozen=True):
    text: str | None = None
    versions: dict[str, str] | None = None


def run(configs: Path | None, lines_in: TextIO, lines_out: TextIO, *, cache: Path | None = None) -> int:
    """Answer each line; a line of `versions` with those of the libraries here.

    Args:
        configs: Folder of the model's tables; None: no replacements and no phonemes.
        lines_in: JSON lines; empty ones are passed over.
        lines_out: Gets one JSON line for each, at once.
        cache: Folder for the grammars; None: the user's.

    Returns:
        Exit status: 0, or 1 if a line was not understood.

    Raises:
        SettingError: If a library is missing or the grammars cannot be had.
        CheckpointError: If a table cannot be read.
    """
    if configs is not None and not configs.is_dir():
        raise SettingError(f"{configs}: there is no such folder; --configs wants the model's `configs`")
    front_end = TextFrontEnd(configs=configs, cache=cache or default_cache(os.environ))
    phonemes = Phonemes(configs, None) if configs is not None else None
    understood = True
    for line in filter(str.strip, lines_in):
        answer = _answer(line, front_end, phonemes)
        understood = understood and not isinstance(answer, _NotUnderstood)
        lines_out.write(msgspec.json.encode(answer).decode() + "\n")
        lines_out.flush()
    return 0 if understood else 1


def inspect(text: str, front_end: TextFrontEnd, phonemes: Phonemes | None) -> Answer:
    """Return what becomes of one text."""
    answer = Answer(text=text)
    try:
        answer.normalised = front_end.normalise(text)
        answer.segments = split_as_upstream(answer.normalised)
        answer.segments_normalised = [front_end.normalise(segment) for segment in answer.segments]
        if phonemes is not None:
            answer.phonemes = [phonemes.of(segment) for segment in answer.segments_normalised]
    except TextError as error:
        answer.error = str(error)
    return answer


def default_cache(environ: Mapping[str, str]) -> Path:
    """Return the user's folder for what can be made again.

    Args:
        environ: `XDG_CACHE_HOME` counts when it is an absolute path, as its standard wants.
    """
    configured = environ.get("XDG_CACHE_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path.home() / ".cache"
    return base / "tts-supervisor" / "text"


def _answer(
    line: str, front_end: TextFrontEnd, phonemes: Phonemes | None
) -> "Answer | _Versions | _NotUnderstood":
    try:
        # A file of another encoding comes as lone surrogates: bytes again, they are told as what they are.
        question = msgspec.json.decode(_bytes(line), type=_Question)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _NotUnderstood(error=f"{line.strip()[:80]!r} is not a line of JSON with a text ({error})")
    if question.text is not None:
        return inspect(question.text, front_end, phonemes)
    if question.versions is None:
        return _NotUnderstood(error=f'{line.strip()[:80]!r} has no "text"')
    return _Versions(versions={name: metadata.version(name) for name in _LIBRARIES})


def _bytes(line: str) -> bytes:
    return line.lstrip("\ufeff").encode(errors="surrogateescape")
