"""What `describe` is answered with: this service as a program that speaks, and its voices."""

from typing import Final

from wyoming.event import Event
from wyoming.info import Attribution, Info, TtsProgram, TtsVoice

from supervisor.doors.wyoming.asked import languages_of
from supervisor.loop.speaking import Discovered
from supervisor.wire.messages import Voice

#: Of this service, as `select-program` may choose it and Home Assistant shows it.
PROGRAM: Final = "tts-supervisor"

_OWN: Final = Attribution(name="The tts-supervisor authors", url="")

#: Who made what speaks.
_ENGINES: Final = {
    "espeak": Attribution(name="eSpeak NG", url="https://github.com/espeak-ng/espeak-ng"),
    "glm": Attribution(name="GLM-TTS", url="https://github.com/zai-org/GLM-TTS"),
    "glm-upstream": Attribution(name="GLM-TTS", url="https://github.com/zai-org/GLM-TTS"),
    "scripted": _OWN,
}


def info_of(found: Discovered) -> Event:
    """Return the `info` event.

    Args:
        found: With its voices.
    """
    made_by = _ENGINES.get(found.engine, Attribution(name=found.engine, url=""))
    program = TtsProgram(
        name=PROGRAM,
        attribution=_OWN,
        installed=True,
        description=f"long narration and speech by the engine {found.engine}",
        version=found.version,
        voices=[_voice(voice, made_by) for voice in found.voices],
        supports_synthesize_streaming=True,
    )
    return Info(tts=[program]).event()


def _voice(voice: Voice, made_by: Attribution) -> TtsVoice:
    return TtsVoice(
        name=voice.name,
        attribution=made_by,
        installed=True,
        description=voice.description or voice.name,
        version=None,
        languages=languages_of(voice),
        speakers=None,  # no engine here has voices of several
    )
