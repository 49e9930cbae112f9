"""The espeak engine: eSpeak NG, each run of a text by a voice that can read its script.

What eSpeak gives for a text depends on what it spoke before, in bytes and even in length;
seeding and re-initialising do not cure it. So this process never speaks: it stays just
initialised, and every utterance is spoken by a fork of it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from child import vitals
from child.engine import Audio, BadInput, EngineError, EngineFacts, Utterance
from child.espeak_library import Library, Order
from child.espeak_voices import DEFAULT_VOICES, VoiceBook, scripts_of
from child.forked import run_forked
from child.scripts import undisguised
from child.settings import Bounds, read_number, refuse_unknown
from child.spoken_symbols import WORDS, with_words
from supervisor.wire.messages import Setting, Vitals, Voice
from supervisor.wire.speech import SILENCE_PEAK, speakable

#: Raised whenever this file makes the same utterance sound different with the same library.
REVISION = 2

_WHERE = "engine.espeak"
_RATE_WPM = Bounds(175, 80, 450)  # eSpeak's own default and limits
_PITCH = Bounds(50, 0, 99)
_KEYS = (*(f"voice_{script}" for script in DEFAULT_VOICES), "rate_wpm", "pitch")

#: Marks after which the pause belongs to the speech, wherever the next run begins.
_PAUSING = frozenset(".!?:;,…。！？：；，、،؛؟।॥։។")
_CLOSING = "\"'”’»)]}」』）】》〉 \t\n\u3000"

_FULL_SCALE = np.float32(32768.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manner:
    rate_wpm: int
    pitch: int


class EspeakEngine:
    """See the module."""

    def __init__(self) -> None:
        self._settings: dict[str, Setting] = {}
        self._loaded: tuple[Library, VoiceBook] | None = None
        self._version = ""
        self._unheard: dict[str, frozenset[str]] = {}  # symbols, by a voice's identifier

    def prepare(self, settings: Mapping[str, Setting], *, device: str) -> None:
        """Initialise the library and find the voices: nothing is spoken, so every child begins alike."""
        del device
        _check(settings)
        self._open()

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        """Initialise the library, find the voices, check the settings."""
        del device  # it never touches one
        self._settings = dict(settings)
        _check(self._settings)
        library, book = self._open()
        cast = book.cast(self._settings, voice)
        return EngineFacts(
            name="espeak",
            version=self._version,
            sample_rate_hz=library.sample_rate_hz,
            voice=cast["latin"] if voice is None else book.find(voice),
            clones=False,
            uses_device=False,
            pace_s_per_char=None,
            canary_text="Ready to read. 准备好了。",
        )

    def synthesize(self, utterance: Utterance) -> Iterator[Audio]:
        """Yield what a fork of the just-initialised library says."""
        library, book = self._parts()
        settings = {**self._settings, **utterance.settings}
        manner = _check(settings)
        orders = self._orders(book, settings, utterance)

        def work(write: Callable[[bytes], None]) -> str | None:
            library.set_manner(rate_wpm=manner.rate_wpm, pitch=manner.pitch)
            refusals = (library.speak(order, write) for order in orders)
            return next((refusal for refusal in refusals if refusal is not None), None)

        peak = 0.0
        for samples in _whole_samples(run_forked(work)):
            peak = max(peak, float(np.abs(samples).max(initial=0.0)))
            yield Audio(samples=samples, sample_rate_hz=library.sample_rate_hz)
        if peak < SILENCE_PEAK and speakable(utterance.text):
            raise BadInput(f"no voice of eSpeak has a sound for this text: {utterance.text[:40]!r}")

    def voices(self) -> list[Voice]:
        """Return every voice that has its dictionary."""
        library, book = self._parts()
        return [
            Voice(
                name=name,
                language=voice.languages[0],
                sample_rate_hz=library.sample_rate_hz,
                description=voice.title,
            )
            for name, voice in book.files.items()
        ]

    def vitals(self) -> Vitals:
        """Return its private host memory."""
        return vitals.host_vitals()

    def release_caches(self) -> None:
        """Hand free pages back; eSpeak's own state is never touched."""
        vitals.give_back_host_memory()

    def _open(self) -> tuple[Library, VoiceBook]:
        if self._loaded is None:
            library = Library()
            self._version = f"{REVISION}-{_wheel_version()}"
            self._loaded = library, VoiceBook(library.voice_files(), library.data_path)
        return self._loaded

    def _orders(self, book: VoiceBook, settings: Mapping[str, Setting], utterance: Utterance) -> list[Order]:
        cast = book.cast(settings, utterance.voice)
        neutral = cast["latin"] if utterance.voice is None else book.find(utterance.voice)

        def unheard(script: str | None) -> frozenset[str]:
            return self._unheard_by(book.identifier(cast[script] if script else neutral))

        text = with_words(
            _plain_text(utterance.text), unheard, neutral_is_chinese="han" in scripts_of(neutral)
        )
        passages = book.passages(text, cast, neutral)
        return [
            Order(identifier=one.identifier, text=one.text, end_pause=at < last and _pauses(one.text))
            for last in (len(passages) - 1,)
            for at, one in enumerate(passages)
        ]

    def _unheard_by(self, identifier: str) -> frozenset[str]:
        if identifier not in self._unheard:
            library, _ = self._parts()

            def work(write: Callable[[bytes], None]) -> None:
                write(library.unheard(identifier, WORDS).encode())

            self._unheard[identifier] = frozenset(b"".join(run_forked(work)).decode())
        return self._unheard[identifier]

    def _parts(self) -> tuple[Library, VoiceBook]:
        if self._loaded is None:
            raise EngineError("the espeak engine was asked to speak before it was loaded")
        return self._loaded


def _check(settings: Mapping[str, Setting]) -> _Manner:
    refuse_unknown(settings, _KEYS, _WHERE)
    return _Manner(
        rate_wpm=round(read_number(settings, "rate_wpm", _WHERE, _RATE_WPM)),
        pitch=round(read_number(settings, "pitch", _WHERE, _PITCH)),
    )


def _plain_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"character {error.start} of the text is half a surrogate pair") from error
    return undisguised(text).replace("\0", " ")  # to C, NUL is the end


def _pauses(text: str) -> bool:
    return text.rstrip(_CLOSING)[-1:] in _PAUSING


def _whole_samples(pieces: Iterator[bytes]) -> "Iterator[np.ndarray[tuple[int], np.dtype[np.float32]]]":
    odd = b""
    for piece in pieces:
        joined = odd + piece
        odd = joined[len(joined) & ~1 :]
        # An exact division: converting back to 16 bits gives eSpeak's own samples.
        yield np.frombuffer(joined, dtype="<i2", count=len(joined) // 2).astype(np.float32) / _FULL_SCALE


def _wheel_version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 -- 30 ms that only this engine needs

    return version("espeakng-loader")
