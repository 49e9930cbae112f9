"""Whisper's features: a slow form, pieces of thirty seconds, and which frames count."""

import math

import pytest
import torch
from torch import Tensor

from tts_core.audio.bank import mel_bank
from tts_core.audio.whisper import whisper_features


def noise(length: int, *, channels: int = 1, level: float = 0.1) -> Tensor:
    return torch.randn(channels, length, generator=torch.Generator().manual_seed(length)) * level


def slow_features(piece: Tensor, bins: int) -> Tensor:
    """Frame by frame in float64: 400 samples every 160, centred, each line as a sum."""
    reflected = torch.cat([piece[1:201].flip(0), piece, piece[-201:-1].flip(0)]).double()
    at = torch.arange(400, dtype=torch.float64)
    hann = 0.5 - 0.5 * torch.cos(2 * math.pi * at / 400)
    turns = 2 * math.pi * torch.outer(torch.arange(201, dtype=torch.float64), at) / 400
    bank = mel_bank(rate_hz=16000, window_samples=400, bins=bins, top_hz=8000).double()
    columns: list[Tensor] = []
    for start in range(0, len(piece), 160):
        frame = reflected[start : start + 400] * hann
        power = (turns.cos() @ frame) ** 2 + (turns.sin() @ frame) ** 2
        columns.append(torch.log10((bank @ power).clamp(min=1e-10)))
    level = torch.stack(columns, dim=1)
    return ((level.maximum(level.max() - 8) + 4) / 4).float()


@pytest.mark.parametrize("bins", [80, 128])
def test_it_is_the_slow_form(bins: int) -> None:
    samples = noise(640 * 5)
    found = whisper_features(samples, 16000, bins=bins)
    assert torch.allclose(found.features[0], slow_features(samples[0], bins), atol=1e-5)


@pytest.mark.parametrize("length", [1, 159, 160, 161, 640, 641, 16000, 87504])
def test_a_piece_is_filled_up_to_whole_tokens_and_says_what_is_real(length: int) -> None:
    samples = noise(length)
    found = whisper_features(samples, 16000)
    filled = -(-length // 640) * 640
    assert found.features.shape == (1, 128, filled // 160)
    # A frame counts where it begins within the recording.
    assert torch.equal(found.mask[0], torch.tensor([start < length for start in range(0, filled, 160)]))
    padded = torch.cat([samples[0], torch.zeros(filled - length)])
    assert torch.equal(found.features, whisper_features(padded[None], 16000).features)


def test_long_recordings_come_in_pieces_of_thirty_seconds() -> None:
    samples = noise(16000 * 61)
    found = whisper_features(samples, 16000)
    assert found.features.shape == (3, 128, 3000)
    assert torch.equal(found.mask.sum(dim=1), torch.tensor([3000, 3000, 100]))
    second = whisper_features(samples[:, 480000:960000], 16000)
    assert torch.equal(second.features[0], found.features[1])


def test_the_first_channel_alone_counts() -> None:
    both = noise(3200, channels=2)
    assert torch.equal(whisper_features(both, 16000).features, whisper_features(both[:1], 16000).features)


def test_nothing_is_more_than_eight_below_the_loudest_of_its_own_piece() -> None:
    samples = torch.cat([noise(480000, level=0.5), noise(480000, level=0.0005)], dim=1)
    found = whisper_features(samples, 16000).features
    for piece in found:
        assert float(piece.min()) >= float(piece.max()) - 8 / 4 - 1e-6
    assert float(found[1].max()) < float(found[0].max()) - 1


def test_another_rate_is_resampled_first() -> None:
    found = whisper_features(noise(44100), 44100)
    assert found.features.shape == (1, 128, 100)
