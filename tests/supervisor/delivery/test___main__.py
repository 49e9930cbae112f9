"""The delivery process as the parent starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tree import ROOT

COMMAND = [sys.executable, "-m", "supervisor.delivery"]


def order_lines(path: Path) -> list[bytes]:
    head: dict[str, object] = {"path": str(path), "format": "flac", "sample_rate_hz": 8000, "title": "T"}
    lines = [head, {"silence_s": 1.0}, {"silence_s": 0.5}, {"end": True}]
    return [json.dumps(line).encode() + b"\n" for line in lines]


def run(said: bytes, **environ: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        COMMAND, input=said, cwd=ROOT, env={**os.environ, **environ}, capture_output=True, check=False
    )


def test_it_gives_signs_of_life_and_answers_with_one_line_of_json(tmp_path: Path) -> None:
    done = run(b"".join(order_lines(tmp_path / "a.flac")), TTS_SUPERVISOR_PARENT=str(os.getpid()))
    signs, answer = done.stdout[:1], done.stdout.strip()
    assert (done.returncode, done.stderr, signs, answer.count(b"\n")) == (0, b"", b"\n", 0)
    assert json.loads(done.stdout)["ok"]["samples"] == 12_000


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_an_order_cut_off_leaves_no_file(tmp_path: Path, kept: int) -> None:
    done = run(b"".join(order_lines(tmp_path / "a.flac")[:kept]))
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["kind"] == "internal"
    assert list(tmp_path.iterdir()) == []


def test_it_does_nothing_for_a_parent_that_is_gone(tmp_path: Path) -> None:
    # Process 2 is never ours: what starts it here is this test, so the parent it was given is gone.
    done = run(b"".join(order_lines(tmp_path / "a.flac")), TTS_SUPERVISOR_PARENT="2")
    assert (done.returncode, done.stdout) == (113, b"")
    assert list(tmp_path.iterdir()) == []
