"""Voices that are there before anybody has named a recording: eSpeak NG reads a sentence, and that is it.

For engines that clone. They are for trying things out, free of others' rights, and the same bytes each
time with the same eSpeak NG, so that what an engine computes of them can be kept by content.
"""

import contextlib
import io
import tempfile
import wave
from collections.abc import Generator, Mapping
from dataclasses import dataclass

from child.engine import EngineError, Utterance, VoiceNotFound
from child.espeak import EspeakEngine
from child.failings import log
from child.recital import to_pcm_s16le
from supervisor.wire.messages import Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    """What is read, and by which voice of eSpeak."""

    speaker: str
    language: str
    text: str


_SENTENCES = {
    "plain-zh": _Sentence(
        speaker="cmn",
        language="zh",
        text="那天早上天气很好，他们一起沿着河边慢慢地走，谁也没有说话。",
    ),
    "plain-en": _Sentence(
        speaker="en-us",
        language="en",
        text="It was a fine morning, and they walked along the river without a word.",
    ),
}

#: Who speaks where nobody is named.
DEFAULT_VOICE = "plain-zh"


def plain_recordings() -> dict[str, bytes]:
    """Return the recordings as WAV, by name; none where eSpeak NG is not installed. Forks."""
    engine = EspeakEngine()
    try:
        facts = engine.load({}, device="cpu", voice=None)
    except (ImportError, OSError, EngineError) as error:
        log(f"no plain voices: eSpeak NG does not start here ({error})")
        return {}
    return {name: _wav(engine, facts.sample_rate_hz, read) for name, read in _SENTENCES.items()}


def _wav(engine: EspeakEngine, rate_hz: int, read: _Sentence) -> bytes:
    spoken = Utterance(text=read.text, voice=read.speaker, reference=None, seed=0, settings={})
    kept = io.BytesIO()
    with wave.open(kept, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        for piece in engine.synthesize(spoken):
            file.writeframes(to_pcm_s16le(piece.samples))
    return kept.getvalue()


def voice_at_start(wanted: str | None, plain: Mapping[str, bytes], *, has_reference: bool) -> str:
    """Return whose voice the canary is spoken in; empty = there is none, and utterances must bring theirs.

    Args:
        wanted: As the engine is told at its start.
        plain: Recordings by name.
        has_reference: Whether a recording comes with it; `wanted` is then what people call it.

    Raises:
        VoiceNotFound: If a voice is wanted that is not there.
    """
    if has_reference:
        return wanted or "reference"
    return find_plain(wanted, plain) if wanted is not None or plain else ""


def find_plain(name: str | None, plain: Mapping[str, bytes]) -> str:
    """Return the name of a plain voice that is there; the default one's for None.

    Raises:
        VoiceNotFound: If there is none of that name; says what can be done.
    """
    wanted = DEFAULT_VOICE if name is None else name
    if wanted in plain:
        return wanted
    named = "none was named" if name is None else f"there is none named {name!r}"
    if not plain:
        raise VoiceNotFound(
            f"GLM-TTS speaks in the voice of a recording, and {named}: give --reference WAV with "
            "--reference-text TEXT, or keep one by `tts-supervisor voices add`; its own plain voices need "
            "eSpeak NG where the child runs: pip install espeakng-loader"
        )
    raise VoiceNotFound(
        f"there is no voice {wanted!r}: this engine has {' and '.join(plain)}, those kept by `tts-supervisor "
        "voices add`, and that of any recording: --reference WAV --reference-text TEXT, or prompt_speech and "
        "prompt_text in a line"
    )


def plain_voices(plain: Mapping[str, bytes], sample_rate_hz: int) -> list[Voice]:
    """Return those that are there, as they are listed."""
    return [
        Voice(
            name=name,
            language=_SENTENCES[name].language,
            sample_rate_hz=sample_rate_hz,
            description="cloned from eSpeak NG, to try things out; name a recording for a real one",
        )
        for name in plain
    ]


def plain_text(name: str) -> str:
    """Return what is read in a plain voice's recording."""
    return _SENTENCES[name].text


@contextlib.contextmanager
def file_of(recording: bytes) -> Generator[str]:
    """Give a recording a path for as long as it is listened to."""
    with tempfile.NamedTemporaryFile(prefix="tts-supervisor-", suffix=".wav") as file:
        file.write(recording)
        file.flush()
        yield file.name
