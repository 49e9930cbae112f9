"""A home for every test of the command line."""

from pathlib import Path

import pytest

from tests.supervisor.cli.driver import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A fresh home folder, in which commands run."""
    return Home(path=tmp_path)
