"""The 32 kHz vocoder: a TorchScript file of which nothing is known but how it is called.

Its code comes with it, and there is no other form of it. It is run as it is written, without what TorchScript
would do to make it faster: that changes the code after the first and the second call by what those were
given, so the same input would not give the same bytes and the same memory each time, nor in another process.
"""

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from torch import Tensor
from torch.jit._script import RecursiveScriptModule

from tts_core import weights
from tts_core.errors import CheckpointError
from tts_core.precision import exact_convolutions

RATE_HZ = 32000

#: The file was trained on spectrograms of another scale: this is added to the logarithms.
_LEVEL = -7.847762537473608


class Vocos:
    """A vocoder that is ready to speak; holds its weights and nothing else."""

    def __init__(self, script: RecursiveScriptModule, *, path: Path, device: torch.device) -> None:
        self._script = script
        self._path = path
        self._device = device

    @property
    def sample_rate_hz(self) -> int:
        """Of the samples."""
        return RATE_HZ

    @property
    def device(self) -> torch.device:
        """Where the weights are, and where samples come out."""
        return self._device

    @property
    def held_bytes(self) -> int:
        """Bytes of the weights."""
        return weights.held_bytes([self._script])

    @torch.inference_mode()
    def wave(self, mel: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Return all samples.

        Args:
            mel: float32 [1, M, T].
            generator: Not used: nothing is drawn. Vocoders are called alike.

        Returns:
            float32 [1, 640 T]; of a single frame [1, 1280], since it is spoken twice, as the reference does.

        Raises:
            CheckpointError: If the file does not turn a spectrogram into samples.
        """
        del generator
        frames = mel.shape[2]
        if frames == 0:
            return torch.zeros(1, 0, device=self._device)
        given = mel.to(device=self._device, dtype=torch.float32)
        if frames == 1:
            given = given.repeat(1, 1, 2)
        with exact_convolutions(self._device), _as_written():
            found = self._script(given.transpose(1, 2) + _LEVEL)
        return self._checked(found)

    def pieces(self, mel: Tensor, *, generator: torch.Generator | None = None) -> Iterator[Tensor]:
        """Make the samples; in one piece, since nobody knows how far the file hears.

        Yields:
            float32 [N], once; nothing for a spectrogram without frames.
        """
        found = self.wave(mel, generator=generator)
        if found.shape[1]:
            yield found[0]

    def _checked(self, found: object) -> Tensor:
        if not isinstance(found, Tensor) or found.shape[:-1] != (1,):
            seen = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise CheckpointError(f"{self._path}: gave {seen} for a spectrogram, and not [1, samples]")
        return found.float()


def _as_written() -> AbstractContextManager[None]:
    return torch.jit.optimized_execution(False)  # pyright: ignore[reportPrivateImportUsage] -- is documented


def load_vocos(path: Path, *, device: torch.device) -> Vocos:
    """Load `vocos2d/generator_jit.ckpt` of a checkpoint.

    Raises:
        CheckpointError: If it is missing, or no TorchScript file.
    """
    if not path.is_file():
        raise CheckpointError(
            f"{path}: there is no such file; without it there is no 32 kHz, 24000 needs none"
        )
    try:
        with warnings.catch_warnings():
            # torch would have TorchScript replaced by torch.export; this file exists in no other form.
            warnings.filterwarnings("ignore", message=r"`torch\.jit")
            script = torch.jit.load(str(path), map_location=device)
    except RuntimeError as error:
        # Its first line; what torch has to say about likelihoods comes after a full stop.
        first = str(error).strip().partition("\n")[0].partition(". This is")[0]
        raise CheckpointError(f"{path}: no TorchScript, or cut short ({first}); download it again") from None
    script.eval()
    return Vocos(script, path=path, device=device)
