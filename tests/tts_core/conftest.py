"""What every test of the engine library may need: a small checkpoint, its tables, the reference results."""

import os
from pathlib import Path

import pytest

from tests.tree import ROOT
from tests.tts_core.small_checkpoint import make_small_checkpoint, make_small_configs, write_recording


@pytest.fixture(scope="session")
def parity() -> Path:
    """The folder of reference results; most clones have none."""
    given = os.environ.get("TTS_SUPERVISOR_PARITY")
    folder = Path(given) if given else ROOT.parent / "shared" / "parity"
    if not (folder / "golden_text.jsonl").is_file():
        pytest.skip("no reference results here: set TTS_SUPERVISOR_PARITY to their folder")
    return folder


@pytest.fixture(scope="session")
def small_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole checkpoint in the release's layout; to be read only."""
    return make_small_checkpoint(tmp_path_factory.mktemp("checkpoint"), seed=0)


@pytest.fixture(scope="session")
def small_configs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pronunciation tables in the model's formats; to be read only."""
    return make_small_configs(tmp_path_factory.mktemp("configs"))


@pytest.fixture(scope="session")
def small_reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of four seconds, mono at 24 kHz; to be read only."""
    return write_recording(tmp_path_factory.mktemp("recording") / "reference.wav", seed=0)
