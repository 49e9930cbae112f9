"""Phoneme mode: characters that could be read in several ways, or wrongly, become sounds.

    他重新数了一遍  →  他<|CH|><|ONG2|>新<|SH|><|U4|><|L|><|E5|>一遍

Words that the model's table (and the user's own) names come first, the longest where several begin at one
place. The rest goes by its Chinese runs: words by jieba, sounds by pypinyin. Characters that the model
reads well by itself (`G2P_able_1word.json`) stay text.
"""

import codecs
import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final, Protocol, TypeVar, cast

import msgspec

from tts_core.errors import CheckpointError, SettingError, TtsError
from tts_core.text.libraries import lacking

_ABLE: Final = "G2P_able_1word.json"
_KNOWN: Final = "G2P_all_phonemes.json"
_WORDS: Final = "G2P_replace_dict.jsonl"

#: A sound as texts and tables write it.
_TOKEN: Final = re.compile(r"<\|([^|<>]*)\|>")

#: First and last code point of each block whose characters are looked up.
_CHINESE: Final = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0xF900, 0xFAFF), (0x2E80, 0x2EFF), (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0x2CEB0, 0x2EBEF), (0x30000, 0x3134F),
    (0x31350, 0x323AF), (0x2F800, 0x2FA1F),
)  # fmt: skip

#: Two characters that pypinyin has no syllable for are read as their like.
_LIKE: Final = str.maketrans("嗯呣", "恩母")

#: What follows these initials is not the vowel that the letter i writes elsewhere.
_OTHER_I: Final = {**dict.fromkeys(("zh", "ch", "sh", "r"), "iii"), **dict.fromkeys(("z", "c", "s"), "ii")}


#: An initial and a final with its tone, either of them perhaps empty.
Syllable = tuple[str, ...]

_Table = TypeVar("_Table")


class Phonemes:
    """The model's tables, and a reader of Chinese.

    Args:
        configs: Folder with the model's tables.
        lexicon: A user's own file in the form of `G2P_replace_dict.jsonl`; its words win.
        only_known: Leave a character as text whose sound the model has no token for, such as a radical;
            the model's own code writes it in the form of a token all the same.

    Raises:
        CheckpointError: If a table of the model's is missing or damaged.
        SettingError: If the user's file is, or has a word without sounds, or (`only_known`) one with a sound
            that the model does not have; or a library is missing.
    """

    def __init__(self, configs: Path, lexicon: Path | None, *, only_known: bool = False) -> None:
        self._able = frozenset(_read_table(configs / _ABLE, list[str]))
        self._known = (
            frozenset(_read_table(configs / _KNOWN, dict[str, str]).values()) if only_known else None
        )
        words = _read_words(configs / _WORDS, CheckpointError)
        if lexicon is not None:
            words |= _own_words(lexicon, self._known)
        self._words = _by_first_character(words)
        self._syllables = _reader()

    def of(self, text: str) -> str:
        """Return a normalised text with the sounds of its difficult characters in token form."""
        return "".join(
            piece if replaced else self._sounded(piece) for piece, replaced in self._replaced(text)
        )

    def _replaced(self, text: str) -> Iterator[tuple[str, bool]]:
        """Yield the text in pieces, and whether each one comes from a table."""
        at = since = 0
        while at < len(text):
            found = self._word_at(text, at)
            if found is None:
                at += 1
                continue
            word, sounds = found
            yield text[since:at], False
            yield sounds, True
            at = since = at + len(word)
        yield text[since:], False

    def _word_at(self, text: str, at: int) -> tuple[str, str] | None:
        words = self._words.get(text[at], ())
        return next((word for word in words if text.startswith(word[0], at)), None)

    def _sounded(self, text: str) -> str:
        runs = ((chinese, "".join(run)) for chinese, run in groupby(text, key=is_chinese))
        return "".join(self._run_sounded(run) if chinese else run for chinese, run in runs)

    def _run_sounded(self, run: str) -> str:
        syllables = self._syllables(run.translate(_LIKE))
        if len(syllables) != len(run) or (self._known is None and not all(map(any, syllables))):
            return run  # the model's own code stumbles over a character without a sound, and leaves the run
        return "".join(
            char if char in self._able else self._char_sounded(char, syllable)
            for char, syllable in zip(run, syllables, strict=True)
        )

    def _char_sounded(self, char: str, syllable: Syllable) -> str:
        sounds = [sound.strip().upper().replace("-", " ") for sound in syllable if sound]
        known = self._known is None or self._known.issuperset(sounds)
        return "".join(f"<|{sound}|>" for sound in sounds) if sounds and known else char


def is_chinese(char: str) -> bool:
    """Say whether a character is of the blocks that are looked up: far more than make a text Chinese."""
    return any(first <= ord(char) <= last for first, last in _CHINESE)


def lexicon_fault(lexicon: Path, configs: Path) -> str | None:
    """Return why a user's file cannot be used, as `Phonemes` would say it; None if it can.

    Args:
        lexicon: The file.
        configs: Folder with the model's tables; where they lack, no sound is looked up.
    """
    try:
        known = frozenset(_read_table(configs / _KNOWN, dict[str, str]).values())
    except CheckpointError:
        known = None
    try:
        _own_words(lexicon, known)
    except SettingError as error:
        return str(error)
    return None


# ------------------------------------------------------------------ reading


class _Syllables(Protocol):
    def __call__(self, run: str) -> list[Syllable]: ...


class _Pinyin(Protocol):
    def __call__(
        self, hans: str, *, style: object, strict: bool, neutral_tone_with_five: bool
    ) -> list[list[str]]: ...


@cache
def _reader() -> _Syllables:
    """Load both libraries: two seconds and 200 MiB, so once for a process."""
    words_of = _words_of()
    try:
        from pypinyin import Style, pinyin  # noqa: PLC0415 -- large tables, for phoneme mode alone
    except ImportError as error:
        raise lacking("phonemes", error) from None

    def sounds(word: str, style: object) -> list[str]:
        found = cast("_Pinyin", pinyin)(word, style=style, strict=True, neutral_tone_with_five=True)
        return [readings[0] for readings in found]

    def syllables(word: str) -> Iterator[Syllable]:
        initials, finals = sounds(word, Style.INITIALS), sounds(word, Style.FINALS_TONE3)
        return (_corrected(initial, final) for initial, final in zip(initials, finals, strict=False))

    return lambda run: [syllable for word in words_of(run) for syllable in syllables(word)]


class _Words(Protocol):
    def __call__(self, run: str) -> list[str]: ...


def _words_of() -> _Words:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # jieba's source has escapes that newer Pythons warn of
            import jieba  # noqa: PLC0415 -- large tables, for phoneme mode alone
            import jieba.posseg  # noqa: PLC0415 -- as above
    except ImportError as error:
        raise lacking("phonemes", error) from None
    jieba.setLogLevel(logging.WARNING)
    if not jieba.dt.initialized:
        # As jieba itself does, less the copy that it would write into the folder for temporary files:
        # reading that again takes as long as making it.
        jieba.dt.FREQ, jieba.dt.total = jieba.Tokenizer.gen_pfdict(jieba.dt.get_dict_file())
        jieba.dt.initialized = True
    return lambda run: [word for word, _ in jieba.posseg.lcut(run)]


def _corrected(initial: str, final: str) -> Syllable:
    if final.startswith("i") and initial in _OTHER_I:
        final = _OTHER_I[initial] + final[1:]
    return initial, final


# ------------------------------------------------------------------ tables


def _read_table(path: Path, form: type[_Table]) -> _Table:
    try:
        return msgspec.json.decode(path.read_bytes(), type=form)
    except (OSError, msgspec.DecodeError) as error:
        raise CheckpointError(f"{path}: not the model's table ({error})") from None


def _own_words(path: Path, known: frozenset[str] | None) -> dict[str, str]:
    words = _read_words(path, SettingError)
    _refuse_unspeakable(words, known, path)
    return words


def _read_words(path: Path, fault: type[TtsError]) -> dict[str, str]:
    try:
        lines = path.read_bytes().removeprefix(codecs.BOM_UTF8).splitlines()
    except OSError as error:
        raise fault(f"{path}: the table of words cannot be read ({error})") from None
    words: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            words |= _read_line(line, f"{path}:{number}", fault)
    return words


def _read_line(line: bytes, where: str, fault: type[TtsError]) -> dict[str, str]:
    try:
        words = msgspec.json.decode(line, type=dict[str, str])
    except msgspec.DecodeError as error:
        raise fault(f'{where}: wanted {{"word": "<|TOKEN|>…"}} ({error})') from None
    if "" in words:
        raise fault(f"{where}: an empty word stands everywhere; take it out")
    return words


def _refuse_unspeakable(words: Mapping[str, str], known: frozenset[str] | None, where: Path) -> None:
    """Refuse a user's word that would vanish, or whose sound the model would read out as letters."""
    for word, sounds in words.items():
        if not sounds.strip():
            raise SettingError(
                f"{where}: {word!r} has no sounds, and would not be spoken; say it, or take it out"
            )
        strange = sorted(set(_TOKEN.findall(sounds)) - known) if known is not None else []
        if strange:
            names = ", ".join(strange)
            raise SettingError(
                f"{where}: {word!r}: the model has no sound {names}; those it has are in {_KNOWN}"
            )


def _by_first_character(words: Mapping[str, str]) -> dict[str, Sequence[tuple[str, str]]]:
    longest_first = sorted(words.items(), key=lambda item: -len(item[0]))
    found: dict[str, list[tuple[str, str]]] = {}
    for word, sounds in longest_first:
        found.setdefault(word[0], []).append((word, sounds))
    return dict(found)
