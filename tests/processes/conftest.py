"""Fixtures of the tests that run the whole product."""

import contextlib
import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.processes.narration import ours_below


@pytest.fixture(autouse=True)
def no_leftovers(tmp_path: Path) -> Generator[None]:
    """End what a failed test would leave running for ever on the machine."""
    yield
    for pid in ours_below(tmp_path):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
