"""The 24 kHz vocoder once more, slow and obvious: float64, the whole at once, one tap at a time.

Written from the description of the model and not from `tts_core`, of which it uses nothing.
"""

import cmath
import math
from collections.abc import Mapping

import torch
from torch import Tensor

Weights = Mapping[str, Tensor]

STAGES = ((8, 16, 15), (5, 11, 3), (3, 7, 1))  # rate and kernel going up, rate of the excitation going down
WINDOW = torch.tensor([0.5 - 0.5 * math.cos(2 * math.pi * n / 16) for n in range(16)], dtype=torch.float64)

#: By frequency and sample.
TURNS = torch.tensor(
    [[cmath.exp(2j * math.pi * bin_ * n / 16) for n in range(16)] for bin_ in range(16)],
    dtype=torch.complex128,
)


class SlowHift:
    """The network over a whole spectrogram."""

    def __init__(self, weights: Weights) -> None:
        self.weights = {name: one.double() for name, one in weights.items()}

    def wave(self, mel: Tensor, source: Tensor) -> Tensor:
        """[M, T], [480 T] → [480 T]."""
        excitation = slow_spectra(source.double())
        x = self.conv("conv_pre", mel.double())
        for stage, (rate, kernel, down) in enumerate(STAGES):
            x = self.up(f"ups.{stage}", leaky(x, 0.1), rate, kernel)
            if stage == 2:
                x = torch.cat((x[:, 1:2], x), dim=1)
            thinned = self.conv(f"source_downs.{stage}", excitation, stride=down, padding=down // 2)
            x = x + self.block(f"source_resblocks.{stage}", thinned)
            x = sum((self.block(f"resblocks.{3 * stage + at}", x) for at in range(3)), torch.zeros(())) / 3
        found = self.conv("conv_post", leaky(x, 0.01))
        magnitude = found[:9].exp().clamp(max=100)
        return slow_wave(magnitude, found[9:].sin()).clamp(-0.99, 0.99)

    def pitch(self, mel: Tensor) -> Tensor:
        """[M, T] → [T] in Hz."""
        x = mel.double()
        for layer in (0, 2, 4, 6, 8):
            x = self.conv(f"f0_predictor.condnet.{layer}", x)
            x = torch.where(x > 0, x, x.exp() - 1)
        name = "f0_predictor.classifier"
        return (self.weights[f"{name}.weight"][0] @ x + self.weights[f"{name}.bias"]).abs()

    def source(self, pitch: Tensor, noise: Tensor) -> Tensor:
        """[T] in Hz, [480 T, 9] → [480 T]: one sample after the other."""
        weight, bias = self.weights["m_source.l_linear.weight"][0], self.weights["m_source.l_linear.bias"]
        found: list[float] = []
        for sample, drawn in enumerate(noise.double()):
            hz = float(pitch[sample // 480])
            sines = [slow_sine(pitch, harmonic, sample) for harmonic in range(1, weight.numel() + 1)]
            voiced = hz > 10
            waves = torch.tensor(sines, dtype=torch.float64) * 0.1 * voiced
            waves = waves + drawn * (0.003 if voiced else 0.1 / 3)
            found.append(math.tanh(float(weight @ waves + bias)))
        return torch.tensor(found, dtype=torch.float64)

    def weight(self, name: str) -> Tensor:
        if f"{name}.weight" in self.weights:
            return self.weights[f"{name}.weight"]
        length = self.weights[f"{name}.parametrizations.weight.original0"]
        direction = self.weights[f"{name}.parametrizations.weight.original1"]
        return length * direction / direction.square().sum(dim=(1, 2), keepdim=True).sqrt()

    def conv(
        self, name: str, x: Tensor, *, dilation: int = 1, stride: int = 1, padding: int | None = None
    ) -> Tensor:
        """[C, T] → [O, T'], with zeros beside; as many as keep the length, unless said."""
        weight = self.weight(name)
        kernel = weight.shape[2]
        beside = dilation * (kernel - 1) // 2 if padding is None else padding
        zeros = x.new_zeros(x.shape[0], beside)
        wide = torch.cat((zeros, x, zeros), dim=1)
        length = (wide.shape[1] - dilation * (kernel - 1) - 1) // stride + 1
        found = self.weights[f"{name}.bias"][:, None].repeat(1, length)
        for tap in range(kernel):
            first = tap * dilation
            found += weight[:, :, tap] @ wide[:, first : first + (length - 1) * stride + 1 : stride]
        return found

    def up(self, name: str, x: Tensor, rate: int, kernel: int) -> Tensor:
        """Each column spreads its taps: [C, T] → [O, rate · T]."""
        weight = self.weight(name)  # [C, O, K]
        beside = (kernel - rate) // 2
        found = x.new_zeros(weight.shape[1], (x.shape[1] - 1) * rate + kernel)
        for column in range(x.shape[1]):
            spread = torch.einsum("c,cok->ok", x[:, column], weight)
            found[:, column * rate : column * rate + kernel] += spread
        found = found[:, beside : found.shape[1] - beside]
        return found + self.weights[f"{name}.bias"][:, None]

    def block(self, name: str, x: Tensor) -> Tensor:
        for layer, dilation in enumerate((1, 3, 5)):
            y = self.snake(f"{name}.activations1.{layer}", x)
            y = self.conv(f"{name}.convs1.{layer}", y, dilation=dilation)
            y = self.snake(f"{name}.activations2.{layer}", y)
            x = x + self.conv(f"{name}.convs2.{layer}", y)
        return x

    def snake(self, name: str, x: Tensor) -> Tensor:
        alpha = self.weights[f"{name}.alpha"][:, None]
        return x + (alpha * x).sin() ** 2 / alpha


def leaky(x: Tensor, slope: float) -> Tensor:
    return torch.where(x > 0, x, slope * x)


def slow_sine(pitch: Tensor, harmonic: int, sample: int) -> float:
    """The phase is summed frame by frame, and between the middles of two frames it is on a line."""
    place = min(max((sample + 0.5) / 480 - 0.5, 0.0), len(pitch) - 1)
    before = int(place)
    after = min(before + 1, len(pitch) - 1)
    cycles = [float(hz) * harmonic / 24000 % 1 for hz in pitch[: after + 1]]
    start, end = math.fsum(cycles[: before + 1]), math.fsum(cycles)
    return math.sin(2 * math.pi * 480 * (start + (place - before) * (end - start)))


def slow_spectra(wave: Tensor) -> Tensor:
    """A short-time Fourier transform by its definition: [S] → [18, S / 4 + 1]."""
    before, after = wave[1:9].flip(0), wave[-9:-1].flip(0)
    wide = torch.cat((before, wave, after))
    pieces = [wide[4 * at : 4 * at + 16] * WINDOW for at in range(wave.numel() // 4 + 1)]
    found = TURNS[:9].conj() @ torch.stack(pieces, dim=1).to(torch.complex128)
    return torch.cat((found.real, found.imag))


def slow_wave(magnitude: Tensor, phase: Tensor) -> Tensor:
    """Its inverse: windowed pieces added up, over the windows added up: [9, N], [9, N] → [4 (N - 1)].

    Of a real signal: what is imaginary at its lowest and highest frequency does not count.
    """
    columns = magnitude.shape[1]
    half = magnitude * torch.exp(1j * phase)
    half[0].imag, half[8].imag = torch.zeros(2, columns, dtype=torch.float64)
    pieces = (TURNS.T @ torch.cat((half, half[1:-1].flip(0).conj()))).real / 16
    total, weight = torch.zeros(2, 4 * (columns - 1) + 16, dtype=torch.float64)
    for column in range(columns):
        total[4 * column : 4 * column + 16] += pieces[:, column] * WINDOW
        weight[4 * column : 4 * column + 16] += WINDOW**2
    return (total / weight.clamp(min=1e-11))[8:-8]


def sines_order(harmonics: int, samples: int, generator: torch.Generator) -> Tensor:
    """The excitation's noise, one number after the other, and one sine after the other: [H, S]."""
    drawn = [float(torch.randn((), generator=generator)) for _ in range(harmonics * samples)]
    return torch.tensor(drawn).view(harmonics, samples)
