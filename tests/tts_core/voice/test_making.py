"""Making a voice: the reference's numbers, once only, and nothing of the checkpoint is held afterwards."""

import gc
import shutil
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.tree import ROOT
from tests.tts_core.small_checkpoint import write_recording
from tests.tts_core.voice.test_voice import same
from tts_core.audio.recording import read_recording
from tts_core.errors import CheckpointError, RecordingError
from tts_core.voice.making import make_voice, voice_from
from tts_core.voice.speech_config import SpeechTokenizerConfig
from tts_core.voice.speech_tokenizer import SpeechTokenizer
from tts_core.voice.store import VoiceStore
from tts_core.voice.voice import Voice
from tts_core.weights import read_safetensors

CPU = torch.device("cpu")


def made(recording: Path, checkpoint: Path, *, strict: bool = True) -> Voice:
    return make_voice(
        read_recording(recording, strict=strict),
        "What is said.",
        checkpoint,
        device=CPU,
        checkpoint_id="this one",
        name="Ada",
    )


def test_everything_is_there_for_both_sample_rates(small_reference: Path, small_checkpoint: Path) -> None:
    voice = made(small_reference, small_checkpoint)
    assert voice.speech.shape == (1, 100)
    assert {rate_hz: mel.shape for rate_hz, mel in voice.mels.items()} == {
        24000: (1, 200, 80),
        32000: (1, 200, 80),
    }
    assert voice.embedding.shape == (1, 192)
    assert (voice.name, voice.text, voice.checkpoint_id) == ("Ada", "What is said.", "this one")
    assert voice.recording_sha256 == read_recording(small_reference).sha256


@pytest.mark.parametrize(("seconds", "rate_hz"), [(0.2, 24000), (2.0, 8000), (2.0, 96000), (35.0, 16000)])
def test_short_long_low_and_high_ones_have_features_of_one_length(
    tmp_path: Path, small_checkpoint: Path, seconds: float, rate_hz: int
) -> None:
    path = write_recording(tmp_path / "a.wav", seed=1, seconds=seconds, rate_hz=rate_hz)
    voice = made(path, small_checkpoint, strict=False)
    assert voice.speech.shape == (1, round(seconds * 25))
    assert {mel.shape[1] for mel in voice.mels.values()} == {round(seconds * 50)}


def test_a_stereo_recording_has_the_words_of_its_first_channel(
    small_checkpoint: Path, tmp_path: Path
) -> None:
    mono = read_recording(write_recording(tmp_path / "a.wav", seed=1))
    both = torch.cat([mono.samples, torch.zeros_like(mono.samples)])
    one = make_voice(mono, "", small_checkpoint, device=CPU)
    two = make_voice(replace(mono, samples=both), "", small_checkpoint, device=CPU)
    assert torch.equal(one.speech, two.speech)
    assert float((one.mels[24000] - two.mels[24000]).mean()) > 0.5  # half as loud: ln 2 lower


# ------------------------------------------------------------------ nothing is held


def test_the_speech_tokenizer_is_gone_afterwards(small_reference: Path, small_checkpoint: Path) -> None:
    seen: list[weakref.ref[SpeechTokenizer]] = []
    begin = SpeechTokenizer.__init__
    gc.disable()  # it must go because nobody holds it, not when a collector comes by
    try:
        with pytest.MonkeyPatch.context() as patch:

            def watched(self: SpeechTokenizer, config: SpeechTokenizerConfig) -> None:
                begin(self, config)
                seen.append(weakref.ref(self))

            patch.setattr(SpeechTokenizer, "__init__", watched)
            voice = made(small_reference, small_checkpoint)
        assert [watch() for watch in seen] == [None]
    finally:
        gc.enable()
    mapped = Path("/proc/self/maps").read_text("utf-8")
    assert str(small_checkpoint / "speech_tokenizer") not in mapped
    assert voice.held_bytes < 200_000


# ------------------------------------------------------------------ once


def test_a_voice_is_computed_once(small_reference: Path, small_checkpoint: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    for part in ("speech_tokenizer", "frontend"):
        shutil.copytree(small_checkpoint / part, checkpoint / part)
    recording, store = read_recording(small_reference), VoiceStore(tmp_path / "voices")

    def asked(text: str) -> Voice:
        return voice_from(store, recording, text, checkpoint, device=CPU, checkpoint_id="x")

    first = asked("A text.")
    shutil.rmtree(checkpoint)  # from here on, nothing could be computed
    assert same(asked("A text."), first)
    assert asked("Another text.").text == "Another text."
    with pytest.raises(CheckpointError):
        voice_from(store, recording, "A text.", checkpoint, device=CPU, checkpoint_id="y")


def test_a_damaged_voice_is_made_anew(small_reference: Path, small_checkpoint: Path, tmp_path: Path) -> None:
    recording, store = read_recording(small_reference), VoiceStore(tmp_path / "voices")

    def asked() -> Voice:
        return voice_from(store, recording, "T", small_checkpoint, device=CPU, checkpoint_id="x")

    first = asked()
    (path,) = store.folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:5000])
    assert same(asked(), first)
    assert path.read_bytes() == whole


def test_voice_a_leaves_no_trace_in_voice_b(small_checkpoint: Path, tmp_path: Path) -> None:
    a, b = (write_recording(tmp_path / f"{seed}.wav", seed=seed) for seed in (1, 2))
    alone = made(b, small_checkpoint)
    for _ in range(3):
        made(a, small_checkpoint)
        assert same(made(b, small_checkpoint), alone)


FRESH = """
import sys, torch
from pathlib import Path
from tests.tts_core.voice.test_making import made
made(Path(sys.argv[1]), Path(sys.argv[2])).save(Path(sys.argv[3]))
"""


def test_a_fresh_process_makes_the_same_bytes(
    small_reference: Path, small_checkpoint: Path, tmp_path: Path
) -> None:
    files = [str(small_reference), str(small_checkpoint), str(tmp_path / "fresh")]
    subprocess.run([sys.executable, "-c", FRESH, *files], cwd=ROOT, check=True)
    made(small_reference, small_checkpoint).save(tmp_path / "here")
    assert (tmp_path / "here").read_bytes() == (tmp_path / "fresh").read_bytes()


def test_in_a_checkout_the_speaker_encoder_is_found_beside_the_checkpoint(
    small_reference: Path, small_checkpoint: Path, tmp_path: Path
) -> None:
    for part in ("speech_tokenizer", "frontend"):
        shutil.copytree(small_checkpoint / part, tmp_path / "ckpt" / part)
    shutil.move(tmp_path / "ckpt" / "frontend", tmp_path / "frontend")
    voice = made(small_reference, tmp_path / "ckpt")
    assert torch.equal(voice.embedding, made(small_reference, small_checkpoint).embedding)


# ------------------------------------------------------------------ what cannot be


@pytest.mark.parametrize("part", ["speech_tokenizer/config.json", "frontend/campplus.onnx"])
def test_a_missing_part_is_named(
    small_reference: Path, small_checkpoint: Path, tmp_path: Path, part: str
) -> None:
    checkpoint = tmp_path / "checkpoint"
    for folder in ("speech_tokenizer", "frontend"):
        shutil.copytree(small_checkpoint / folder, checkpoint / folder)
    (checkpoint / part).unlink()
    with pytest.raises(CheckpointError, match=part):
        made(small_reference, checkpoint)


def test_a_rate_like_no_other_is_refused(small_checkpoint: Path, tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.wav", seed=1, rate_hz=44099)
    with pytest.raises(RecordingError, match="44099 Hz have too little in common"):
        made(path, small_checkpoint)


# ------------------------------------------------------------------ the reference's numbers


@pytest.mark.parametrize("rate_hz", [24000, 32000])
def test_the_tiny_checkpoint_gives_the_voice_of_the_reference(parity: Path, rate_hz: int) -> None:
    known = read_safetensors([parity / "tiny" / "expected" / f"{rate_hz}.safetensors"]).tensors
    voice = made(parity / "tiny" / "reference.wav", parity / "tiny" / "checkpoint")
    assert torch.equal(voice.speech, known["prompt_speech"])
    assert torch.allclose(voice.mels[rate_hz], known["prompt_feat"], atol=1e-3)
    assert torch.allclose(voice.embedding, known["embedding"], atol=1e-3)
