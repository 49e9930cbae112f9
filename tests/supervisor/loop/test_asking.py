"""What a request asks for that cannot be is refused before it waits for its turn."""

import os
import subprocess
from pathlib import Path

import pytest

from supervisor.config import Config, load_config
from supervisor.loop.asking import Places
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import SpeechRequest
from supervisor.loop.speechfile import Wanted
from tests.standin.tinydisk import tiny_disk
from tests.supervisor.loop.floors import config


def wanted(folder: Path, under: Config | None = None, **asked: object) -> Wanted:
    (folder / "state").mkdir(exist_ok=True)
    places = Places(state=folder / "state", folder=folder)
    request = SpeechRequest(text="Hello.", **asked)  # type: ignore[arg-type] -- each test names fields of it
    return places.wanted(under or config(), request, "r1")


def refused(folder: Path, under: Config | None = None, **asked: object) -> CannotAsk:
    with pytest.raises(CannotAsk) as caught:
        wanted(folder, under, **asked)
    return caught.value


def test_a_file_lies_where_it_was_named_or_in_the_state_folder_or_nowhere(tmp_path: Path) -> None:
    named = wanted(tmp_path, output_file="deep/own.FLAC")
    assert (named.path, named.format, named.keeps) == (tmp_path / "deep" / "own.FLAC", "flac", True)
    kept = wanted(tmp_path)
    assert (kept.path, kept.format, kept.keeps) == (tmp_path / "state/requests/r1.wav", "wav", False)
    assert wanted(tmp_path, audio="inline").path is None
    assert wanted(tmp_path, audio="inline", output_file="a.wav").path == tmp_path / "a.wav"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state"]  # looking leaves nothing behind


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.mp3", "must end in .wav or .flac"),
        ("a\0.wav", "must end in .wav or .flac"),
        ("folder.wav", "output_file folder.wav: is there and is no regular file"),
        ("pipe.wav", "is no regular file"),
        ("text.txt/a.wav", "text.txt is no folder"),
        ("/proc/a.wav", "output_file /proc/a.wav: cannot write in /proc"),
        (f"{'a' * 250}.wav", "the name is too long"),
        ("link/deep/a.wav", "cannot write in /proc"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_by_name(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "link").symlink_to("/proc")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "text.txt").touch()
    os.mkfifo(tmp_path / "pipe.wav")
    error = refused(tmp_path, output_file=name)
    assert (error.kind, error.retryable) == ("bad_input", False)
    assert words in str(error)


def test_a_link_counts_as_what_it_points_at(tmp_path: Path) -> None:
    (tmp_path / "own.wav").symlink_to("/proc/own.wav")
    assert "cannot write in /proc" in str(refused(tmp_path, output_file="own.wav"))


def test_a_full_disk_is_told_before_anything_is_spoken(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "tiny", size_bytes=16_384) as disk:
        # No room for one more name: that is what an empty file needs.
        subprocess.run(["mount", "-o", "remount,nr_inodes=1", str(disk)], check=True)
        error = refused(tmp_path, output_file="tiny/a.wav")
    assert (error.kind, error.retryable) == ("disk_full", True)


@pytest.mark.parametrize("rate_hz", [7999, 192_001])
def test_a_rate_that_there_is_not_is_refused(tmp_path: Path, rate_hz: int) -> None:
    error = refused(tmp_path, sample_rate=rate_hz)
    assert (error.kind, "sample_rate" in str(error)) == ("bad_input", True)


def test_a_rate_whose_vocoder_is_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    glm = load_config(sets=["engine.name=glm", f"engine.glm.checkpoint={tmp_path / 'model'}"], environ={})
    error = refused(tmp_path, glm, sample_rate=32_000)
    assert (error.kind, error.retryable) == ("bad_input", False)
    assert "generator_jit.ckpt: there is no such file" in str(error)
    assert wanted(tmp_path, glm, sample_rate=44_100).path
    assert wanted(tmp_path, glm).path
