"""The vocoders of the small checkpoint: a narrow HiFT, and TorchScript of the 32 kHz one's signature."""

import warnings
from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from tests.tts_core.small_draw import Tensors, normal

_BASE, _MEL = 16, 80
_RATES, _KERNELS = (8, 5, 3), (16, 11, 7)
_SPECTRUM = 18  # 9 magnitudes and 9 phases of a transform of 16
#: Voiced whatever the mel: the pitch is this, give or take what the predictor adds.
_PITCH_HZ = 160.0


def write_hift(path: Path, chance: Generator) -> None:
    """Write `hift.pt` with 16 channels at its widest."""
    torch.save(_hift(chance), path)


def _hift(chance: Generator) -> Tensors:
    tensors: Tensors = {}
    tensors |= _normed(chance, "conv_pre", _BASE, _MEL, kernel=7)
    tensors |= _pitch(chance)
    tensors["m_source.l_linear.weight"] = normal(chance, 1, 9, scale=0.4)
    tensors["m_source.l_linear.bias"] = normal(chance, 1, scale=0.05)
    for stage, (rate, kernel) in enumerate(zip(_RATES, _KERNELS, strict=True)):
        wide = _BASE >> stage
        # Transposed: inner first, and a norm for each inner channel; keeps the variance of what it spreads.
        tensors |= _normed(chance, f"ups.{stage}", wide, wide // 2, kernel=kernel, gain=(rate / 2) ** 0.5)
        tensors[f"ups.{stage}.bias"] = normal(chance, wide // 2, scale=0.1)
        stride = (15, 3, 1)[stage]
        size = 2 * stride if stride > 1 else 1
        tensors[f"source_downs.{stage}.weight"] = normal(
            chance, wide // 2, _SPECTRUM, size, scale=(_SPECTRUM * size) ** -0.5
        )
        tensors[f"source_downs.{stage}.bias"] = normal(chance, wide // 2, scale=0.1)
        tensors |= _block(chance, f"source_resblocks.{stage}", wide // 2, (7, 7, 11)[stage])
        for at, size in enumerate((3, 7, 11)):
            tensors |= _block(chance, f"resblocks.{3 * stage + at}", wide // 2, size)
    tensors |= _normed(chance, "conv_post", _SPECTRUM, _BASE >> len(_RATES), kernel=7)
    tensors["conv_post.bias"][: _SPECTRUM // 2] = -1.0  # logarithms of magnitudes: neither silent nor clipped
    return tensors


def _pitch(chance: Generator) -> Tensors:
    tensors: Tensors = {}
    for layer in (0, 2, 4, 6, 8):
        inner = _MEL if layer == 0 else _BASE // 2
        tensors |= _normed(chance, f"f0_predictor.condnet.{layer}", _BASE // 2, inner, kernel=3)
    tensors["f0_predictor.classifier.weight"] = normal(chance, 1, _BASE // 2, scale=20.0)
    tensors["f0_predictor.classifier.bias"] = torch.tensor([_PITCH_HZ])
    return tensors


def _block(chance: Generator, name: str, wide: int, kernel: int) -> Tensors:
    tensors: Tensors = {}
    for layer in range(3):
        for half in (1, 2):
            tensors |= _normed(chance, f"{name}.convs{half}.{layer}", wide, wide, kernel=kernel, gain=0.5)
            tensors[f"{name}.activations{half}.{layer}.alpha"] = 1 + normal(chance, wide, scale=0.2)
    return tensors


def _normed(  # noqa: PLR0913 -- a layer has as many sizes
    chance: Generator, name: str, outer: int, inner: int, *, kernel: int, gain: float = 1.0
) -> Tensors:
    return {
        f"{name}.parametrizations.weight.original0": gain * (1 + normal(chance, outer, 1, 1, scale=0.1)),
        f"{name}.parametrizations.weight.original1": normal(chance, outer, inner, kernel),
        f"{name}.bias": normal(chance, outer, scale=0.1),
    }


class _Spread(nn.Module):
    """The 32 kHz vocoder's signature: [B, T, 80], lowered by its mean level, to [B, 640 T]."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.spread = nn.Linear(_MEL, 640)
        self.spread.weight = nn.Parameter(weight, requires_grad=False)
        nn.init.zeros_(self.spread.bias)

    def forward(self, mel: Tensor) -> Tensor:
        return 0.3 * torch.tanh(torch.flatten(self.spread(mel), 1))


def write_vocos(path: Path, chance: Generator) -> None:
    """Write a TorchScript file whose samples follow the mel."""
    weight = normal(chance, 640, _MEL, scale=_MEL**-0.5)
    # Rows that sum to nothing: the level of the mel, which is far from zero, does not drown its shape.
    weight -= weight.mean(dim=1, keepdim=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is on its way out, and is what the release ships
        torch.jit.script(_Spread(weight)).save(str(path))
