"""The mel filter bank of Slaney's Auditory Toolbox (1998), as librosa has made it common.

Below 1 kHz the scale is linear, 200/3 Hz a mel; above it is logarithmic, 27 mels from 1 to 6.4 kHz. Each
filter is a triangle of area one, so that a bank of any width gives a flat spectrum the same height.
"""

import math

import torch
from torch import Tensor

_LINEAR_HZ_PER_MEL = 200 / 3
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _LINEAR_HZ_PER_MEL
_NEPERS_PER_MEL = math.log(6.4) / 27


def mel_bank(*, rate_hz: int, window_samples: int, bins: int, top_hz: float) -> Tensor:
    """Return the weights of a spectrum's lines in each bin, from 0 Hz on.

    Args:
        rate_hz: Of the samples.
        window_samples: Of one transform.
        bins: How many.
        top_hz: Where the last one ends; at most half the rate.

    Returns:
        float32 [bins, window / 2 + 1], computed in float64.
    """
    lines_hz = torch.linspace(0, rate_hz / 2, window_samples // 2 + 1, dtype=torch.float64)
    edges_hz = _hz(torch.linspace(0, _mel(top_hz), bins + 2, dtype=torch.float64))
    low, middle, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rising, falling = (lines_hz - low) / (middle - low), (high - lines_hz) / (high - middle)
    area_hz = (high - low) / 2
    return (torch.minimum(rising, falling).clamp(min=0) / area_hz).float()


def _mel(hz: float) -> float:
    if hz < _KNEE_HZ:
        return hz / _LINEAR_HZ_PER_MEL
    return _KNEE_MEL + math.log(hz / _KNEE_HZ) / _NEPERS_PER_MEL


def _hz(mels: Tensor) -> Tensor:
    logarithmic = _KNEE_HZ * torch.exp((mels - _KNEE_MEL) * _NEPERS_PER_MEL)
    return torch.where(mels < _KNEE_MEL, mels * _LINEAR_HZ_PER_MEL, logarithmic)
