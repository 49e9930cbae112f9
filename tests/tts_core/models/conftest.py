"""A hub to fetch from, and the command that fetches, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tree import ROOT
from tests.tts_core.small_hub import SmallHub

#: Runs `python -m tts_core.models` with some words, and ends it after so many seconds at the most.
Models = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def hub(small_checkpoint: Path, small_configs: Path) -> Iterator[SmallHub]:
    """The small checkpoint as it would be published: two parts with the code, the rest on the hub."""
    with SmallHub(small_checkpoint, {}) as served:
        served.code["frontend/campplus.onnx"] = served.files.pop("frontend/campplus.onnx")
        served.code |= {f"configs/{path.name}": path.read_bytes() for path in small_configs.iterdir()}
        yield served


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nobody's token, nobody's mirror, and no proxy between us and ourselves."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return {**env, "HF_HOME": str(tmp_path / "hf"), "NO_PROXY": "*", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def get(hub: SmallHub, environment: dict[str, str]) -> Models:
    """Run `get glm-tts FOLDER` against the hub."""

    def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            get_command(hub, folder, *words), env=environment, capture_output=True, text=True, check=False
        )

    return run


def get_command(hub: SmallHub, folder: Path, *words: str) -> list[str]:
    """Return the command line that fetches from a hub."""
    command = [sys.executable, "-P", "-m", "tts_core.models", "get", "glm-tts", str(folder)]
    return [*command, "--endpoint", hub.url, "--github", f"{hub.url}/raw", *words]
