"""Cloned voices on the shelf: there when their facts are, gone without a trace, replaced at once."""

import struct
import wave
from pathlib import Path

import pytest

from supervisor.edge.recordings import UnreadableRecording
from supervisor.edge.voices import ClonedVoice, VoiceShelf, checked_name, wav_seconds
from supervisor.errors import UsageError


def tone(folder: Path, name: str = "a.wav", *, frames: int = 24_000) -> str:
    path = folder / name
    with wave.open(str(path), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(16_000)
        audio.writeframes(bytes(2 * frames))
    return str(path)


def add(
    shelf: VoiceShelf, name: str, recording: str, text: str = "Hello.", *, replace: bool = False
) -> ClonedVoice:
    with shelf.adding(name, recording, text) as voice:
        shelf.put(voice, replace=replace)
    return voice


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_voice_is_found_with_its_text_and_its_recording(tmp_path: Path) -> None:
    shelf = VoiceShelf(tmp_path / "state")
    assert (shelf.all(), shelf.find("ada")) == ([], None)
    recording = tone(tmp_path)
    voice = add(shelf, "ada", recording)
    assert VoiceShelf(tmp_path / "state").find("ada") == voice
    assert (voice.text, voice.seconds) == ("Hello.", 1.5)
    assert shelf.recording(voice).read_bytes() == Path(recording).read_bytes()


def test_what_is_tried_and_not_put_leaves_nothing(tmp_path: Path) -> None:
    shelf = VoiceShelf(tmp_path)
    with shelf.adding("ada", tone(tmp_path), "Hello.") as voice:
        assert shelf.recording(voice).is_file()
        assert shelf.find("ada") is None
    assert everything(tmp_path / "voices") == []


def test_what_is_tried_in_vain_leaves_the_voice_that_was_there(tmp_path: Path) -> None:
    shelf = VoiceShelf(tmp_path)
    before = add(shelf, "ada", tone(tmp_path))
    for recording in (tone(tmp_path, "b.wav", frames=9), tone(tmp_path)):  # another, and the very same
        with pytest.raises(ZeroDivisionError), shelf.adding("ada", recording, "Other."):
            raise ZeroDivisionError
    assert shelf.find("ada") == before
    assert everything(tmp_path / "voices") == ["ada", f"ada/{before.sha256}.wav", "ada/voice.json"]


def test_a_name_that_is_taken_is_refused_and_replaced_only_on_request(tmp_path: Path) -> None:
    shelf = VoiceShelf(tmp_path)
    shelf.must_be_free("ada")
    before = add(shelf, "ada", tone(tmp_path))
    with pytest.raises(UsageError, match="'ada' already"):
        shelf.must_be_free("ada")
    with pytest.raises(UsageError, match="--replace"):  # somebody was faster
        add(shelf, "ada", tone(tmp_path, frames=9))
    assert shelf.find("ada") == before
    after = add(shelf, "ada", tone(tmp_path, frames=9), replace=True)
    assert shelf.find("ada") == after != before
    assert everything(tmp_path / "voices") == ["ada", f"ada/{after.sha256}.wav", "ada/voice.json"]


def test_a_voice_that_is_removed_is_gone_and_the_others_are_named(tmp_path: Path) -> None:
    shelf = VoiceShelf(tmp_path)
    for name in ("bob", "ada"):
        add(shelf, name, tone(tmp_path))
    shelf.remove("ada")
    assert everything(tmp_path / "voices")[0] == "bob"
    with pytest.raises(UsageError, match=r"no cloned voice 'ada'; those there are: bob"):
        shelf.remove("ada")
    shelf.remove("bob")
    with pytest.raises(UsageError, match="those there are: none"):
        shelf.remove("bob")


def test_a_recording_that_cannot_be_read_is_no_voice(tmp_path: Path) -> None:
    shelf = VoiceShelf(tmp_path)
    with pytest.raises(UnreadableRecording), shelf.adding("ada", str(tmp_path / "none.wav"), "Hello."):
        raise AssertionError
    assert not (tmp_path / "voices").exists()


def test_what_else_lies_on_the_shelf_is_no_voice(tmp_path: Path) -> None:
    shelf = VoiceShelf(tmp_path)
    add(shelf, "ada", tone(tmp_path))
    for name, facts in (("half", "{"), ("other", "[]"), (".hidden", "{}")):
        (tmp_path / "voices" / name).mkdir()
        (tmp_path / "voices" / name / "voice.json").write_text(facts)
    (tmp_path / "voices" / "empty").mkdir()
    assert [voice.name for voice in shelf.all()] == ["ada"]


@pytest.mark.parametrize("name", ["a", "Ada-2", "x_1", "7", "小明", "Zoe\u0308", "a" * 64])
def test_letters_digits_hyphens_and_underscores_make_a_name(tmp_path: Path, name: str) -> None:
    assert checked_name(checked_name(name)) == checked_name(name)
    add(VoiceShelf(tmp_path), checked_name(name), tone(tmp_path))
    assert VoiceShelf(tmp_path).find(name) is not None


@pytest.mark.parametrize("name", ["", "-a", "_a", "a/b", "..", "a.b", "a b", "a\n", "a" * 65, "🎤"])
def test_anything_else_is_no_name_and_names_no_voice(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a voice"):
        checked_name(name)
    assert VoiceShelf(tmp_path).find(name) is None


def test_a_wavs_header_tells_its_length(tmp_path: Path) -> None:
    path = Path(tone(tmp_path))
    content = path.read_bytes()
    assert wav_seconds(str(path)) == 1.5
    path.write_bytes(content[:36] + b"LIST" + struct.pack("<I", 3) + b"odd\0" + content[36:])
    assert wav_seconds(str(path)) == 1.5
    path.write_bytes(content[:40] + b"\xff\xff\xff\xff" + content[44:])  # written as a stream
    assert wav_seconds(str(path)) == 1.5


@pytest.mark.parametrize("keep", [0, 4, 12, 20, 36, 43])
def test_what_is_no_wav_has_no_length(tmp_path: Path, keep: int) -> None:
    path = Path(tone(tmp_path))
    path.write_bytes(path.read_bytes()[:keep])
    assert wav_seconds(str(path)) is None
    path.write_bytes(b"fLaC" + bytes(60))
    assert wav_seconds(str(path)) is None
    assert wav_seconds(str(tmp_path / "none.wav")) is None
