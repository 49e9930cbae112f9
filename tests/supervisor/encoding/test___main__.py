"""The encoding process as the parent starts it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.supervisor.encoding.sounds import heard_by_av, tone
from tests.tree import ROOT

COMMAND = [sys.executable, "-m", "supervisor.encoding"]
HEADER = b'{"format":"mp3","sample_rate_hz":24000}\n'

pytestmark = pytest.mark.processes


def run(said: bytes, **environ: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        COMMAND, input=said, cwd=ROOT, env={**os.environ, **environ}, capture_output=True, check=False
    )


def test_samples_go_in_and_the_container_comes_out() -> None:
    done = run(HEADER + tone(1, 24_000), TTS_SUPERVISOR_PARENT=str(os.getpid()))
    assert (done.returncode, done.stderr) == (0, b"")
    assert 1.0 <= heard_by_av(done.stdout).seconds <= 1.2


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", b"the input ended before its first line"),
        (b"no header\n", b"the first line is no header"),
        (HEADER, b"no samples came"),
        (HEADER + tone(0.1, 24_000) + b"x", b"the samples ended in the middle of one"),
    ],
)
def test_what_goes_wrong_is_one_line_and_status_1(said: bytes, why: bytes) -> None:
    done = run(said)
    assert done.returncode == 1
    assert done.stderr.startswith(why)
    assert done.stderr.count(b"\n") == 1


def test_without_pyav_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "av.py").write_text("raise ImportError('no FFmpeg here')")
    done = run(HEADER, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == b"PyAV cannot be loaded: no FFmpeg here; pip install av\n"


def test_a_reader_that_leaves_ends_it_without_a_word() -> None:
    process = subprocess.Popen(
        COMMAND, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.close()
    process.stdin.write(HEADER)
    with pytest.raises(BrokenPipeError):
        process.stdin.write(tone(30, 24_000))
    _, words = process.communicate()
    assert (process.returncode, words) == (-13, b"")


def test_it_does_nothing_for_a_parent_that_is_gone() -> None:
    # Process 2 is never ours: what starts it here is this test, so the parent it was given is gone.
    done = run(HEADER + tone(1, 24_000), TTS_SUPERVISOR_PARENT="2")
    assert (done.returncode, done.stdout) == (113, b"")
