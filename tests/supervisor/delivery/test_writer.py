"""A finished file: whole, the same bytes every time, or not there."""

import hashlib
import os
import subprocess
import sys
import wave
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import soundfile

from supervisor.delivery.order import BadAudio, Order, Pause, Piece, SegmentAudio
from supervisor.delivery.writer import deliver
from supervisor.edge.audiofile import AudioPart
from supervisor.edge.partfile import open_alone
from supervisor.errors import DiskFull, TryLater, Unwritable
from tests.standin.jobs import tone
from tests.standin.tinydisk import tiny_disk
from tests.tree import ROOT

Format = Literal["wav", "flac"]
FORMATS: list[Format] = ["wav", "flac"]


def stored(folder: Path, samples: int, rate_hz: int) -> SegmentAudio:
    path = folder / f"{samples}-{rate_hz}.wav"
    part = AudioPart(path)
    part.append(tone(samples))
    sha256 = part.commit(rate_hz).sha256
    return SegmentAudio(wav=str(path), samples=samples, sample_rate_hz=rate_hz, sha256=sha256)


def noise(path: Path, samples: int) -> SegmentAudio:
    part = AudioPart(path)
    part.append(np.random.default_rng(0).integers(-20_000, 20_000, samples, dtype="<i2").tobytes())
    sha256 = part.commit(24_000).sha256
    return SegmentAudio(wav=str(path), samples=samples, sample_rate_hz=24_000, sha256=sha256)


@pytest.fixture
def pieces(tmp_path: Path) -> list[Piece]:
    folder = tmp_path / "state"
    return [stored(folder, 70_000, 24_000), Pause(seconds=0.3), stored(folder, 9000, 22_050)]


def order(path: Path, file_format: Format = "wav", *, title: str = "A story, 一个故事") -> Order:
    return Order(path=str(path), format=file_format, sample_rate_hz=24_000, title=title)


def heard(path: Path) -> bytes:
    samples, _ = soundfile.read(path, dtype="int16")
    return np.asarray(samples, dtype=np.int16).tobytes()


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_answer_tells_what_lies_there(tmp_path: Path, pieces: list[Piece], file_format: Format) -> None:
    path = tmp_path / "new" / "folder" / f"story.{file_format}"
    made = deliver(order(path, file_format), pieces)
    found = soundfile.info(path)
    assert (found.format, found.subtype, found.channels) == (file_format.upper(), "PCM_16", 1)
    assert (found.frames, found.samplerate) == (made.samples, made.sample_rate_hz) == (86_996, 24_000)
    assert made.seconds == made.samples / 24_000
    assert made.path == str(path)
    assert made.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    with soundfile.SoundFile(path) as file:
        assert file.title == "A story, 一个故事"


def test_wav_and_flac_hold_the_same_samples(tmp_path: Path, pieces: list[Piece]) -> None:
    for file_format in FORMATS:
        deliver(order(tmp_path / f"a.{file_format}", file_format), pieces)
    assert heard(tmp_path / "a.wav") == heard(tmp_path / "a.flac")
    assert heard(tmp_path / "a.wav")[:140_000] == tone(70_000)
    with wave.open(str(tmp_path / "a.wav")) as file:  # the standard library reads it too
        assert file.getnframes() == 86_996


AGAIN = """
import sys
from pathlib import Path
from supervisor.delivery.order import Order, Pause, SegmentAudio
from supervisor.delivery.writer import deliver
wav, sha256, out, file_format = sys.argv[1:]
pieces = [SegmentAudio(wav=wav, samples=9000, sample_rate_hz=22050, sha256=sha256), Pause(seconds=0.1)] * 3
print(deliver(Order(path=out, format=file_format, sample_rate_hz=24000, title="T"), pieces).sha256)
"""


@pytest.mark.parametrize("file_format", FORMATS)
def test_another_process_at_another_time_makes_the_same_bytes(tmp_path: Path, file_format: Format) -> None:
    piece = stored(tmp_path, 9000, 22_050)
    made = {
        subprocess.run(
            [sys.executable, "-c", AGAIN, piece.wav, piece.sha256, str(tmp_path / name), file_format],
            cwd=ROOT,
            env={**os.environ, "TZ": zone, "SOURCE_DATE_EPOCH": "0"},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for name, zone in (("one", "UTC"), ("two", "Asia/Tokyo"))
    }
    assert len(made) == 1


def test_a_wav_that_grows_too_long_for_its_header_becomes_an_rf64(
    tmp_path: Path, pieces: list[Piece]
) -> None:
    size_bytes = 2 * 86_996
    deliver(order(tmp_path / "a.wav"), pieces, riff_limit_bytes=size_bytes)
    deliver(order(tmp_path / "b.wav"), pieces, riff_limit_bytes=size_bytes - 1)
    deliver(order(tmp_path / "c.flac", "flac"), pieces, riff_limit_bytes=0)
    assert [(tmp_path / name).read_bytes()[:4] for name in ("a.wav", "b.wav", "c.flac")] == [
        b"RIFF",
        b"RF64",
        b"fLaC",
    ]
    assert heard(tmp_path / "a.wav") == heard(tmp_path / "b.wav")


def test_a_file_without_title_has_none(tmp_path: Path, pieces: list[Piece]) -> None:
    deliver(order(tmp_path / "a.wav", title=""), pieces)
    assert b"INAM" not in (tmp_path / "a.wav").read_bytes()[:200]


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_segment_that_is_gone_leaves_what_was_there_before(
    tmp_path: Path, pieces: list[Piece], file_format: Format
) -> None:
    path = tmp_path / "out" / "story"
    path.parent.mkdir()
    path.write_bytes(b"of before")
    gone = SegmentAudio(wav=str(tmp_path / "gone.wav"), samples=10, sample_rate_hz=24_000, sha256="ab")
    with pytest.raises(BadAudio, match=r"gone\.wav"):
        deliver(order(path, file_format), [*pieces, gone])
    assert path.read_bytes() == b"of before"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_full_disk_leaves_nothing_and_says_what_to_do(tmp_path: Path, file_format: Format) -> None:
    piece = noise(tmp_path / "noise.wav", 400_000)  # no FLAC makes it small
    with tiny_disk(tmp_path / "disk", size_bytes=256 << 10) as folder:
        with pytest.raises(DiskFull, match="make room") as raised:
            deliver(order(folder / "a", file_format), [piece])
        # So long as a FLAC is not made nobody knows how long it will be.
        assert raised.value.needed_bytes == (800_000 if file_format == "wav" else 0)
        assert list(folder.iterdir()) == []


def test_a_disk_that_fills_while_the_file_is_closed_is_noticed(tmp_path: Path) -> None:
    piece = noise(tmp_path / "noise.wav", 4000)
    # One FLAC frame of 8000 bytes, which libFLAC holds back until the end; the header fits.
    with tiny_disk(tmp_path / "disk", size_bytes=4 << 10) as folder:
        with pytest.raises(DiskFull):
            deliver(order(folder / "a.flac", "flac", title=""), [piece])
        assert list(folder.iterdir()) == []


def test_what_is_no_file_is_never_replaced(tmp_path: Path, pieces: list[Piece]) -> None:
    (tmp_path / "a.wav").mkdir()
    os.mkfifo(tmp_path / "b.wav")
    for name in ("a.wav", "b.wav"):
        with pytest.raises(Unwritable, match=f"{name}.*no regular file"):
            deliver(order(tmp_path / name), pieces)


def test_a_link_stays_and_what_it_points_at_is_replaced(tmp_path: Path, pieces: list[Piece]) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "story.wav").symlink_to("music/story.wav")
    deliver(order(tmp_path / "story.wav"), pieces)
    assert (tmp_path / "story.wav").is_symlink()
    assert (tmp_path / "music" / "story.wav").stat().st_size > 100_000


def test_a_name_that_is_too_long_is_unwritable(tmp_path: Path, pieces: list[Piece]) -> None:
    with pytest.raises(Unwritable, match="too long; choose a shorter name"):
        deliver(order(tmp_path / ("n" * 300)), pieces)


def test_a_rate_that_no_flac_has_is_named(tmp_path: Path) -> None:
    wanted = Order(path=str(tmp_path / "a.flac"), format="flac", sample_rate_hz=2_000_000, title="")
    with pytest.raises(BadAudio, match="--sample-rate"):
        deliver(wanted, [Pause(seconds=0.1)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file_format", FORMATS)
def test_nothing_spoken_is_no_file(tmp_path: Path, file_format: Format) -> None:
    with pytest.raises(BadAudio, match="nothing was spoken"):
        deliver(order(tmp_path / "a", file_format), [])
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_another_delivery_writes_is_not_touched(tmp_path: Path, pieces: list[Piece]) -> None:
    part = tmp_path / ".a.wav.part"
    others = open_alone(part, tmp_path / "a.wav")
    os.write(others, b"half of another's")
    with pytest.raises(TryLater, match=r"a\.wav is being written by another process"):
        deliver(order(tmp_path / "a.wav"), pieces)
    assert part.read_bytes() == b"half of another's"
    os.close(others)
    assert deliver(order(tmp_path / "a.wav"), pieces).samples
    assert [path.name for path in tmp_path.glob("*a.wav*")] == ["a.wav"]
