"""HiFT's network (Li et al. 2023): spectrogram and excitation → complex spectra of the wave.

Named as in the checkpoint. Rates and kernels are the released model's; widths are what the weights say.

    mel ─ conv ─▶ ×8, + source, blocks ─▶ ×5, + source, blocks ─▶ ×3, + source, blocks ─ conv ─▶ spectra
    T                   8 T                    40 T                  120 T + 1
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's documentation writes it so
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from tts_core.vocoder.layers import DILATIONS, ResBlock, normed_conv
from tts_core.vocoder.source import FRAME_SAMPLES, PitchPredictor, Source

#: Short-time Fourier transform of excitation and wave, in samples.
WINDOW_SAMPLES = 16
HOP_SAMPLES = 4

#: Each stage's rate, kernel of its upsampling, and kernel of the block that its excitation goes through.
_STAGES = ((8, 16, 7), (5, 11, 7), (3, 7, 11))
_BLOCKS = (3, 7, 11)
_EDGE = 7  # kernel of the first and of the last convolution
_SLOPE = 0.1

#: Columns of spectrum in a frame of the spectrogram.
COLUMNS = math.prod(rate for rate, _, _ in _STAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Widths:
    """How wide a vocoder is; the released one's numbers are the defaults.

    Attributes:
        mel_bins: Of the spectrogram.
        channels: Of the first layer; each stage halves them.
        pitch_channels: Of the pitch predictor.
        harmonics: Sines in the excitation, the fundamental among them.
    """

    mel_bins: int = 80
    channels: int = 512
    pitch_channels: int = 512
    harmonics: int = 9


class Generator(nn.Module):
    """The whole network, pitch and excitation among it."""

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        bins = WINDOW_SAMPLES + 2  # real and imaginary parts, or magnitudes and phases
        self.widths = widths
        self.f0_predictor = PitchPredictor(widths.mel_bins, widths.pitch_channels)
        self.m_source = Source(widths.harmonics)
        self.conv_pre = normed_conv(widths.mel_bins, widths.channels, _EDGE)
        self.ups = nn.ModuleList()
        self.source_downs = nn.ModuleList()
        self.source_resblocks = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        wide, below = widths.channels, COLUMNS
        for rate, kernel, source_kernel in _STAGES:
            narrow, below = wide // 2, below // rate
            padding = (kernel - rate) // 2
            self.ups.append(weight_norm(nn.ConvTranspose1d(wide, narrow, kernel, rate, padding=padding)))
            self.source_downs.append(_thinning(bins, narrow, below))
            self.source_resblocks.append(ResBlock(narrow, source_kernel))
            self.resblocks.extend(ResBlock(narrow, block) for block in _BLOCKS)
            wide = narrow
        self.conv_post = normed_conv(wide, bins, _EDGE)

    @property
    def numbers_a_frame(self) -> tuple[int, int, int]:
        """The most numbers held at once for one frame: making the excitation, keeping it, in the network."""
        widths = self.widths
        spectra = (WINDOW_SAMPLES + 2) * COLUMNS
        # Noise and sines side by side; then the wave and its spectra, taken apart.
        waves = FRAME_SAMPLES * (2 * widths.harmonics + 5)
        excitation = max(3 * widths.pitch_channels, waves, 2 * FRAME_SAMPLES + 3 * spectra)
        wide, columns, network = widths.channels, 1, 4 * spectra
        for rate, _, _ in _STAGES:
            wide, columns = wide // 2, columns * rate
            network = max(network, 7 * wide * columns)  # of a block, their sum, what goes into all
        return excitation, spectra + widths.mel_bins, network + spectra

    def forward(self, mel: Tensor, excitation: Tensor) -> tuple[Tensor, Tensor]:
        """Return the wave's spectra.

        Args:
            mel: float32 [B, M, T].
            excitation: float32 [B, 18, 120 T + 1]: its spectra, real parts before imaginary ones.

        Returns:
            Magnitudes and phases, each float32 [B, 9, 120 T + 1].
        """
        x = self.conv_pre(mel)
        for stage, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, _SLOPE))
            if stage == len(_STAGES) - 1:
                x = F.pad(x, (1, 0), mode="reflect")  # the spectra have a column more than the frames fill
            x = x + self.source_resblocks[stage](self.source_downs[stage](excitation))
            x = self._heard(stage, x)
        # The slope here is torch's default and not that of the stages: so was the model trained.
        loudness, phase = self.conv_post(F.leaky_relu(x)).chunk(2, dim=1)
        return loudness.exp(), phase.sin()

    def _heard(self, stage: int, x: Tensor) -> Tensor:
        first = stage * len(_BLOCKS)
        total = self.resblocks[first](x)
        for block in range(1, len(_BLOCKS)):
            total = total + self.resblocks[first + block](x)
        return total / len(_BLOCKS)


def _thinning(bins: int, channels: int, rate: int) -> nn.Conv1d:
    if rate == 1:
        return nn.Conv1d(bins, channels, 1)
    return nn.Conv1d(bins, channels, 2 * rate, rate, padding=rate // 2)


def reach_frames() -> int:
    """Return how many frames beside a sample the network hears in making it, rounded up.

    Walks from the wave back to the spectrogram; at each stage the excitation leaves the path, through a block
    of its own. What the pitch predictor hears is not in it: pitch and excitation are made of the whole.
    """
    columns_in_frame = COLUMNS
    reach = (WINDOW_SAMPLES / 2 / HOP_SAMPLES + _EDGE // 2) / columns_in_frame
    most = reach
    for rate, kernel, source_kernel in reversed(_STAGES):
        # One more for the column that the last stage is shifted by, and for roundings of the strides.
        reach += (_block_reach(_BLOCKS) + 1) / columns_in_frame
        most = max(most, reach + (_block_reach([source_kernel]) + 2) / columns_in_frame)
        reach += kernel / columns_in_frame
        columns_in_frame //= rate
    return math.ceil(max(most, reach + _EDGE // 2))


def _block_reach(kernels: Sequence[int]) -> int:
    return max(kernel // 2 * sum(dilation + 1 for dilation in DILATIONS) for kernel in kernels)


def spectra(wave: Tensor) -> Tensor:
    """Return the spectra of a wave, real parts before imaginary ones: [B, 480 T] → [B, 18, 120 T + 1]."""
    window = torch.hann_window(WINDOW_SAMPLES, device=wave.device)
    found = torch.stft(wave, WINDOW_SAMPLES, HOP_SAMPLES, window=window, return_complex=True)
    return torch.cat((found.real, found.imag), dim=1)


def wave_of(magnitude: Tensor, phase: Tensor) -> Tensor:
    """Return the wave of its spectra, both [B, 9, 120 T + 1]: [B, 480 T]. Magnitudes above 100 are cut."""
    magnitude = magnitude.clamp(max=100.0)
    window = torch.hann_window(WINDOW_SAMPLES, device=magnitude.device)
    whole = torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
    return torch.istft(whole, WINDOW_SAMPLES, HOP_SAMPLES, window=window)
