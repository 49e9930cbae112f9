import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from supervisor.wire.version import VERSION
from tests.tree import ROOT

pytestmark = pytest.mark.processes


def version(cwd: Path) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-m", "supervisor", "--version"]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(cwd)}
    return subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_the_version_is_told_at_once() -> None:
    def took_s() -> float:
        started_s = time.perf_counter()
        assert version(ROOT).stdout == f"tts-supervisor {VERSION}\n"
        return time.perf_counter() - started_s

    # The best of a few: the promise is about this program, not about the machine's other work.
    assert min(took_s() for _ in range(5)) < 0.1


def test_supervisord_among_our_files_is_noticed_at_start(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "supervisor", tmp_path / "supervisor", ignore=shutil.ignore_patterns("__pycache__")
    )
    assert version(tmp_path).returncode == 0
    (tmp_path / "supervisor" / "supervisord.py").touch()
    done = version(tmp_path)
    assert done.returncode == 2
    assert "environment of its own" in done.stderr
