"""eSpeak NG by ctypes: what this project uses of it, and nothing else.

The shared library is GPL-3 and comes with the wheel `espeakng-loader`; it is loaded in the
child alone, and only for this engine or for the plain voices of one that clones.
"""

import ctypes
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from child.engine import EngineError

# speak_lib.h
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_CHARS_UTF8 = 0x1  # neither SSML (0x10) nor phoneme names (0x100): text is plain text
_END_PAUSE = 0x1000
_RATE, _PITCH = 1, 3

#: What phonemes hold besides sounds: pauses, stress, joints, and `(en)`, the language they turn to.
_SOUNDLESS = re.compile(r"\([^)]*\)|[\s_:;|',]")

_SynthCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class _VoiceRecord(ctypes.Structure):
    """`espeak_VOICE` of speak_lib.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceFile:
    """A voice as eSpeak lists it.

    Attributes:
        identifier: Path below its `lang` folder, unique: `"gmw/en-US"`.
        title: For people: `"English (America)"`.
        languages: Tags, most important first: `("en-us", "en")`.
    """

    identifier: str
    title: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One call of the synthesizer.

    Attributes:
        identifier: Of a `VoiceFile`, perhaps with `+VARIANT`.
        text: Plain text without NUL.
        end_pause: Whether its last mark's pause is spoken too.
    """

    identifier: str
    text: str
    end_pause: bool


class Library:
    """A just-initialised eSpeak NG. Nothing here but `speak` and `unheard` changes what it would say next."""

    def __init__(self) -> None:
        """Load and initialise it.

        Raises:
            EngineError: If the wheel is missing or does not load.
        """
        library_path, self.data_path = _wheel_paths()
        try:
            self._lib = ctypes.CDLL(library_path)
        except OSError as error:
            raise EngineError(f"cannot load {library_path}: {error}; reinstall espeakng-loader") from error
        # The path that the wheel was built with does not exist here, so it is always given.
        self.sample_rate_hz = int(
            self._lib.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, str(self.data_path).encode(), 0)
        )
        if self.sample_rate_hz <= 0:
            raise EngineError(f"eSpeak NG does not start with its data in {self.data_path}")
        self._lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._lib.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_VoiceRecord))

    def voice_files(self) -> list[VoiceFile]:
        """Return every voice it lists, MBROLA's aside: their data is not in the wheel."""
        return [voice for voice in self._listed() if not voice.identifier.startswith("mb/")]

    def _listed(self) -> Iterator[VoiceFile]:
        records = self._lib.espeak_ListVoices(None)
        at = 0
        while records[at]:
            yield _voice_file(records[at].contents)
            at += 1

    def set_manner(self, *, rate_wpm: int, pitch: int) -> None:
        """Set words a minute and pitch (0..100) for what is spoken from now on."""
        self._lib.espeak_SetParameter(_RATE, rate_wpm, 0)
        self._lib.espeak_SetParameter(_PITCH, pitch, 0)

    def speak(self, order: Order, on_pcm: Callable[[bytes], None]) -> str | None:
        """Speak, handing 16-bit mono samples over as they come.

        Returns:
            None, or in words what it refused.
        """

        def on_samples(wav: int | None, samples: int, _events: int) -> int:
            if wav and samples > 0:
                on_pcm(ctypes.string_at(wav, 2 * samples))
            return 0

        callback = _SynthCallback(on_samples)
        self._lib.espeak_SetSynthCallback(callback)
        if self._lib.espeak_SetVoiceByName(order.identifier.encode()) != 0:
            return f"cannot use the voice {order.identifier}"
        text = order.text.encode() + b"\0"
        flags = _CHARS_UTF8 | (_END_PAUSE if order.end_pause else 0)
        status = self._lib.espeak_Synth(text, len(text), 0, 1, 0, flags, None, None)
        return None if status == 0 else f"espeak_Synth answered {status}"

    def unheard(self, identifier: str, symbols: Iterable[str]) -> str:
        """Return those of the symbols that a voice makes no sound for. Call it in a fork, like `speak`."""
        self._lib.espeak_SetVoiceByName(identifier.encode())
        return "".join(symbol for symbol in symbols if not _SOUNDLESS.sub("", self._phonemes(symbol)))

    def _phonemes(self, text: str) -> str:
        at = ctypes.c_char_p(text.encode())
        spoken: list[bytes] = []
        while at.value is not None:  # one clause a call; it moves `at` on, to NULL at the end
            spoken.append(self._lib.espeak_TextToPhonemes(ctypes.byref(at), _CHARS_UTF8, 0) or b"")
        return b"".join(spoken).decode(errors="replace")


def _wheel_paths() -> tuple[str, Path]:
    mend = "pip install espeakng-loader"
    try:
        import espeakng_loader  # noqa: PLC0415 -- optional at run time: GPL, and only this engine needs it
    except ImportError as error:
        raise EngineError(f"the espeak engine needs the package espeakng-loader: {mend}") from error
    try:
        return espeakng_loader.get_library_path(), Path(espeakng_loader.get_data_path())
    except RuntimeError as error:
        raise EngineError(f"espeakng-loader is damaged ({error}): {mend} --force-reinstall") from error


def _voice_file(record: _VoiceRecord) -> VoiceFile:
    return VoiceFile(
        identifier=record.identifier.decode(),
        title=record.name.decode().strip(),
        languages=tuple(_languages(record.languages)),
    )


def _languages(address: int) -> Iterator[str]:
    """Yield the tags of a list of (priority byte, C string), ended by a priority of 0."""
    while ctypes.string_at(address, 1) != b"\0":
        tag = ctypes.string_at(address + 1)
        yield tag.decode()
        address += len(tag) + 2
