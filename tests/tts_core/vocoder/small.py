"""A 24 kHz vocoder that is small enough for every test, and its weights."""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from tests.tts_core.small_vocoders import write_hift
from tts_core.vocoder.hift import Hift, load_hift
from tts_core.weights import read_pickled

CPU = torch.device("cpu")


def chance(seed: int) -> torch.Generator:
    """Return a generator of the test's own."""
    return torch.Generator().manual_seed(seed)


def small_hift(folder: Path) -> tuple[Hift, dict[str, Tensor]]:
    """Write a vocoder and return it loaded, with its weights as they were written."""
    path = folder / "hift.pt"
    write_hift(path, chance(0))
    return load_hift(path, device=CPU), dict(read_pickled(path).tensors)


def drawn_mel(frames: int, *, seed: int = 0) -> Tensor:
    """Draw a spectrogram, float32 [1, 80, frames]."""
    return torch.randn(1, 80, frames, generator=chance(seed))


def write_script(path: Path, module: nn.Module) -> Path:
    """Write a module as TorchScript."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is on its way out, and is what the release ships
        script = torch.jit.script(module)
        script.save(str(path))
    return path
