"""What `describe` is answered with has all that the package's own reader asks for."""

import msgspec
import pytest
from wyoming.info import Info

from supervisor.doors.wyoming.frames import Frames, written
from supervisor.doors.wyoming.offered import PROGRAM, info_of
from supervisor.loop.speaking import Discovered, Limits
from supervisor.wire.messages import Voice

FOUND = Discovered(
    name="tts-supervisor",
    version="1.2.3",
    engine="espeak",
    voices=[
        Voice(name="en-us", language="en-us", sample_rate_hz=22_050, description="English (America)"),
        Voice(name="cmn", language="cmn", sample_rate_hz=22_050),
    ],
    sample_rates=[22_050],
    formats=["wav"],
    limits=Limits(line_bytes=1, text_chars=1, max_waiting=1, max_running=1),
)


def test_it_is_one_program_with_its_voices() -> None:
    info = Info.from_event(info_of(FOUND))
    (program,) = info.tts
    assert (info.asr, info.wake, info.handle) == ([], [], [])
    assert (program.name, program.version, program.installed) == (PROGRAM, "1.2.3", True)
    assert program.supports_synthesize_streaming
    first, second = program.voices
    assert (first.name, first.description, first.languages) == ("en-us", "English (America)", ["en-us"])
    assert (second.name, second.description, second.languages) == ("cmn", "cmn", ["zh-CN", "cmn"])
    for one in (program, first, second):
        assert one.installed
        assert one.attribution.name


@pytest.mark.parametrize("engine", ["espeak", "glm", "glm-upstream", "scripted", "somebodys"])
def test_every_engine_has_somebody_who_made_it(engine: str) -> None:
    info = Info.from_event(info_of(msgspec.structs.replace(FOUND, engine=engine)))
    assert all(voice.attribution.name for voice in info.tts[0].voices)


def test_hundreds_of_voices_are_an_event_like_any_other() -> None:
    many = [Voice(name=f"voice {number}", language="en", sample_rate_hz=1) for number in range(500)]
    frames = Frames()
    frames.feed(written(info_of(msgspec.structs.replace(FOUND, voices=many))))
    assert frames.next() is not None
