"""What `POST /v1/audio/speech` asks for, as OpenAI's client sends it, and what it means here. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from supervisor.config import HttpConfig
from supervisor.doors.http.refusals import Refusal, bad
from supervisor.doors.params import MAX_RATE_HZ, MAX_SEED, MIN_RATE_HZ
from supervisor.loop.encoding import Format
from supervisor.loop.speaking import SpeechRequest

#: What OpenAI's own models are called: all of them are this service.
OPENAI_MODELS: Final = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")

#: Programs that ask for bare samples take them for so many a second, as OpenAI's are.
PCM_RATE_HZ: Final = 24_000

#: Media type of each format.
MEDIA: Final[dict[Format, str]] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}

_SHOWN_CHARS: Final = 100


class VoiceId(msgspec.Struct, frozen=True, kw_only=True):
    """A voice as OpenAI's custom ones are named."""

    id: str


class SpeechBody(msgspec.Struct, frozen=True, kw_only=True):
    """The body; fields that are not named here are passed over.

    Attributes:
        input: What to say.
        model: One of those of `GET /v1/models`; may be left out.
        voice: A name, or `{"id": NAME}`; left out = the service's own.
        response_format: Of the audio.
        stream_format: Audio as it is, or events with pieces of it in base64.
        speed: 1: no engine here speaks at another.
        instructions: Taken, and not followed: no engine here can.
        seed: Not of OpenAI: the same seed speaks the same way.
        sample_rate: Not of OpenAI: in Hz; None = the engine's, and 24000 of `pcm`.
    """

    input: Annotated[str, Meta(min_length=1)]
    model: str | None = None
    voice: str | VoiceId | None = None
    response_format: Format | None = "mp3"
    stream_format: Literal["audio", "sse"] | None = "audio"
    speed: float | None = 1.0
    instructions: str | None = None
    seed: Annotated[int, Meta(ge=0, le=MAX_SEED)] | None = 0
    sample_rate: Annotated[int, Meta(ge=MIN_RATE_HZ, le=MAX_RATE_HZ)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What it means.

    Attributes:
        request: For the service; its audio comes in pieces.
        format: Of what is sent.
        is_sse: As events.
    """

    request: SpeechRequest
    format: Format
    is_sse: bool


def wanted_of(body: SpeechBody, terms: HttpConfig, engine: str) -> Wanted:
    """Return what a body asks for.

    Args:
        body: As it came.
        terms: Of the door.
        engine: Name of the engine that speaks.

    Raises:
        Refusal: If it cannot be had.
    """
    if body.model is not None and body.model not in models_of(terms, engine):
        raise unknown_model(body.model, terms, engine)
    _check_input(body.input, terms)
    if body.speed not in (None, 1.0):
        message = f"speed: need 1.0, got {body.speed:g}; the engine speaks at its own pace"
        raise bad(message, param="speed", code="unsupported_value")
    audio: Format = body.response_format or "mp3"
    rate_hz = body.sample_rate or (PCM_RATE_HZ if audio == "pcm" else None)
    request = SpeechRequest(
        text=body.input,
        voice=_voice(body.voice, terms.voices),
        seed=body.seed or 0,
        sample_rate=rate_hz,
        audio="inline",
    )
    return Wanted(request=request, format=audio, is_sse=body.stream_format == "sse")


def models_of(terms: HttpConfig, engine: str) -> list[str]:
    """Return the names of models that are this service, the engine's first."""
    return list(dict.fromkeys([engine, *OPENAI_MODELS, *terms.models]))


def unknown_model(name: str, terms: HttpConfig, engine: str) -> Refusal:
    """Return the refusal of a model that there is none of."""
    there = ", ".join(models_of(terms, engine))
    message = f"no model {name[:_SHOWN_CHARS]!r}; there are {there}; others can be listed in http.models"
    return Refusal(404, message, code="model_not_found", param="model")


def _check_input(text: str, terms: HttpConfig) -> None:
    if len(text) > terms.text_chars:
        message = (
            f"input: {len(text)} characters, at most {terms.text_chars} can be asked for at once "
            "(http.text_chars); hand a longer one in by jobs/submit"
        )
        raise bad(message, param="input", code="string_above_max_length")
    if not text.strip():
        raise bad("input: is empty; there is nothing to speak", param="input", code="empty_string")


def _voice(given: str | VoiceId | None, voices: Mapping[str, str]) -> str | None:
    """Return the voice that a name stands for; None = the service's own."""
    name = given.id if isinstance(given, VoiceId) else given
    if name is None:
        return None
    if not name.strip():
        message = "voice: is empty; name one of GET /v1/audio/voices, or leave it out"
        raise bad(message, param="voice", code="empty_string")
    return voices.get(name, name) or None
