"""An engine that clones as GLM-TTS does, of a tone: its pitch is a function of the recording's content.

What it takes of a recording it keeps in `diary`, a folder, and it writes there what it was told to speak.
It wants a recording of at least `least_bytes`, and knows the settings of a GLM line.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from child import vitals
from child.engine import Audio, BadInput, EngineFacts, Utterance, VoiceNotFound
from child.settings import Bounds, read_number, refuse_unknown
from supervisor.wire.messages import Reference, Setting, Vitals, Voice

_WHERE = "engine.tone_cloner"
_RATE_HZ = Bounds(24_000, 8000, 48_000)
_LEAST_BYTES = Bounds(100, 0, 1 << 30)
_SECONDS_PER_CHAR = 0.02
_OWN_VOICE = "plain"
_LINE_KEYS = ("sample_rate", "kv_cache", "phonemes")


class ToneCloner:
    """See the module."""

    def __init__(self) -> None:
        self._settings: Mapping[str, Setting] = {}
        self._diary: Path | None = None

    def prepare_reference(self, reference: Reference, settings: Mapping[str, Setting]) -> None:
        """Keep what is taken of a recording, before anything is loaded."""
        self._settings = settings
        self._diary = _diary(settings)
        _pitch_hz(reference, settings)
        self._note("prepared", reference.path, reference.text)

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        """Take the settings."""
        del device
        refuse_unknown(settings, ("diary", "least_bytes", *_LINE_KEYS), _WHERE)
        _must_be_own(voice)
        self._settings = settings
        self._diary = _diary(settings)
        return EngineFacts(
            name="tone-cloner",
            version="1",
            sample_rate_hz=int(read_number(settings, "sample_rate", _WHERE, _RATE_HZ)),
            voice=_OWN_VOICE,
            clones=True,
            uses_device=False,
            pace_s_per_char=_SECONDS_PER_CHAR,
            canary_text="ready",
        )

    def synthesize(self, utterance: Utterance) -> Iterator[Audio]:
        """Sing the text."""
        refuse_unknown(utterance.settings, _LINE_KEYS, _WHERE)
        _must_be_own(utterance.voice)
        told = {**self._settings, **utterance.settings}
        rate_hz = int(read_number(told, "sample_rate", _WHERE, _RATE_HZ))
        pitch_hz = 220.0 if utterance.reference is None else _pitch_hz(utterance.reference, self._settings)
        drift = hashlib.sha256(f"{utterance.seed}\0{utterance.text}".encode()).digest()[0] / 16
        self._note("spoken", utterance.text, dict(utterance.settings))
        at_s = np.arange(round(len(utterance.text) * _SECONDS_PER_CHAR * rate_hz)) / rate_hz
        wave = 0.5 * np.sin(2 * np.pi * (pitch_hz + drift) * at_s + 0.5)
        yield Audio(samples=wave.astype(np.float32), sample_rate_hz=rate_hz)

    def voices(self) -> list[Voice]:
        """Return the one of its own."""
        rate_hz = int(read_number(self._settings, "sample_rate", _WHERE, _RATE_HZ))
        return [Voice(name=_OWN_VOICE, language="und", sample_rate_hz=rate_hz, description="a tone")]

    def vitals(self) -> Vitals:
        """Return its private host memory."""
        return vitals.host_vitals()

    def release_caches(self) -> None:
        """Hold none."""

    def _note(self, what: str, *words: object) -> None:
        if self._diary is not None:
            with self._diary.open("a", encoding="utf-8") as file:
                file.write(json.dumps([what, *words]) + "\n")


def _diary(settings: Mapping[str, Setting]) -> Path | None:
    path = str(settings.get("diary", ""))
    return Path(path) if path else None


def _must_be_own(voice: str | None) -> None:
    if voice not in (None, _OWN_VOICE):
        raise VoiceNotFound(f"the tone cloner has no voice {voice!r}; it has {_OWN_VOICE}")


def _pitch_hz(reference: Reference, settings: Mapping[str, Setting]) -> float:
    try:
        content = Path(reference.path).read_bytes()
    except OSError as error:
        raise BadInput(f"the recording {reference.path} cannot be read: {error.strerror}") from error
    if len(content) < read_number(settings, "least_bytes", _WHERE, _LEAST_BYTES):
        raise BadInput(f"{reference.path} is too short: {len(content)} bytes; take one of 3 to 15 seconds")
    digest = hashlib.sha256(content + reference.text.encode("utf-8")).digest()
    return 200.0 + int.from_bytes(digest[:2], "big") / 100
