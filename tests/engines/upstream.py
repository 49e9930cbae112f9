"""Make a checkout of the stand-in for GLM-TTS: its code copied, its checkpoint drawn by chance."""

import contextlib
import os
import shutil
import sys
import wave
from collections.abc import Generator
from pathlib import Path

import numpy as np
import torch

from tests.tree import ROOT

_CODE = ROOT / "tests" / "engines" / "upstream_checkout"
_WIDTH = 16


def make_checkout(folder: Path, *, seed: int = 0) -> Path:
    """Copy the code, write the parts where the release has them, and return the folder."""
    shutil.copytree(_CODE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    chance = torch.Generator().manual_seed(seed)
    parts: dict[str, dict[str, torch.Tensor]] = {
        "llm/model.pt": {
            "text": torch.randn(256, _WIDTH, generator=chance),
            "audio": torch.randn(512, _WIDTH, generator=chance),
            "turn": torch.randn(_WIDTH, _WIDTH, generator=chance),
        },
        # A part that is worth reading ahead.
        "speech_tokenizer/model.pt": {"codebook": torch.randint(0, 32768, (200_000,), generator=chance)},
        "flow/flow.pt": {"model": torch.randn(512, _WIDTH, generator=chance)},
        "hift/hift.pt": {"loudness": torch.tensor(0.3)},
        "vocos2d/generator_jit.ckpt": {"loudness": torch.tensor(0.25)},
    }
    for name, tensors in parts.items():
        path = folder / "ckpt" / name
        path.parent.mkdir(parents=True)
        torch.save(tensors, path)
    (folder / "frontend").mkdir()
    speaker = np.random.default_rng(seed).standard_normal(192).astype("<f4")
    (folder / "frontend" / "campplus.onnx").write_bytes(speaker.tobytes())
    return folder


def make_recording(path: Path, *, tone_hz: float = 180.0, seconds: float = 2.0) -> Path:
    """Write a recording of a voice that swells and fades."""
    at_s = np.arange(round(seconds * 16_000)) / 16_000
    samples = 0.4 * np.sin(2 * np.pi * tone_hz * at_s) * (0.6 + 0.4 * np.sin(2 * np.pi * tone_hz / 60 * at_s))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


@contextlib.contextmanager
def process_left_as_it_was() -> Generator[None]:
    """Undo what opening a checkout does to a process that is no child: folder, path, modules, devices."""
    folder, path = Path.cwd(), [*sys.path]
    devices = os.environ.get("CUDA_VISIBLE_DEVICES")
    known = {*sys.modules}
    try:
        yield
    finally:
        os.chdir(folder)
        sys.path[:] = path
        _set("CUDA_VISIBLE_DEVICES", devices)
        for name in [name for name in {*sys.modules} - known if "glmtts_inference.py" in _beside(name)]:
            del sys.modules[name]


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def _beside(module: str) -> set[str]:
    """Names of the files in the folder of a module's top package."""
    top = sys.modules.get(module.partition(".")[0])
    file = getattr(top, "__file__", None)
    if file is None:
        return set()
    folder = Path(file).parent.parent if Path(file).name == "__init__.py" else Path(file).parent
    return {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
