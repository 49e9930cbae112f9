"""What speech may sound like for a text: its length, and where it may be silent.

Pure and of the standard library alone: the planner foretells with it, the child checks
with it, and the parent checks once more, on the 16-bit samples, with `PcmMeter`.
"""

import bisect
import functools
import sys
import unicodedata
from array import array
from dataclasses import dataclass

#: Peaks below this share of full scale are silence: -50 dBFS, over the noise that neural
#: vocoders leave in a pause (about -60) and well under the quietest speech measured (-26).
SILENCE_PEAK = 0.003


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pace:
    """Seconds that one character of a kind takes: least, usual, most; and of that, as a pause."""

    least_s: float
    usual_s: float
    most_s: float
    pause_s: float = 0.0


# `least` and `most` hold the extremes of 20 eSpeak voices at 175 words a minute with room
# on both sides for other engines and rates; see docs/decisions/0005-engines-and-checks.md.
_LETTER = _Pace(least_s=0.012, usual_s=0.068, most_s=0.6)  # most: spelled out, "XKCDQZ"
_SPELLED = _Pace(least_s=0.012, usual_s=0.8, most_s=2.5)  # no voice knows Lao: "letter E B A"
_HAN = _Pace(least_s=0.05, usual_s=0.26, most_s=1.5)
_KANA = _Pace(least_s=0.03, usual_s=0.15, most_s=1.0)
_HANGUL = _Pace(least_s=0.04, usual_s=0.18, most_s=1.2)
_DIGIT = _Pace(least_s=0.03, usual_s=0.4, most_s=2.0)  # 1000000 is one word, 7 is another
_SYMBOL = _Pace(least_s=0.0, usual_s=0.3, most_s=3.0)  # named, or passed over: %, emoji
_STOP = _Pace(least_s=0.0, usual_s=0.3, most_s=1.5, pause_s=0.6)
_COMMA = _Pace(least_s=0.0, usual_s=0.12, most_s=1.5, pause_s=0.4)
_MARK = _Pace(least_s=0.0, usual_s=0.02, most_s=1.5, pause_s=0.3)
_SPACE = _Pace(least_s=0.0, usual_s=0.0, most_s=0.3)

_STOPS = frozenset(".!?。！？…｡؟।॥։።\n")
_COMMAS = frozenset(",;:、，；：،؛—–")


def speakable(text: str) -> bool:
    """Say whether there is anything to speak: at least one letter or digit."""
    return any(char.isalnum() for char in text)


def expected_s(text: str, pace_s_per_char: float | None = None) -> float:
    """Return the usual length of this text's speech, in seconds.

    Args:
        text: What is spoken.
        pace_s_per_char: Fixed length per character of an engine that has one.
    """
    if pace_s_per_char is not None:
        return pace_s_per_char * len(text)
    return sum(_pace(char).usual_s for char in text)


def length_bounds_s(text: str, pace_s_per_char: float | None = None) -> tuple[float, float]:
    """Return the shortest and the longest that this text's speech can be, in seconds.

    Args:
        text: What is spoken.
        pace_s_per_char: Fixed length per character of an engine that has one.
    """
    if pace_s_per_char is not None:
        exact_s = pace_s_per_char * len(text)
        # A tenth either way, and 0.1 s for rounding to samples and for very short texts.
        return max(0.0, 0.9 * exact_s - 0.1), 1.1 * exact_s + 0.1
    paces = [_pace(char) for char in text]
    # A second over: lead-in, final pause and engines that breathe.
    return sum(p.least_s for p in paces), 1.0 + sum(p.most_s for p in paces)


@functools.cache  # bounded by the characters that a text uses
def _pace(char: str) -> _Pace:
    if char in _STOPS:
        return _STOP
    if char in _COMMAS:
        return _COMMA
    category = unicodedata.category(char)
    if category[0] == "N":
        return _DIGIT
    if category[0] in "LM":
        return _pace_of_letter(ord(char))
    return {"S": _SYMBOL, "P": _MARK}.get(category[0], _SPACE)


#: First code point of each block of letters -> its pace, up to the next. Where no eSpeak voice
#: knows the script, its letters are spelled by number.
_BLOCKS: tuple[tuple[int, _Pace], ...] = (
    (0x0000, _LETTER),  # Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic
    (0x0700, _SPELLED),  # Syriac, Thaana, N'Ko
    (0x0900, _LETTER),  # India, Thai
    (0x0E80, _SPELLED),  # Lao, Tibetan
    (0x1000, _LETTER),  # Myanmar, Georgian
    (0x1100, _HANGUL),
    (0x1200, _LETTER),  # Ethiopic, Cherokee
    (0x1680, _SPELLED),  # Ogham, Runic, Khmer, Mongolian
    (0x1E00, _LETTER),  # more Latin and Greek
    (0x2C00, _SPELLED),  # Glagolitic, Coptic
    (0x2E80, _HAN),
    (0x3041, _KANA),
    (0x3105, _HAN),  # Bopomofo
    (0x3130, _HANGUL),
    (0x3190, _HAN),
    (0xA000, _SPELLED),  # Yi, Vai
    (0xAC00, _HANGUL),
    (0xF900, _HAN),
    (0xFB00, _LETTER),  # ligatures, Arabic forms, fullwidth Latin
    (0xFF66, _KANA),
    (0xFFA0, _HANGUL),
    (0x10000, _SPELLED),  # what is no longer written
    (0x1D400, _LETTER),  # mathematical Latin
    (0x1E000, _SPELLED),
    (0x20000, _HAN),
)
_BLOCK_STARTS = [start for start, _ in _BLOCKS]


def _pace_of_letter(code: int) -> _Pace:
    return _BLOCKS[bisect.bisect_right(_BLOCK_STARTS, code) - 1][1]


def allowed_silence_s(text: str, seconds: float) -> tuple[float, float]:
    """Return the longest silence anywhere and at the end that this text explains, in seconds.

    A second for any text (breath, lead-out), and what the marks between two letters ask for. At
    the end of short audio less: a quarter of it, though 0.6 s are never too many.

    Args:
        text: What is spoken.
        seconds: Length of the audio.
    """
    longest_s = run_s = 0.0
    for char in text:
        run_s = 0.0 if char.isalnum() else run_s + _pace(char).pause_s
        longest_s = max(longest_s, run_s)
    return 1.0 + longest_s, min(1.0, max(0.6, 0.25 * seconds)) + run_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a meter measured.

    Attributes:
        seconds: Length.
        peak: Largest absolute sample, 0..1 (of those looked at).
        longest_silence_s: Longest run under `SILENCE_PEAK`, the end included.
        tail_silence_s: Silence at the end.
    """

    seconds: float
    peak: float
    longest_silence_s: float
    tail_silence_s: float


def judge_silence(text: str, heard: Heard) -> str | None:
    """Say in words where it is silent though there is text; None if nowhere."""
    if not speakable(text):
        return None
    if heard.peak < SILENCE_PEAK:
        return f"the whole of it ({heard.seconds:.2f} s) is silent"
    longest_s, tail_s = allowed_silence_s(text, heard.seconds)
    if heard.tail_silence_s > tail_s:
        return (
            f"the last {heard.tail_silence_s:.2f} s of {heard.seconds:.2f} s are silent; "
            f"the text explains {tail_s:.2f} s"
        )
    if heard.longest_silence_s > longest_s:
        return f"{heard.longest_silence_s:.2f} s within it are silent; the text explains {longest_s:.2f} s"
    return None


def judge_length(text: str, seconds: float, pace_s_per_char: float | None = None) -> str | None:
    """Say in words why this text cannot take so long, or so short; None if it can."""
    least_s, most_s = length_bounds_s(text, pace_s_per_char)
    if least_s <= seconds <= most_s:
        return None
    return f"{seconds:.2f} s for {len(text)} characters, possible are {least_s:.2f} .. {most_s:.2f} s"


#: Samples to a window (43 ms at 24 kHz): silences are told to that grain.
_WINDOW_SAMPLES = 1024
#: Look at every 13th sample: a tenth of the work; prime, so that no tone hides between.
_STRIDE = 13


class PcmMeter:
    """Listen to 16-bit mono audio as it passes, in constant memory: the parent's second check."""

    def __init__(self) -> None:
        self._odd = b""
        self._samples = 0
        self._peak = 0
        self._silent_samples = 0  # up to here
        self._longest_samples = 0

    def add(self, pcm_s16le: bytes) -> None:
        """Listen to the next piece; 1 ms for 10 s of audio."""
        joined = self._odd + pcm_s16le
        whole = len(joined) // (2 * _WINDOW_SAMPLES) * 2 * _WINDOW_SAMPLES
        for at in range(0, whole, 2 * _WINDOW_SAMPLES):
            self._take(joined[at : at + 2 * _WINDOW_SAMPLES])
        self._odd = joined[whole:]

    def heard(self, sample_rate_hz: int) -> Heard:
        """Return what was heard; nothing may be added after.

        Args:
            sample_rate_hz: Of all that was added.
        """
        if self._odd:
            self._take(self._odd)
            self._odd = b""
        return Heard(
            seconds=self._samples / sample_rate_hz,
            peak=self._peak / 32768,
            longest_silence_s=self._longest_samples / sample_rate_hz,
            tail_silence_s=self._silent_samples / sample_rate_hz,
        )

    def _take(self, pcm_s16le: bytes) -> None:
        samples = array("h", pcm_s16le[: len(pcm_s16le) & ~1])
        if sys.byteorder == "big":  # pragma: no cover -- no such machine runs our tests
            samples.byteswap()
        looked = samples[::_STRIDE]
        if not looked:
            return
        peak = max(abs(max(looked)), abs(min(looked)))
        self._samples += len(samples)
        self._peak = max(self._peak, peak)
        self._silent_samples = self._silent_samples + len(samples) if peak < SILENCE_PEAK * 32768 else 0
        self._longest_samples = max(self._longest_samples, self._silent_samples)


def judge_pcm(text: str, heard: Heard, pace_s_per_char: float | None = None) -> str | None:
    """Judge what the parent heard of a segment: None if it can be this text's speech, else why not."""
    return judge_silence(text, heard) or judge_length(text, heard.seconds, pace_s_per_char)
