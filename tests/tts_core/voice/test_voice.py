"""A voice's file: comes back as it went, and nothing damaged is taken for a voice."""

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator

from tests.tts_core.small_draw import normal
from tts_core.errors import CheckpointError, SettingError
from tts_core.voice.voice import REVISION, Voice


def some_voice(*, seed: int = 0, text: str = "他当时还跟线下其他的人吵架。") -> Voice:
    chance = Generator().manual_seed(seed)
    return Voice(
        name="Ada",
        text=text,
        speech=torch.randint(0, 32768, (1, 125), generator=chance).int(),
        mels={24000: normal(chance, 1, 250, 80), 32000: normal(chance, 1, 250, 80)},
        embedding=normal(chance, 1, 192),
        recording_sha256="ab" * 32,
        checkpoint_id="cd" * 8,
    )


def same(one: Voice, other: Voice) -> bool:
    """Whether two voices are equal in everything."""
    words = [
        (voice.name, voice.text, voice.recording_sha256, voice.checkpoint_id, *voice.mels)
        for voice in (one, other)
    ]
    tensors = zip(
        (one.speech, one.embedding, *one.mels.values()),
        (other.speech, other.embedding, *other.mels.values()),
        strict=True,
    )
    return words[0] == words[1] and all(a.dtype == b.dtype and torch.equal(a, b) for a, b in tensors)


def test_it_comes_back_as_it_went(tmp_path: Path) -> None:
    voice = some_voice()
    voice.save(tmp_path / "new" / "folder" / "a.safetensors")
    assert same(Voice.load(tmp_path / "new" / "folder" / "a.safetensors"), voice)
    assert os.listdir(tmp_path / "new" / "folder") == ["a.safetensors"]  # noqa: PTH208 -- of names alone


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_whatever_is_said_in_it_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("voices") / "a.safetensors"
    voice = replace(some_voice(), text=text, name=text[::-1])
    voice.save(path)
    assert same(Voice.load(path), voice)


def test_the_same_voice_is_the_same_bytes(tmp_path: Path) -> None:
    some_voice().save(tmp_path / "a")
    some_voice().save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_five_seconds_take_little(tmp_path: Path) -> None:
    voice = some_voice()
    voice.save(tmp_path / "a")
    tensors = 125 * 4 + 2 * 250 * 80 * 4 + 192 * 4
    assert voice.held_bytes == tensors
    assert tensors < (tmp_path / "a").stat().st_size < tensors + 1000


def test_what_was_loaded_does_not_hang_on_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    some_voice().save(path)
    voice = Voice.load(path)
    path.write_bytes(bytes(path.stat().st_size))
    assert same(voice, some_voice())


# ------------------------------------------------------------------ damage


@given(at=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_a_changed_byte_anywhere_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, at: int, flip: int
) -> None:
    path = tmp_path_factory.mktemp("voices") / "a"
    some_voice().save(path)
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= flip
    path.write_bytes(content)
    try:
        voice = Voice.load(path)
    except CheckpointError:
        return
    assert same(voice, some_voice())  # a blank of the header's padding, at most


@pytest.mark.parametrize("kept", [0, 7, 8, 100, 1000, -1])
def test_a_file_cut_short_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "a"
    some_voice().save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="damaged"):
        Voice.load(path)


def test_no_file_and_no_voice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such voice"):
        Voice.load(tmp_path / "a")
    (tmp_path / "a").write_bytes(safetensors.torch.save({"other": torch.ones(3)}))
    with pytest.raises(CheckpointError, match="not the file of a voice"):
        Voice.load(tmp_path / "a")
    with pytest.raises(CheckpointError, match="damaged"):
        Voice.load(tmp_path)


def test_another_revision_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        later.setattr("tts_core.voice.voice.REVISION", REVISION + 1)
        some_voice().save(tmp_path / "a")
    with pytest.raises(CheckpointError, match=f"revision {REVISION + 1}, this is {REVISION}"):
        Voice.load(tmp_path / "a")


def test_tensors_of_other_shapes_are_no_voice() -> None:
    voice = some_voice()
    with pytest.raises(
        ValueError, match=r"speech \(125,\), embedding \(1, 191\), mel at 24000 Hz \(1, 80, 250\)"
    ):
        replace(
            voice,
            speech=voice.speech[0],
            embedding=voice.embedding[:, :191],
            mels={24000: voice.mels[24000].mT},
        )
    with pytest.raises(ValueError, match="int64"):
        replace(voice, speech=voice.speech.long())


# ------------------------------------------------------------------ writing


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    with pytest.raises(SettingError, match="the voice cannot be kept"):
        some_voice().save(tmp_path / "file" / "a")


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()  # a name that no file can be moved to: the last step fails
    with pytest.raises(SettingError, match="the voice cannot be kept"):
        some_voice().save(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_who_reads_while_others_write_sees_a_whole_voice_or_none(tmp_path: Path) -> None:
    path, voices = tmp_path / "a", [some_voice(seed=seed) for seed in range(2)]
    voices[0].save(path)

    def write(voice: Voice) -> None:
        for _ in range(20):
            voice.save(path)

    writers = [threading.Thread(target=write, args=(voice,)) for voice in voices]
    for writer in writers:
        writer.start()
    seen = 0
    while any(writer.is_alive() for writer in writers):
        found = Voice.load(path)
        assert any(same(found, voice) for voice in voices)
        seen += 1
    assert seen > 0
    assert [one.name for one in tmp_path.iterdir()] == ["a"]
