"""What both halves of the vocoder are made of: weight-normed convolutions, Snake, residual blocks."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import weight_norm

#: Dilations of the first convolution in each of a block's three rounds.
DILATIONS = (1, 3, 5)

_TINY = 1e-9


def normed_conv(into: int, out: int, kernel: int, *, dilation: int = 1) -> nn.Module:
    """Return a convolution that keeps the length, its weight in the checkpoint as length and direction."""
    padding = dilation * (kernel - 1) // 2
    return weight_norm(nn.Conv1d(into, out, kernel, padding=padding, dilation=dilation))


def settle(module: nn.Module) -> None:
    """Replace every weight that is kept as length and direction by the weight itself, once for all."""
    for part in module.modules():
        if parametrize.is_parametrized(part, "weight"):
            parametrize.remove_parametrizations(part, "weight", leave_parametrized=True)
            part.requires_grad_(requires_grad=False)


class Snake(nn.Module):
    """x + sin²(αx) / α (Ziyin et al. 2020), with an α for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] → [B, C, T]."""
        alpha = self.alpha.view(1, -1, 1)
        wave = (x * alpha).sin_().square_()
        return wave.mul_(1.0 / (alpha + _TINY)).add_(x)


class ResBlock(nn.Module):
    """Three rounds of Snake and convolution, dilated and not, each around a residual."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        wide = (normed_conv(channels, channels, kernel, dilation=dilation) for dilation in DILATIONS)
        self.convs1 = nn.ModuleList(wide)
        self.convs2 = nn.ModuleList(normed_conv(channels, channels, kernel) for _ in DILATIONS)
        self.activations1 = nn.ModuleList(Snake(channels) for _ in DILATIONS)
        self.activations2 = nn.ModuleList(Snake(channels) for _ in DILATIONS)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] → [B, C, T]."""
        rounds = zip(self.activations1, self.convs1, self.activations2, self.convs2, strict=True)
        for first, wide, second, narrow in rounds:
            x = narrow(second(wide(first(x)))) + x
        return x
