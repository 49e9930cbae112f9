"""A stand-in for the 32 kHz vocoder, which is a TorchScript file alone: Vocos (Siuzdak, 2023) of its size."""

import math
import warnings
from pathlib import Path
from typing import Protocol, cast

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's documentation writes it so
from torch import Generator, Tensor, nn


class _Script(Protocol):
    def save(self, path: str, /) -> None: ...


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.beside = nn.Conv1d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.wide = nn.Linear(channels, 3 * channels)
        self.narrow = nn.Linear(3 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        mixed = self.norm(self.beside(x.transpose(1, 2)).transpose(1, 2))
        return x + self.narrow(F.gelu(self.wide(mixed)))


class _Vocos(nn.Module):
    """Spectrogram [B, T, 80] to samples [B, 640 T] by spectra of 2560."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.begin = nn.Linear(80, channels)
        self.blocks = nn.Sequential(*(_Block(channels) for _ in range(blocks)))
        self.end = nn.Linear(channels, 2562)
        self.register_buffer("window", torch.hann_window(2560))

    def forward(self, mel: Tensor) -> Tensor:
        loudness, phase = self.end(self.blocks(self.begin(mel))).chunk(2, dim=-1)
        spectra = torch.polar(torch.exp(loudness.clamp(max=3.0)), phase)
        waves = torch.fft.irfft(spectra, 2560, dim=-1) * self.window  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] -- untyped
        frames = mel.shape[1]
        whole = F.fold(
            waves.transpose(1, 2),  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] -- as above
            (1, (frames - 1) * 640 + 2560),
            (1, 2560),
            stride=(1, 640),
        )
        return whole[:, 0, 0, 960 : 960 + frames * 640].clamp(-0.99, 0.99)


def write_vocos(path: Path, channels: int, blocks: int) -> None:
    """Write a TorchScript file of random weights."""
    chance = Generator().manual_seed(0)
    network = _Vocos(channels, blocks).eval()
    for name, one in network.named_parameters():
        if name.endswith("norm.weight"):
            one.data.fill_(1.0)
        else:
            scale = 0.1 if one.dim() == 1 else math.prod(one.shape[1:]) ** -0.5
            one.data.normal_(0.0, scale, generator=chance)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is on its way out, and is what the release ships
        cast("_Script", torch.jit.script(network)).save(str(path))  # pyright: ignore[reportUnknownMemberType] -- untyped
