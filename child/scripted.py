"""The scripted engine: no model, no torch; its audio is a pure function of the utterance.

One tone a character, shaped so that every stretch of it is audible at any setting. What
it is for: laptops, tests, and rehearsing memory, time and faults (interface §3).
"""

import hashlib
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from child import vitals
from child.engine import Audio, EngineFacts, Utterance, VoiceNotFound
from child.memory import touched, touched_for_all
from child.settings import Bounds, read_number, read_size_bytes, refuse_unknown
from supervisor.wire.messages import Setting, Vitals, Voice

if TYPE_CHECKING:
    import mmap

    import numpy.typing as npt

#: Raised whenever the same utterance would sound different.
VERSION = "1"

#: Partials of each voice: (multiple of the ground tone, share of the amplitude).
_VOICES: dict[str, tuple[tuple[float, float], ...]] = {
    "sine": ((1.0, 1.0),),
    "reed": ((1.0, 0.5), (3.0, 0.3), (5.0, 0.2)),
    "bell": ((1.0, 0.6), (2.76, 0.4)),
    "hum": ((0.5, 0.7), (1.0, 0.3)),
}
_DEFAULT_VOICE = "sine"
_WHERE = "engine.scripted"

_SAMPLE_RATE_HZ = Bounds(24000, 8000, 192000)
# Below a tenth of a millisecond a character has less than a sample or two of sound.
_SECONDS_PER_CHAR = Bounds(0.06, 0.0001, 60.0)
_WALL_PER_CHAR_S = Bounds(0.0, 0.0, 3600.0)
_LOAD_S = Bounds(0.0, 0.0, 86400.0)
_KEYS = ("seconds_per_char", "wall_per_char_s", "load_s", "load_bytes")

#: Longest piece, in seconds of audio: a listener hears something after the first second's work.
_PIECE_S = 1.0
#: Longest sleep between two signs of life.
_NAP_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Score:
    """An utterance, ready to be played from any sample on."""

    tones_hz: "npt.NDArray[np.float64]"  # one a character
    partials: tuple[tuple[float, float], ...]
    seconds_per_char: float
    sample_rate_hz: int
    samples: int


class ScriptedEngine:
    """See the module."""

    def __init__(self) -> None:
        self._seconds_per_char = _SECONDS_PER_CHAR.default
        self._wall_per_char_s = _WALL_PER_CHAR_S.default
        self._held: mmap.mmap | None = None
        self._is_prepared = False

    def prepare(self, settings: Mapping[str, Setting], *, device: str) -> None:
        """Take the time and memory that a start costs, once for all children."""
        del device
        refuse_unknown(settings, _KEYS, _WHERE)
        load_bytes = read_size_bytes(settings, "load_bytes", _WHERE)
        if load_bytes:
            self._held = touched_for_all(load_bytes)
        time.sleep(read_number(settings, "load_s", _WHERE, _LOAD_S))
        self._is_prepared = True

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        """Take the settings, then the time and memory that they say a start costs, if it is not paid yet."""
        del device  # rehearses any
        refuse_unknown(settings, _KEYS, _WHERE)
        self._seconds_per_char = read_number(settings, "seconds_per_char", _WHERE, _SECONDS_PER_CHAR)
        self._wall_per_char_s = read_number(settings, "wall_per_char_s", _WHERE, _WALL_PER_CHAR_S)
        load_s = read_number(settings, "load_s", _WHERE, _LOAD_S)
        load_bytes = read_size_bytes(settings, "load_bytes", _WHERE)
        _partials_of(voice)
        if not self._is_prepared:
            if load_bytes:
                self._held = touched(load_bytes)
            time.sleep(load_s)
        return EngineFacts(
            name="scripted",
            version=VERSION,
            sample_rate_hz=int(_SAMPLE_RATE_HZ.default),
            voice=_DEFAULT_VOICE,
            clones=False,
            uses_device=True,
            pace_s_per_char=self._seconds_per_char,
            canary_text="ready",
        )

    def synthesize(self, utterance: Utterance) -> Iterator[Audio]:
        """Yield the tones, asleep in between for as long as the settings say."""
        score = self._score(utterance)
        wall_s = self._wall_per_char_s * len(utterance.text)
        seconds = score.samples / score.sample_rate_hz
        steps = max(1, math.ceil(seconds / _PIECE_S), math.ceil(wall_s / _NAP_S))
        for step in range(steps):
            if wall_s:
                time.sleep(wall_s / steps)
            begin, end = (score.samples * at // steps for at in (step, step + 1))
            yield Audio(samples=_play(score, begin, end), sample_rate_hz=score.sample_rate_hz)

    def voices(self) -> list[Voice]:
        """Return its voices, the default first."""
        rate_hz = int(_SAMPLE_RATE_HZ.default)
        return [
            Voice(name=name, language="und", sample_rate_hz=rate_hz, description="tones, not speech")
            for name in _VOICES
        ]

    def vitals(self) -> Vitals:
        """Return its private host memory."""
        return vitals.host_vitals()

    def release_caches(self) -> None:
        """Hand free pages back; the memory of the start stays, as a model's weights would."""
        vitals.give_back_host_memory()

    def _score(self, utterance: Utterance) -> _Score:
        refuse_unknown(utterance.settings, ("sample_rate",), _WHERE)
        rate_hz = int(read_number(utterance.settings, "sample_rate", _WHERE, _SAMPLE_RATE_HZ))
        return _Score(
            tones_hz=_tones_hz(utterance),
            partials=_partials_of(utterance.voice),
            seconds_per_char=self._seconds_per_char,
            sample_rate_hz=rate_hz,
            samples=max(1, round(len(utterance.text) * self._seconds_per_char * rate_hz)),
        )


def _partials_of(voice: str | None) -> tuple[tuple[float, float], ...]:
    name = _DEFAULT_VOICE if voice is None else voice
    if name not in _VOICES:
        raise VoiceNotFound(f"the scripted engine has no voice {name!r}; `tts-supervisor voices` lists them")
    return _VOICES[name]


def _tones_hz(utterance: Utterance) -> "npt.NDArray[np.float64]":
    # The whole text moves every tone, so that a wrong character anywhere changes the bytes.
    identity = f"{utterance.voice}\0{utterance.seed}\0{utterance.text}".encode("utf-8", "surrogatepass")
    drift = int.from_bytes(hashlib.sha256(identity).digest()[:4], "big") / 2**32
    codes = np.frombuffer(utterance.text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return 150.0 + 50.0 * drift + 5.0 * (codes % 89).astype(np.float64)


def _play(score: _Score, begin: int, end: int) -> "npt.NDArray[np.float32]":
    """Return samples [begin, end): each depends on its own index alone, so pieces join without a seam."""
    at_s = np.arange(begin, end, dtype=np.float64) / score.sample_rate_hz
    char = np.minimum((at_s / score.seconds_per_char).astype(np.int64), len(score.tones_hz) - 1)
    into_s = at_s - char * score.seconds_per_char
    turns = into_s * score.tones_hz[char]
    # An eighth of a turn ahead: never silent, even where a character is one sample long.
    wave = sum(share * np.cos(2 * np.pi * (ratio * turns + 0.125)) for ratio, share in score.partials)
    shape = 0.3 + 0.7 * np.sin(np.pi * into_s / score.seconds_per_char) ** 2
    return (0.5 * shape * wave).astype(np.float32)
