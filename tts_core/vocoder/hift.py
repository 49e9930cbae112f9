"""The 24 kHz vocoder: spectrogram → samples, in pieces.

Pitch and excitation are made of the whole spectrogram, they are cheap. The network runs piece by piece, each
with as many frames on both sides as it can hear, so that its memory does not grow with the segment.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from tts_core import weights
from tts_core.precision import exact_convolutions
from tts_core.vocoder.generator import COLUMNS, Generator, Widths, reach_frames, spectra, wave_of
from tts_core.vocoder.layers import settle
from tts_core.vocoder.source import FRAME_SAMPLES, RATE_HZ
from tts_core.weights import Weights, fit, read_pickled

#: Two seconds. The frames beside them are a third more work; a longer piece is less of that, and more memory.
PIECE_FRAMES = 100

_LOUDEST = 0.99


class Hift:
    """A vocoder that is ready to speak; holds its weights and nothing else."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._beside_frames = reach_frames()

    @property
    def sample_rate_hz(self) -> int:
        """Of the samples."""
        return RATE_HZ

    @property
    def device(self) -> torch.device:
        """Where the weights are, and where samples come out."""
        return self._generator.m_source.l_linear.weight.device

    @property
    def held_bytes(self) -> int:
        """Bytes of the weights."""
        return weights.held_bytes([self._generator])

    def peak_bytes(self, frames: int) -> int:
        """Return the most that `pieces` hold at once beside the weights, for a spectrogram of so many frames.

        Of tensors: what a library's kernel takes for itself within one operation is not in it.
        """
        excitation, kept, network = self._generator.numbers_a_frame
        once = min(frames, PIECE_FRAMES + 2 * self._beside_frames) * network
        return torch.float32.itemsize * max(frames * excitation, frames * kept + once)

    def wave(
        self, mel: Tensor, *, generator: torch.Generator | None = None, source: Tensor | None = None
    ) -> Tensor:
        """Return all samples at once: those of `pieces`, one after the other.

        Args:
            mel: float32 [1, M, T].
            generator: The excitation's chance, see `Source`.
            source: float32 [1, 1, 480 T], the excitation itself in its stead.

        Returns:
            float32 [1, 480 T], within ±0.99.

        Raises:
            ValueError: If not exactly one of `generator` and `source` is given.
        """
        found = list(self.pieces(mel, generator=generator, source=source))
        return torch.cat(found).unsqueeze(0) if found else torch.zeros(1, 0, device=self.device)

    def pieces(
        self, mel: Tensor, *, generator: torch.Generator | None = None, source: Tensor | None = None
    ) -> Iterator[Tensor]:
        """Make the samples, two seconds at a time; nothing is drawn before the first piece is asked for.

        Args and errors are those of `wave`.

        Yields:
            float32 [N], N = 48,000 save in the last.
        """
        if (generator is None) == (source is None):
            raise ValueError("give either a generator or the excitation itself")
        return self._made(mel, generator, source)

    def _made(
        self, mel: Tensor, generator: torch.Generator | None, source: Tensor | None
    ) -> Iterator[Tensor]:
        frames = mel.shape[2]
        if frames == 0:
            return
        mel = mel.to(device=self.device, dtype=torch.float32)
        excitation = self._excitation(mel, generator, source)
        for first in range(0, frames, PIECE_FRAMES):
            yield self._piece(mel, excitation, first, min(first + PIECE_FRAMES, frames))

    @torch.inference_mode()
    def _excitation(self, mel: Tensor, generator: torch.Generator | None, source: Tensor | None) -> Tensor:
        if source is None:
            assert generator is not None
            with exact_convolutions(self.device):
                pitch: Tensor = self._generator.f0_predictor(mel)
            found: Tensor = self._generator.m_source(pitch, generator)
        else:
            found = source.to(self.device)
        assert found.shape == (1, 1, mel.shape[2] * FRAME_SAMPLES)
        return spectra(found.squeeze(1))

    @torch.inference_mode()
    def _piece(self, mel: Tensor, excitation: Tensor, first: int, end: int) -> Tensor:
        begin = max(first - self._beside_frames, 0)
        until = min(end + self._beside_frames, mel.shape[2])
        heard = excitation[..., begin * COLUMNS : until * COLUMNS + 1]
        with exact_convolutions(self.device):
            magnitude, phase = self._generator(mel[..., begin:until], heard)
        wave = wave_of(magnitude, phase).clamp_(-_LOUDEST, _LOUDEST)
        return wave[0, (first - begin) * FRAME_SAMPLES : (end - begin) * FRAME_SAMPLES].clone()


def load_hift(path: Path, *, device: torch.device) -> Hift:
    """Load `hift/hift.pt` of a checkpoint, in float32.

    Raises:
        CheckpointError: If it is missing, damaged, or of another model; wrong tensors are all named.
    """
    found = read_pickled(path)
    with torch.device("meta"):
        generator = Generator(_widths(found))
    fit(generator, found, device=device, dtype=torch.float32)
    with torch.no_grad():
        settle(generator)
    return Hift(generator)


def _widths(found: Weights) -> Widths:
    """Read the widths off the weights; where one is missing, `fit` says so for the released ones."""
    defaults = Widths()

    def size(name: str, dimension: int, default: int) -> int:
        tensor = found.tensors.get(name)
        return tensor.shape[dimension] if tensor is not None and tensor.dim() > dimension else default

    first = "conv_pre.parametrizations.weight.original1"
    return Widths(
        mel_bins=size(first, 1, defaults.mel_bins),
        channels=size(first, 0, defaults.channels),
        pitch_channels=size("f0_predictor.classifier.weight", 1, defaults.pitch_channels),
        harmonics=size("m_source.l_linear.weight", 1, defaults.harmonics),
    )
