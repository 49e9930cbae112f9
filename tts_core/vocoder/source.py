"""The excitation: what the vocal cords would do, as a wave of the full sample rate.

Spectrogram → fundamental frequency a frame → sines of it and its harmonics, noise where there is no voice
→ one wave (Wang et al. 2019, in the form where phases are summed up frame by frame).
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's documentation writes it so
from torch import Tensor, nn

from tts_core.vocoder.layers import normed_conv

RATE_HZ = 24000
FRAME_SAMPLES = 480

_VOICED_HZ = 10.0  # below it there is no voice
_SINE = 0.1  # amplitude of each sine
_NOISE = 0.003  # beside the sines, in voiced frames
_LAYERS = 5


class PitchPredictor(nn.Module):
    """The fundamental frequency of each frame."""

    def __init__(self, mel_bins: int, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for layer in range(_LAYERS):
            layers += [normed_conv(channels if layer else mel_bins, channels, 3), nn.ELU()]
        self.condnet = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, 1)

    def forward(self, mel: Tensor) -> Tensor:
        """float32 [1, M, T] → float32 [1, T] in Hz."""
        return self.classifier(self.condnet(mel).transpose(1, 2)).squeeze(-1).abs()


class Source(nn.Module):
    """The excitation for a course of pitch."""

    def __init__(self, harmonics: int) -> None:
        super().__init__()
        self.l_linear = nn.Linear(harmonics, 1)

    def forward(self, pitch: Tensor, generator: torch.Generator) -> Tensor:
        """Make the excitation.

        Args:
            pitch: float32 [1, T] in Hz.
            generator: Of it are drawn, in this order and on its own device, rand(1, H), the noise of one sine
                after the other and randn(1, S, 1), with S = 480 T and H = the sines. The first are phases
                that the reference adds to a sample which its interpolation then skips, the last a noise that
                it makes and throws away: they are drawn so that the generator stands where it would.

        Returns:
            float32 [1, 1, S].
        """
        harmonics = self.l_linear.in_features
        samples = pitch.shape[1] * FRAME_SAMPLES
        device = generator.device
        torch.rand(1, harmonics, generator=generator, device=device)
        # As `randn_like` draws for the reference's sines, [1, S, H] that lie in memory sine by sine: that
        # decides the order of the numbers, and on the CPU the numbers too.
        noise = torch.empty(1, harmonics, samples, device=device).transpose(1, 2)
        noise = noise.normal_(generator=generator).to(pitch.device)
        torch.randn(1, samples, 1, generator=generator, device=device)

        voiced = (pitch > _VOICED_HZ).float().repeat_interleave(FRAME_SAMPLES, dim=1).unsqueeze(-1)
        waves = noise.mul_(voiced * _NOISE + (1 - voiced) * _SINE / 3)
        waves.add_(sines(pitch, harmonics).transpose(1, 2).mul_(_SINE).mul_(voiced))
        return self.l_linear(waves).tanh_().transpose(1, 2)


def sines(pitch: Tensor, harmonics: int) -> Tensor:
    """Return sines of a course of pitch and of its multiples: float32 [1, T] in Hz → float32 [1, H, 480 T].

    Cycles are summed frame by frame, and phases drawn out linearly from the middle of one frame to the
    middle of the next; the order of the operations is the reference's, since phases grow to thousands of
    radians and float32 rounds them.
    """
    multiples = torch.arange(1, harmonics + 1, device=pitch.device, dtype=pitch.dtype)
    cycles = (pitch.unsqueeze(-1) * multiples / RATE_HZ) % 1
    phase = torch.cumsum(cycles, dim=1) * 2 * math.pi
    drawn = phase.transpose(1, 2) * FRAME_SAMPLES
    return F.interpolate(drawn, scale_factor=float(FRAME_SAMPLES), mode="linear").sin_()
