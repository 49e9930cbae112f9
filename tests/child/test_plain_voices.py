"""Voices before there is a recording: eSpeak NG's, the same bytes each time, told by their names."""

import io
import sys
import wave
from pathlib import Path

import pytest

from child.engine import VoiceNotFound
from child.plain_voices import (
    DEFAULT_VOICE,
    file_of,
    find_plain,
    plain_recordings,
    plain_text,
    plain_voices,
    voice_at_start,
)

NAMES = ["plain-zh", "plain-en"]


@pytest.fixture(scope="module")
def plain() -> dict[str, bytes]:
    return plain_recordings()


def test_their_recordings_are_speech_of_a_few_seconds_and_the_same_each_time(plain: dict[str, bytes]) -> None:
    assert [*plain] == NAMES
    assert plain_recordings() == plain
    for recording in plain.values():
        with wave.open(io.BytesIO(recording)) as file:
            assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
            assert 3.0 < file.getnframes() / file.getframerate() < 15.0
    assert plain["plain-zh"] != plain["plain-en"]


def test_what_is_read_is_known_and_short_enough_for_a_prompt(plain: dict[str, bytes]) -> None:
    assert all(20 < len(plain_text(name)) < 100 for name in plain)


def test_they_are_listed_with_their_language_at_the_engine_s_rate(plain: dict[str, bytes]) -> None:
    listed = plain_voices(plain, 32_000)
    assert [(one.name, one.language, one.sample_rate_hz) for one in listed] == [
        ("plain-zh", "zh", 32_000),
        ("plain-en", "en", 32_000),
    ]
    assert plain_voices({}, 32_000) == []


def test_a_recording_has_a_path_while_it_is_listened_to(plain: dict[str, bytes]) -> None:
    with file_of(plain["plain-en"]) as path:
        assert Path(path).read_bytes() == plain["plain-en"]
    assert not Path(path).exists()


def test_without_the_package_there_are_none_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    assert plain_recordings() == {}
    assert "no plain voices: eSpeak NG does not start here" in capsys.readouterr().err


def test_nobody_named_is_the_default_voice(plain: dict[str, bytes]) -> None:
    assert find_plain(None, plain) == DEFAULT_VOICE
    assert [find_plain(name, plain) for name in NAMES] == NAMES


def test_a_voice_that_is_not_there_is_told_with_the_way_to_one(plain: dict[str, bytes]) -> None:
    with pytest.raises(VoiceNotFound, match=r"'bob'.*plain-zh and plain-en.*voices add.*--reference"):
        find_plain("bob", plain)
    for name, said in ((None, "none was named"), ("bob", "'bob'")):
        with pytest.raises(VoiceNotFound, match=rf"{said}.*--reference.*espeakng-loader"):
            find_plain(name, {})


@pytest.mark.parametrize(
    ("wanted", "has_reference", "has_plain", "found"),
    [
        (None, False, True, DEFAULT_VOICE),
        ("plain-en", False, True, "plain-en"),
        ("ada", True, True, "ada"),  # the name that people gave a recording
        (None, True, True, "reference"),
        (None, True, False, "reference"),
        (None, False, False, ""),  # lines may bring recordings of their own
    ],
)
def test_whose_voice_it_starts_with(
    plain: dict[str, bytes], wanted: str | None, has_reference: bool, has_plain: bool, found: str
) -> None:
    assert voice_at_start(wanted, plain if has_plain else {}, has_reference=has_reference) == found


@pytest.mark.parametrize("has_plain", [True, False])
def test_a_voice_that_is_wanted_at_the_start_must_be_there(plain: dict[str, bytes], has_plain: bool) -> None:
    with pytest.raises(VoiceNotFound, match="'bob'"):
        voice_at_start("bob", plain if has_plain else {}, has_reference=False)
