"""What a client may ask for, checked: what the protocol knows and this service does not is refused."""

from typing import Final

import msgspec

from supervisor.doors.wyoming.frames import Frame
from supervisor.loop.service import CannotAsk
from supervisor.wire.messages import Voice

#: Events that are heeded; every other is passed over, as the protocol has it.
DESCRIBE: Final = "describe"
PING: Final = "ping"
SELECT: Final = "select-program"
SYNTHESIZE: Final = "synthesize"
START: Final = "synthesize-start"
CHUNK: Final = "synthesize-chunk"
STOP: Final = "synthesize-stop"


class VoiceAsked(msgspec.Struct, frozen=True):
    """Whom a client wants to hear: a name wins over a language."""

    name: str | None = None
    language: str | None = None
    speaker: str | None = None


class SpeechAsked(msgspec.Struct, frozen=True):
    """The data of `synthesize`, `synthesize-start` and `synthesize-chunk`; `context` is the client's own."""

    text: str | None = None
    voice: VoiceAsked | None = None
    text_format: str | None = None


class Named(msgspec.Struct, frozen=True):
    """The data of `select-program`."""

    name: str | None = None


class Pinged(msgspec.Struct, frozen=True):
    """The data of `ping`."""

    text: str | None = None


def speech_of(frame: Frame) -> SpeechAsked:
    """Return what an event asks to be spoken.

    Raises:
        WrongData: If a field has another type.
        CannotAsk: `bad_input` for anything but plain text.
    """
    asked = frame.read(SpeechAsked)
    if asked.text_format not in (None, "text"):
        # SSML too: its marks would be read aloud, and to strip them would be to leave out what was asked for.
        raise refused(f"text_format: {asked.text_format[:40]!r} is not understood here; send plain text")
    return asked


def text_of(frame: Frame) -> str:
    """Return the text of an event that must have one.

    Raises:
        CannotAsk: `bad_input` where it has none.
    """
    text = speech_of(frame).text
    if text is None:
        raise refused(f"{frame.type}: has no text")
    return text


def voice_of(asked: VoiceAsked | None, voices: list[Voice]) -> str | None:
    """Return the name of the voice that is wanted; None = the service's own.

    A name is handed on as it is: cloned voices are in no list, and who speaks says whether there is one.

    Args:
        asked: As the client has it.
        voices: That the engine has; empty = not known yet.

    Raises:
        CannotAsk: `voice_not_found` for a language that no voice has, and for a speaker: no voice here
            has several; `busy` for a language while no voice is known.
    """
    if asked is None:
        return None
    if asked.speaker is not None:
        raise unknown_voice(f"speaker: no voice here has several, so none is called {asked.speaker[:40]!r}")
    if asked.name is not None or asked.language is None:
        return asked.name
    if not voices:
        message = "language: the voices are not known before the first child is ready; try again, or name one"
        raise CannotAsk(message, kind="busy", retryable=True)
    wanted = _tag(asked.language)
    for part in (str, _language):  # as it is asked for; else another country's will do
        for voice in voices:
            if part(wanted) in (part(_tag(language)) for language in languages_of(voice)):
                return voice.name
    raise unknown_voice(
        f"language: no voice here speaks {asked.language[:40]!r}; 'describe' lists what they do"
    )


#: What an engine calls by the code of the language alone has another name where people choose languages.
_KNOWN_AS: Final = {"cmn": "zh-CN", "yue": "zh-HK"}


def languages_of(voice: Voice) -> list[str]:
    """Return what a voice speaks, as the engine calls it and as Home Assistant does."""
    own = voice.language or "und"
    known_as = _KNOWN_AS.get(_language(_tag(own)))
    return [own] if known_as is None else [known_as, own]


def refused(message: str) -> CannotAsk:
    """Return what says that a request can never be done."""
    return CannotAsk(message, kind="bad_input", retryable=False)


def unknown_voice(message: str) -> CannotAsk:
    """Return what says that there is no such voice."""
    return CannotAsk(message, kind="voice_not_found", retryable=False)


def _tag(language: str) -> str:
    return language.replace("_", "-").lower()


def _language(tag: str) -> str:
    return tag.partition("-")[0]
