"""Whisper's features, which the speech tokenizer reads: log mels of 16 kHz in pieces of 30 s.

After Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision" (2022): 128 bins,
10 ms a frame, decimal logarithms that reach 8 below the piece's loudest, moved to about -1 … 1.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tts_core.audio.bank import mel_bank
from tts_core.audio.standard import resample

RATE_HZ = 16000
HOP_SAMPLES = 160
WINDOW_SAMPLES = 400
PIECE_S = 30

_TOP_HZ = 8000.0
_LEAST_POWER = 1e-10
_RANGE = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WhisperFeatures:
    """The pieces of a recording, all as long as the longest.

    Attributes:
        features: float32 [B, bins, T].
        mask: bool [B, T]: which frames have samples of the recording behind them.
    """

    features: Tensor
    mask: Tensor


@torch.inference_mode()
def whisper_features(
    samples: Tensor, rate_hz: int, *, bins: int = 128, multiple_samples: int = 640
) -> WhisperFeatures:
    """Return the features of a recording's first channel, in pieces of 30 s that do not overlap.

    Args:
        samples: float32 [C, N], N > 0, full scale = 1.0. The first channel alone counts, as upstream has it.
        rate_hz: Of them.
        bins: Of the filter bank.
        multiple_samples: Of this many samples at 16 kHz each piece becomes a multiple, by zeros.
    """
    mono = resample(samples[:1], rate_hz, RATE_HZ)[0]
    pieces = mono.split(PIECE_S * RATE_HZ)
    longest = -(-len(pieces[0]) // multiple_samples) * multiple_samples
    bank = mel_bank(rate_hz=RATE_HZ, window_samples=WINDOW_SAMPLES, bins=bins, top_hz=_TOP_HZ)
    padded = [functional.pad(piece, (0, longest - len(piece))) for piece in pieces]
    starts = torch.arange(0, longest, HOP_SAMPLES)
    return WhisperFeatures(
        features=torch.stack([_log_mel(piece, bank) for piece in padded]),
        mask=torch.stack([starts < len(piece) for piece in pieces]),
    )


def _log_mel(piece: Tensor, bank: Tensor) -> Tensor:
    """Return float32 [bins, N / hop] of [N]: frames centred on their hops, reflected at both ends."""
    window = torch.hann_window(WINDOW_SAMPLES)
    spectrum = torch.stft(
        piece, WINDOW_SAMPLES, HOP_SAMPLES, window=window, center=True, return_complex=True
    )[:, :-1]  # fmt: skip
    power = spectrum.real.square() + spectrum.imag.square()
    level = (bank @ power).clamp(min=_LEAST_POWER).log10()
    return (level.maximum(level.max() - _RANGE) + 4.0) / 4.0
