"""What is taken from torchaudio: it imports beside any torch, and its numbers are what a slow form says."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.tree import ROOT
from tts_core.audio.standard import kaldi_fbank, resample
from tts_core.errors import RecordingError
from tts_core.weights import read_safetensors


def noise(length: int, *, channels: int = 1) -> Tensor:
    return torch.randn(channels, length, generator=torch.Generator().manual_seed(length)) * 0.1


def slow_resampled(samples: Tensor, rate_hz: int, to_hz: int) -> list[float]:
    """Sample by sample: six zero crossings of a sinc on each side, under a squared cosine."""
    edge_hz = min(rate_hz, to_hz) * 0.99
    found: list[float] = []
    for n in range(-(-len(samples) * to_hz // rate_hz)):
        centre = n * rate_hz / to_hz
        reach = int(6 * rate_hz / edge_hz) + 1
        total = 0.0
        for i in range(max(0, int(centre) - reach), min(len(samples), int(centre) + reach + 2)):
            t = (i - centre) / rate_hz * edge_hz
            if abs(t) < 6:
                sinc = math.sin(math.pi * t) / (math.pi * t) if t else 1.0
                total += float(samples[i]) * sinc * math.cos(math.pi * t / 12) ** 2 * edge_hz / rate_hz
        found.append(total)
    return found


@pytest.mark.parametrize(
    ("rate_hz", "to_hz"), [(8000, 24000), (22050, 16000), (44100, 32000), (96000, 16000), (32000, 24000)]
)
def test_resampling_is_the_slow_form(rate_hz: int, to_hz: int) -> None:
    samples = noise(400)
    slow = torch.tensor([slow_resampled(samples[0], rate_hz, to_hz)])
    # The filters of 44.1 kHz are made of long products in float32.
    assert torch.allclose(resample(samples, rate_hz, to_hz), slow, atol=1e-5)


def test_the_same_rate_is_left_alone() -> None:
    samples = noise(100)
    assert resample(samples, 16000, 16000) is samples


@pytest.mark.parametrize(("rate_hz", "to_hz"), [(44099, 16000), (22254, 31999)])
def test_rates_with_nothing_in_common_are_refused_instead_of_filling_the_memory(
    rate_hz: int, to_hz: int
) -> None:
    with pytest.raises(RecordingError, match=f"convert the recording to {to_hz} Hz first"):
        resample(noise(1000), rate_hz, to_hz)


@pytest.mark.parametrize(
    "rate_hz", [8000, 11025, 12000, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 192000]
)
def test_every_common_rate_can_be_had_at_every_rate_of_the_model(rate_hz: int) -> None:
    for to_hz in (16000, 24000, 32000):
        assert resample(noise(rate_hz // 5), rate_hz, to_hz).shape == (1, to_hz // 5)


def slow_fbank(samples: Tensor, bins: int) -> Tensor:
    """Kaldi's filter bank in float64, frame by frame, with the recipe's own defaults."""

    def mel(hz: Tensor) -> Tensor:
        return 1127 * torch.log(1 + hz / 700)

    at = torch.arange(400, dtype=torch.float64)
    povey = (0.5 - 0.5 * torch.cos(2 * math.pi * at / 399)) ** 0.85
    lines = mel(torch.arange(256, dtype=torch.float64) * 16000 / 512)
    turns = 2 * math.pi * torch.outer(torch.arange(256, dtype=torch.float64), at) / 512
    low, high = mel(torch.tensor(20.0, dtype=torch.float64)), mel(torch.tensor(8000.0, dtype=torch.float64))
    edges = low + (high - low) * torch.arange(bins + 2, dtype=torch.float64) / (bins + 1)
    weights = torch.stack(
        [
            torch.minimum((lines - a) / (b - a), (c - lines) / (c - b)).clamp(min=0)
            for a, b, c in zip(edges, edges[1:], edges[2:], strict=False)
        ]
    )
    rows: list[Tensor] = []
    for start in range(0, len(samples) - 400 + 1, 160):
        frame = samples[start : start + 400].double()
        frame = frame - frame.mean()
        frame = frame - 0.97 * torch.cat([frame[:1], frame[:-1]])
        shaped = frame * povey
        power = (turns.cos() @ shaped) ** 2 + (turns.sin() @ shaped) ** 2
        rows.append(torch.log((weights @ power).clamp(min=torch.finfo(torch.float32).eps)))
    return torch.stack(rows).float()


def test_the_filter_bank_is_the_slow_form() -> None:
    samples = noise(16000)
    assert torch.allclose(kaldi_fbank(samples, 16000, bins=80), slow_fbank(samples[0], 80), atol=2e-3)


def test_it_draws_nothing_at_random() -> None:
    samples = noise(16000)
    before = torch.get_rng_state()
    assert torch.equal(kaldi_fbank(samples, 16000, bins=80), kaldi_fbank(samples, 16000, bins=80))
    assert torch.equal(torch.get_rng_state(), before)


FRESH = """
import sys, torch
from tts_core.audio.standard import kaldi_fbank, resample
assert "torchaudio" not in sys.modules
fbank = kaldi_fbank(torch.ones(1, 800), 16000, bins=80)
print(resample(torch.ones(1, 160), 16000, 24000).shape[1], len(fbank))
"""


def test_it_is_imported_when_it_is_first_needed_and_beside_any_torch() -> None:
    command = [sys.executable, "-W", "error", "-c", FRESH]
    seen = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    assert (seen.stdout.split(), seen.stderr) == (["240", "3"], "")


def test_they_are_the_numbers_of_the_reference(parity: Path) -> None:
    known = read_safetensors([parity / "parts" / "features.io.safetensors"]).tensors
    assert torch.allclose(resample(known["wav32k"], 32000, 24000), known["resampled24k"], atol=1e-6)
    fbank = kaldi_fbank(resample(known["wav32k"], 32000, 16000), 16000, bins=80)
    # Logarithms of bins that hold next to nothing: float64 throughout is as far away.
    assert torch.allclose(fbank, known["fbank16k"], atol=3e-4)
    assert float((fbank - known["fbank16k"]).abs().mean()) < 1e-5
