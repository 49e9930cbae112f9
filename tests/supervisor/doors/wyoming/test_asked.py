"""What a client may ask for; what is known and cannot be done is refused in words."""

import pytest

from supervisor.doors.wyoming.asked import VoiceAsked, languages_of, speech_of, text_of, voice_of
from supervisor.doors.wyoming.frames import Frame
from supervisor.loop.service import CannotAsk
from supervisor.wire.messages import Voice


def voice(name: str, language: str) -> Voice:
    return Voice(name=name, language=language, sample_rate_hz=24_000)


VOICES = [voice("ada", "en-gb"), voice("bob", "en-us"), voice("li", "cmn"), voice("hum", "und")]


def frame(data: bytes, name: str = "synthesize") -> Frame:
    return Frame(type=name, parts=(data,))


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (None, None),
        (VoiceAsked(), None),
        (VoiceAsked(name="bob"), "bob"),
        (VoiceAsked(name="cloned"), "cloned"),
        (VoiceAsked(name="ada", language="zh-CN"), "ada"),
        (VoiceAsked(language="en-US"), "bob"),
        (VoiceAsked(language="en_US"), "bob"),
        (VoiceAsked(language="en"), "ada"),
        (VoiceAsked(language="en-AU"), "ada"),
        (VoiceAsked(language="zh-CN"), "li"),
        (VoiceAsked(language="zh"), "li"),
        (VoiceAsked(language="cmn"), "li"),
    ],
)
def test_a_voice_is_that_of_its_name_or_the_first_that_speaks_the_language(
    asked: VoiceAsked | None, name: str | None
) -> None:
    assert voice_of(asked, VOICES) == name


@pytest.mark.parametrize(
    ("asked", "voices", "kind"),
    [
        (VoiceAsked(language="tlh"), VOICES, "voice_not_found"),
        (VoiceAsked(name="ada", speaker="2"), VOICES, "voice_not_found"),
        (VoiceAsked(language="en"), [], "busy"),
    ],
)
def test_a_voice_that_is_none_is_refused_and_no_other_takes_its_place(
    asked: VoiceAsked, voices: list[Voice], kind: str
) -> None:
    with pytest.raises(CannotAsk) as refused:
        voice_of(asked, voices)
    assert refused.value.kind == kind


def test_languages_go_by_the_names_that_people_choose_from() -> None:
    spoken = [languages_of(one) for one in [*VOICES, voice("wu", "yue"), voice("mute", "")]]
    assert spoken == [["en-gb"], ["en-us"], ["zh-CN", "cmn"], ["und"], ["zh-HK", "yue"], ["und"]]


def test_plain_text_is_taken_and_every_other_format_refused() -> None:
    assert text_of(frame(b'{"text": "Hi.", "text_format": "text", "context": {"id": [1]}}')) == "Hi."
    for given in (b'{"text": "Hi.", "text_format": "ssml"}', b'{"text": "Hi.", "text_format": "html"}'):
        with pytest.raises(CannotAsk, match="text_format"):
            text_of(frame(given))


def test_an_event_without_its_text_is_refused() -> None:
    with pytest.raises(CannotAsk, match="has no text"):
        text_of(frame(b'{"voice": {"name": "ada"}}'))
    assert speech_of(frame(b'{"voice": {}}')).voice == VoiceAsked()
