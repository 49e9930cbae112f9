"""Segment files: whole or not there, whatever happens while they are written."""

import hashlib
import os
import resource
import signal
import subprocess
import sys
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.edge.audiofile import HEADER_BYTES, AudioPart, sha256_of_file, wav_header
from supervisor.errors import Unwritable
from tests.tree import ROOT


def test_a_committed_file_is_a_wav_of_what_was_appended(tmp_path: Path) -> None:
    path = tmp_path / "audio" / "j1" / "key.wav"
    part = AudioPart(path)
    part.append(b"\x01\x00\x02\x00")
    part.append(b"\x03\x00")
    committed = part.commit(22_050)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22_050)
        assert file.readframes(10) == b"\x01\x00\x02\x00\x03\x00"
    assert (committed.samples, committed.sample_rate_hz) == (3, 22_050)
    assert committed.sha256 == hashlib.sha256(path.read_bytes()).hexdigest() == sha256_of_file(path)


@given(pieces=st.lists(st.binary(max_size=64).filter(lambda piece: len(piece) % 2 == 0), max_size=8))
def test_the_bytes_do_not_depend_on_how_they_came(
    pieces: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("audio")
    part = AudioPart(folder / "a.wav")
    for piece in pieces:
        part.append(piece)
    part.commit(24_000)
    pcm = b"".join(pieces)
    assert (folder / "a.wav").read_bytes() == wav_header(len(pcm), 24_000) + pcm


def test_a_discarded_file_leaves_nothing(tmp_path: Path) -> None:
    part = AudioPart(tmp_path / "key.wav")
    part.append(bytes(100))
    part.discard()
    part.discard()
    assert list(tmp_path.iterdir()) == []


def test_discard_after_commit_keeps_the_file(tmp_path: Path) -> None:
    part = AudioPart(tmp_path / "key.wav")
    part.append(bytes(100))
    part.commit(24_000)
    part.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["key.wav"]


def test_half_a_sample_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    part = AudioPart(tmp_path / "key.wav")
    part.append(b"abc")
    with pytest.raises(ValueError, match="no whole number of samples"):
        part.commit(24_000)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_parent_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "key.wav.part").write_bytes(b"old" * 1000)
    part = AudioPart(tmp_path / "key.wav")
    part.append(bytes(2))
    part.commit(24_000)
    assert (tmp_path / "key.wav").stat().st_size == HEADER_BYTES + 2
    assert [path.name for path in tmp_path.iterdir()] == ["key.wav"]


def test_a_finished_file_is_replaced_whole_and_never_written_into(tmp_path: Path) -> None:
    path, kept = tmp_path / "key.wav", tmp_path / "reader.wav"
    for pcm in (b"\x01\x00", b"\x02\x00"):
        part = AudioPart(path)
        part.append(pcm)
        part.commit(24_000)
        if not kept.exists():
            kept.hardlink_to(path)  # stands for whoever reads the old one meanwhile
    assert (kept.read_bytes()[-2:], path.read_bytes()[-2:]) == (b"\x01\x00", b"\x02\x00")


def test_a_place_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "audio").write_text("a file")
    with pytest.raises(Unwritable, match="audio"):
        AudioPart(tmp_path / "audio" / "key.wav")


def test_a_write_that_the_system_refuses_leaves_nothing(tmp_path: Path) -> None:
    # A limit on the size of files stands in for a device error: EFBIG, an OSError like any other.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    part = AudioPart(tmp_path / "key.wav")
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(Unwritable, match="too large"):
            part.append(bytes(8192))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == []


KILLED_WHILE_WRITING = """
import sys
from pathlib import Path
from supervisor.edge.audiofile import AudioPart
for number in range(100_000):
    part = AudioPart(Path(sys.argv[1]) / f"{number % 7}.wav")
    for _ in range(8):
        part.append(bytes([number % 256]) * 4096)
    print(part.commit(24_000).sha256, f"{number % 7}.wav", flush=True)
"""


@pytest.mark.parametrize("steps", [1, 5, 23])
def test_under_its_name_a_file_is_whole_whenever_the_writer_is_killed(tmp_path: Path, steps: int) -> None:
    command = [sys.executable, "-c", KILLED_WHILE_WRITING, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for _ in range(steps):
            writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
    whole = list(tmp_path.glob("*.wav"))
    assert whole
    for path in whole:
        assert path.stat().st_size == HEADER_BYTES + 8 * 4096
        pcm = path.read_bytes()[HEADER_BYTES:]
        assert pcm == pcm[:1] * len(pcm)  # never half of one and half of another
