"""The prompt's mel: the reference's numbers, a slow form, and no trace of the calls before."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tts_core.audio.bank import mel_bank
from tts_core.audio.mel import prompt_mel
from tts_core.audio.recording import read_recording
from tts_core.errors import RecordingError, SettingError
from tts_core.weights import read_safetensors

#: What logarithms of the quietest bins differ by when a transform sums in another order.
NOISE = 3e-4


def noise(seconds: float, rate_hz: int, *, channels: int = 1, seed: int = 0) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.randn(channels, int(seconds * rate_hz), generator=chance) * 0.1


def slow_mel(samples: Tensor, rate_hz: int) -> Tensor:
    """Frame by frame in float64, each line of the spectrum as a sum of cosines and sines."""
    hop, window = rate_hz // 50, rate_hz // 50 * 4
    mono, margin = samples.double().mean(dim=0), (window - hop) // 2
    reflected = torch.cat([mono[1 : margin + 1].flip(0), mono, mono[-margin - 1 : -1].flip(0)])
    at = torch.arange(window, dtype=torch.float64)
    hann = 0.5 - 0.5 * torch.cos(2 * math.pi * at / window)
    turns = 2 * math.pi * torch.outer(torch.arange(window // 2 + 1, dtype=torch.float64), at) / window
    bank = mel_bank(rate_hz=rate_hz, window_samples=window, bins=80, top_hz=8000).double()
    frames: list[Tensor] = []
    for start in range(0, len(reflected) - window + 1, hop):
        frame = reflected[start : start + window] * hann
        power = (turns.cos() @ frame) ** 2 + (turns.sin() @ frame) ** 2
        frames.append(torch.log((bank @ torch.sqrt(power + 1e-9)).clamp(min=1e-5)))
    return torch.stack(frames)[None].float()


@pytest.mark.parametrize("rate_hz", [24000, 32000])
@pytest.mark.parametrize("level", [1.0, 1e-4])  # the second is as quiet as the least power that counts
def test_it_is_the_slow_form(rate_hz: int, level: float) -> None:
    samples = noise(0.3, rate_hz, channels=2) * level
    assert torch.allclose(prompt_mel(samples, rate_hz, to_hz=rate_hz), slow_mel(samples, rate_hz), atol=1e-4)


@pytest.mark.parametrize("to_hz", [24000, 32000])
@pytest.mark.parametrize(
    ("rate_hz", "length"), [(8000, 8000), (44100, 44099), (96000, 130000), (22050, 1500)]
)
def test_it_has_fifty_frames_a_second_rounded_down(rate_hz: int, length: int, to_hz: int) -> None:
    mel = prompt_mel(noise(1, length), rate_hz, to_hz=to_hz)
    resampled = -(-length * to_hz // rate_hz)
    assert mel.shape == (1, resampled // (to_hz // 50), 80)
    assert mel.dtype == torch.float32


def test_a_tone_is_louder_at_the_higher_rate_by_the_longer_window() -> None:
    tone = 0.3 * torch.sin(2 * math.pi * 1000 * torch.arange(96000) / 48000)[None]
    high, low = (float(prompt_mel(tone, 48000, to_hz=to_hz).max()) for to_hz in (32000, 24000))
    assert abs(high - low - math.log(32 / 24)) < 0.02


def test_both_rates_may_take_turns_in_one_process() -> None:
    samples = noise(1, 22050)
    first = {to_hz: prompt_mel(samples, 22050, to_hz=to_hz) for to_hz in (24000, 32000)}
    for _ in range(50):
        for to_hz, mel in first.items():
            assert torch.equal(prompt_mel(samples, 22050, to_hz=to_hz), mel)


def test_channels_count_by_their_mean() -> None:
    both = noise(1, 24000, channels=2)
    mean = both.mean(dim=0, keepdim=True)
    assert torch.equal(prompt_mel(both, 24000, to_hz=24000), prompt_mel(mean, 24000, to_hz=24000))


def test_silence_is_the_lowest_level() -> None:
    mel = prompt_mel(torch.zeros(1, 24000), 24000, to_hz=24000)
    assert bool(mel.isfinite().all())
    assert float(mel.max()) < -9


def test_less_than_half_a_window_is_refused() -> None:
    assert prompt_mel(noise(1, 721), 24000, to_hz=24000).shape == (1, 1, 80)
    with pytest.raises(RecordingError, match=r"0\.030 s"):
        prompt_mel(noise(1, 720), 24000, to_hz=24000)


def test_another_rate_has_no_vocoder() -> None:
    with pytest.raises(SettingError, match="none for 44100"):
        prompt_mel(noise(1, 24000), 24000, to_hz=44100)


# ------------------------------------------------------------------ the reference's numbers


def test_it_is_the_mel_of_the_reference(parity: Path) -> None:
    known = read_safetensors([parity / "parts" / "features.io.safetensors"]).tensors
    mel = prompt_mel(known["wav32k"], 32000, to_hz=24000)
    difference = (mel.mT - known["mel24k"]).abs()
    assert float(difference.max()) < NOISE
    assert float(difference.mean()) < 1e-6


@pytest.mark.parametrize("rate_hz", [24000, 32000])
def test_it_is_the_prompt_of_the_tiny_checkpoint(parity: Path, rate_hz: int) -> None:
    expected = parity / "tiny" / "expected" / f"{rate_hz}.safetensors"
    known = read_safetensors([expected]).tensors["prompt_feat"]
    recording = read_recording(parity / "tiny" / "reference.wav")
    mel = prompt_mel(recording.samples, recording.rate_hz, to_hz=rate_hz)
    assert mel.shape == known.shape
    assert float((mel - known).abs().max()) < NOISE
