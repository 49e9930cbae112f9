"""Which script a text is written in, run by run, so that each is read by a voice that can."""

import functools
import re
import unicodedata
from dataclasses import dataclass

#: First word of a letter's Unicode name -> script. What is not here has no eSpeak voice.
_SCRIPT_OF_NAME = {
    "LATIN": "latin",
    "CYRILLIC": "cyrillic",
    "GREEK": "greek",
    "CJK": "han",
    "IDEOGRAPHIC": "han",
    "KANGXI": "han",
    "BOPOMOFO": "han",
    "HIRAGANA": "kana",
    "KATAKANA": "kana",
    "KATAKANA-HIRAGANA": "kana",
    "HANGUL": "hangul",
    "ARABIC": "arabic",
    "ARABIC-INDIC": "arabic",
    "EXTENDED": "arabic",  # EXTENDED ARABIC-INDIC DIGIT; no other letter or digit begins so
    "HEBREW": "hebrew",
    "DEVANAGARI": "devanagari",
    "BENGALI": "bengali",
    "GUJARATI": "gujarati",
    "GURMUKHI": "gurmukhi",
    "ORIYA": "oriya",
    "TAMIL": "tamil",
    "TELUGU": "telugu",
    "KANNADA": "kannada",
    "MALAYALAM": "malayalam",
    "SINHALA": "sinhala",
    "THAI": "thai",
    "MYANMAR": "myanmar",
    "GEORGIAN": "georgian",
    "ARMENIAN": "armenian",
    "ETHIOPIC": "ethiopic",
    "CHEROKEE": "cherokee",
    "SHAVIAN": "shavian",
}

#: Compatibility forms that are letters and digits in disguise (fullwidth, circled, mathematical).
#: Not `<super>` and `<fraction>`: eSpeak reads those as they stand.
_DISGUISES = frozenset({"<wide>", "<narrow>", "<font>", "<circle>", "<compat>", "<square>"})

#: The same for symbols, and the marks that are read like symbols. Not `<compat>`: `№` is not "No".
_SYMBOL_DISGUISES = frozenset({"<wide>", "<narrow>", "<font>", "<small>", "<square>"})
_READ_MARKS = frozenset("％＆＃＠／＊＼－﹪﹠﹟﹫﹡﹨﹣")

#: Left as they are: the tilde that draws a sound out (`好～`), the macron, and the units that
#: `child.spoken_symbols` has words for.
_KEPT = frozenset("～￣㎎㎏㎖㎜㎝㎞㎡㎥㏄")

#: Symbols whose plain form Unicode does not tell.
_PLAIN = {"٪": "%", "⁄": "/", "∕": "/", "∶": ":"}
_PLAIN_TABLE = str.maketrans(_PLAIN)

_WIDE_POINT = re.compile(r"(?<=[0-9])．(?=[0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A stretch of text in one script.

    Attributes:
        script: None where the text has no letter of a known script: digits, marks, Runic.
        text: Never empty; the runs of a text, joined, are that text.
    """

    script: str | None
    text: str


def split_runs(text: str) -> list[Run]:
    """Cut a text into runs of one script each.

    Digits, marks and spaces go with the run before them (at the start, with the one after);
    only what stands right before the next run, after a space, goes with that: `in 2024年`.
    """
    runs: list[Run] = []
    begin, script, last_own = 0, None, 0
    for at, char in enumerate(text):
        own = script_of(char)
        if own is None:
            continue
        if script is not None and own != script:
            cut = _after_last_space(text, last_own + 1, at)
            runs.append(Run(script=script, text=text[begin:cut]))
            begin = cut
        script, last_own = own, at
    return [*runs, Run(script=script, text=text[begin:])] if text else runs


def _after_last_space(text: str, begin: int, end: int) -> int:
    for at in range(end, begin, -1):
        if text[at - 1].isspace():
            return at
    return end


@functools.cache  # bounded by the characters that texts use
def script_of(char: str) -> str | None:
    """Return the script of a letter, digit or vowel sign; None for what all scripts share."""
    if unicodedata.category(char)[0] not in "LMN":
        return None
    return _SCRIPT_OF_NAME.get(unicodedata.name(char, "").split(" ", 1)[0])


def undisguised(text: str) -> str:
    """Replace letters, digits and symbols in disguise (fullwidth, circled, squared) by the plain ones."""
    return _WIDE_POINT.sub(".", "".join(map(_undisguised_char, text)))


@functools.cache  # bounded by the characters that texts use
def _undisguised_char(char: str) -> str:
    if not char.isalnum():
        return _undisguised_symbol(char)
    tag = unicodedata.decomposition(char).split(" ", 1)[0]
    return unicodedata.normalize("NFKC", char) if tag in _DISGUISES else char


def _undisguised_symbol(char: str) -> str:
    if char in _PLAIN:
        return _PLAIN[char]
    if char in _KEPT or not _is_symbol_in_disguise(char):
        return char
    # One step, not to the end: ㎨ is m∕s², where the 2 must stay raised.
    codes = unicodedata.decomposition(char).split(" ")[1:]
    parts = "".join(chr(int(code, 16)) for code in codes)
    return unicodedata.normalize("NFC", parts).translate(_PLAIN_TABLE)


def _is_symbol_in_disguise(char: str) -> bool:
    tag = unicodedata.decomposition(char).partition(" ")[0]
    # The second are words of East Asia in one sign: months, hours, companies.
    wrapped = tag in _SYMBOL_DISGUISES or (tag != "" and "\u3200" <= char < "\u3400")
    return char in _READ_MARKS or (wrapped and unicodedata.category(char)[0] == "S")
