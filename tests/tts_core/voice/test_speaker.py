"""The speaker encoder: the reference's embedding, channels, and files that are none."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

from tests.tree import ROOT
from tests.tts_core.small_draw import normal
from tests.tts_core.small_onnx import speaker_encoder
from tts_core.audio.recording import read_recording
from tts_core.audio.standard import kaldi_fbank, resample
from tts_core.errors import CheckpointError
from tts_core.voice.speaker import SpeakerEncoder
from tts_core.weights import read_safetensors

MATRIX = normal(Generator().manual_seed(5), 80, 192, scale=0.1)


@pytest.fixture
def encoder(tmp_path: Path) -> SpeakerEncoder:
    path = tmp_path / "campplus.onnx"
    path.write_bytes(speaker_encoder(numbers(MATRIX)))
    return SpeakerEncoder(path)


def numbers(tensor: Tensor) -> list[float]:
    return [float(one) for one in tensor.flatten()]


def noise(length: int, *, channels: int = 1) -> Tensor:
    return normal(Generator().manual_seed(length), channels, length, scale=0.1)


def test_the_model_is_given_the_filter_bank_without_its_mean_over_time(encoder: SpeakerEncoder) -> None:
    samples = noise(24000, channels=2)
    mono = resample((samples[:1] + samples[1:]) / 2, 24000, 16000)
    fbank = kaldi_fbank(mono, 16000, bins=80)
    levelled = fbank - fbank.sum(dim=0) / len(fbank)
    expected = (levelled.abs().sum(dim=0) / len(fbank)) @ MATRIX  # what the small encoder computes
    found = encoder.embedding(samples, 24000)
    assert (found.shape, found.dtype) == ((1, 192), torch.float32)
    assert torch.allclose(found[0], expected, atol=1e-4)


def test_it_takes_silence_and_the_shortest_there_is(encoder: SpeakerEncoder) -> None:
    assert bool(encoder.embedding(torch.zeros(1, 16000), 16000).isfinite().all())
    assert encoder.embedding(noise(400), 16000).shape == (1, 192)


def test_what_ran_before_changes_nothing(encoder: SpeakerEncoder) -> None:
    samples = noise(50000)
    alone = encoder.embedding(samples, 22050)
    for length in (500, 44100, 160000):
        encoder.embedding(noise(length), 16000)
    assert torch.equal(encoder.embedding(samples, 22050), alone)


# ------------------------------------------------------------------ files that are none


def test_a_missing_file_says_where_it_is_to_be_had(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file; it lies in the model's repository on GitHub"):
        SpeakerEncoder(tmp_path / "campplus.onnx")


@pytest.mark.parametrize("content", [b"", b"not onnx at all", speaker_encoder(numbers(MATRIX))[:-2000]])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "campplus.onnx"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"campplus\.onnx: damaged, or no ONNX model"):
        SpeakerEncoder(path)


def test_an_answer_that_is_no_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "campplus.onnx"
    path.write_bytes(speaker_encoder([float("nan")] * (80 * 192)))
    with pytest.raises(CheckpointError, match="not 192 numbers"):
        SpeakerEncoder(path).embedding(noise(16000), 16000)


IMPORTS = """
import sys
from pathlib import Path
import tts_core.voice.making
from tts_core.voice.speaker import SpeakerEncoder
early = "onnxruntime" in sys.modules
encoder = SpeakerEncoder(Path(sys.argv[1]))
print(early, "onnxruntime" in sys.modules, encoder._session.get_providers())
"""


def test_the_library_is_imported_by_the_first_encoder_and_stays_on_the_cpu(tmp_path: Path) -> None:
    path = tmp_path / "campplus.onnx"
    path.write_bytes(speaker_encoder(numbers(MATRIX)))
    command = [sys.executable, "-c", IMPORTS, str(path)]
    seen = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    assert seen.stdout.strip() == "False True ['CPUExecutionProvider']"


# ------------------------------------------------------------------ the reference's numbers


@pytest.mark.parametrize("folder", ["24000", "32000", "32000_ph"])
def test_the_embedding_is_the_one_of_the_reference(parity: Path, folder: str) -> None:
    known = read_safetensors([parity / "tiny" / "expected" / f"{folder}.safetensors"]).tensors["embedding"]
    recording = read_recording(parity / "tiny" / "reference.wav")
    own = SpeakerEncoder(parity / "tiny" / "checkpoint" / "frontend" / "campplus.onnx")
    assert torch.allclose(own.embedding(recording.samples, recording.rate_hz), known, atol=1e-4)
