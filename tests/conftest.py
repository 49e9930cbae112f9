"""Fixtures that more than one folder of tests needs."""

import shutil
from pathlib import Path

import pytest

from tests.standin.driver import StandinDriver, build


@pytest.fixture(scope="session")
def standin_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stand-in for libnvidia-ml.so.1."""
    if shutil.which("gcc") is None:
        pytest.skip("the stand-in driver is built with gcc")
    return build(tmp_path_factory.mktemp("standin"))


@pytest.fixture
def standin_driver(standin_library: Path, tmp_path: Path) -> StandinDriver:
    """A scripted NVIDIA driver, for processes started with its `env`; see tests/standin/driver.py."""
    return StandinDriver(standin_library, tmp_path / "nvml-standin")
