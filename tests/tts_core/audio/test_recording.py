"""Recordings: whatever a user may bring is read right, or refused in words that say what would do."""

import hashlib
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import torch

from tests.tts_core.small_checkpoint import write_recording
from tts_core.audio.recording import read_recording
from tts_core.errors import RecordingError

Samples = npt.NDArray[np.float32]


def hum(seconds: float, rate_hz: int, *, level: float = 0.3) -> Samples:
    at_s = np.arange(int(seconds * rate_hz)) / rate_hz
    return (level * np.sin(2 * np.pi * 220 * at_s)).astype(np.float32)


def stored(
    path: Path,
    samples: Samples,
    rate_hz: int = 24000,
    *,
    subtype: str | None = None,
    format: str | None = None,  # noqa: A002 -- what soundfile calls it
) -> Path:
    soundfile.write(path, samples, rate_hz, subtype=subtype, format=format)
    return path


# ------------------------------------------------------------------ read right


def test_a_wav_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.wav", seed=0, seconds=4.0)
    recording = read_recording(path)
    pcm = np.frombuffer(path.read_bytes()[44:], dtype="<i2")
    assert np.array_equal(recording.samples.numpy(), pcm.astype(np.float32)[None] / 32768)
    assert (recording.rate_hz, recording.seconds, recording.warnings) == (24000, 4.0, ())
    assert recording.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("strict", [True, False])
def test_stereo_at_96_khz_keeps_both_channels_and_says_what_becomes_of_them(
    tmp_path: Path, strict: bool
) -> None:
    both = np.stack([hum(4, 96000), hum(4, 96000, level=0.1)], axis=1)
    recording = read_recording(stored(tmp_path / "a.wav", both, 96000, subtype="PCM_24"), strict=strict)
    assert recording.samples.shape == (2, 4 * 96000)
    assert abs(float(recording.samples[1].max()) - 0.1) < 1e-4
    assert [words for words in recording.warnings if "2 channels" in words]


def test_a_telephone_recording_is_read_with_a_warning(tmp_path: Path) -> None:
    recording = read_recording(stored(tmp_path / "a.wav", hum(4, 8000), 8000))
    assert recording.samples.shape == (1, 32000)
    assert "above 4000 Hz" in recording.warnings[0]


@pytest.mark.parametrize("kind", ["FLAC", "MP3", "OGG", "AIFF", "CAF", "W64", "AU"])
def test_other_containers_are_read_whatever_their_names_end_in(tmp_path: Path, kind: str) -> None:
    samples = hum(4, 44100)
    recording = read_recording(stored(tmp_path / "voice.dat", samples, 44100, format=kind))
    assert recording.samples.shape == (1, len(samples))
    # What loses something (MP3, Ogg) is still the same hum; the rest is exact to 16 bits.
    least = 0.999 if kind in ("MP3", "OGG") else 0.999999
    found = recording.samples[0].numpy()
    assert float(np.corrcoef(found, samples)[0, 1]) > least


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
def test_every_width_of_sample_has_the_same_full_scale(tmp_path: Path, subtype: str) -> None:
    recording = read_recording(stored(tmp_path / "a.wav", hum(4, 24000, level=0.5), subtype=subtype))
    assert abs(float(recording.samples.max()) - 0.5) < 0.02


def test_a_link_to_a_recording_is_a_recording(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.wav", seed=0)
    link = tmp_path / "link.wav"
    link.symlink_to(path)
    assert read_recording(link).sha256 == read_recording(path).sha256


def test_the_same_sound_in_other_bytes_is_another_recording(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.wav", seed=0)
    other = tmp_path / "b.wav"
    other.write_bytes(path.read_bytes() + b"LIST\x04\x00\x00\x00INFO")
    assert torch.equal(read_recording(path).samples, read_recording(other).samples)
    assert read_recording(path).sha256 != read_recording(other).sha256


# ------------------------------------------------------------------ length


@pytest.mark.parametrize("seconds", [1.0, 3.0, 15.0, 30.0])
def test_one_to_thirty_seconds_will_do(tmp_path: Path, seconds: float) -> None:
    recording = read_recording(stored(tmp_path / "a.wav", hum(seconds, 16000), 16000))
    assert recording.seconds == seconds
    assert recording.warnings == () if 3 <= seconds <= 15 else "3 to 15 seconds" in recording.warnings[0]


@pytest.mark.parametrize("seconds", [0.2, 0.999])
def test_too_short_is_refused_with_the_length_that_would_do(tmp_path: Path, seconds: float) -> None:
    path = stored(tmp_path / "a.wav", hum(seconds, 24000))
    with pytest.raises(RecordingError, match=r"too short, 1\.0 s is the least; bring 3 to 15 seconds"):
        read_recording(path)


@pytest.mark.parametrize(("seconds", "said"), [(600.0, "600"), (30.001, r"30\.01")])
def test_too_long_is_refused_by_its_header(tmp_path: Path, seconds: float, said: str) -> None:
    path = stored(tmp_path / "a.wav", hum(seconds, 8000), 8000)
    words = f": {said} s are too long, 30 s is the most; cut out 3 to 15 seconds"
    with pytest.raises(RecordingError, match=words):
        read_recording(path)


def test_faithfully_ten_minutes_and_a_fifth_of_a_second_are_read(tmp_path: Path) -> None:
    long = read_recording(stored(tmp_path / "a.wav", hum(600, 8000), 8000), strict=False)
    assert long.seconds == 600
    short = read_recording(stored(tmp_path / "b.wav", hum(0.2, 24000)), strict=False)
    assert short.samples.shape == (1, 4800)


@pytest.mark.parametrize("strict", [True, False])
def test_less_than_one_window_is_never_enough(tmp_path: Path, strict: bool) -> None:
    path = stored(tmp_path / "a.wav", hum(0.04, 24000))
    with pytest.raises(RecordingError, match="too short"):
        read_recording(path, strict=strict)


# ------------------------------------------------------------------ no voice in it


@pytest.mark.parametrize("level", [0.0, 5e-5])
def test_silence_is_refused(tmp_path: Path, level: float) -> None:
    path = stored(tmp_path / "a.wav", hum(4, 24000, level=level), subtype="FLOAT")
    with pytest.raises(RecordingError, match="silent"):
        read_recording(path)
    assert "silent" in read_recording(path, strict=False).warnings[0]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, odd: float, strict: bool) -> None:
    samples = hum(4, 24000)
    samples[77] = odd
    path = stored(tmp_path / "a.wav", samples, subtype="FLOAT")
    with pytest.raises(RecordingError, match="NaN or infinite"):
        read_recording(path, strict=strict)


def test_a_quiet_one_and_a_clipped_one_are_warned_about(tmp_path: Path) -> None:
    quiet = read_recording(stored(tmp_path / "a.wav", hum(4, 24000, level=0.005), subtype="FLOAT"))
    assert "louder" in quiet.warnings[0]
    clipped = read_recording(stored(tmp_path / "b.wav", hum(4, 24000, level=2.0)))
    assert "clipped" in clipped.warnings[0]


# ------------------------------------------------------------------ no recording at all


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"RIFF", "not a recording that libsndfile can read"),
        (b"this is a text\n" * 999, "not a recording that libsndfile can read.*[Cc]onvert it to WAV"),
        (bytes(9999), "not a recording that libsndfile can read"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes, words: str, strict: bool) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=words) as caught:
        read_recording(path, strict=strict)
    assert str(path) in str(caught.value)
    assert "BytesIO" not in str(caught.value)


def test_a_wav_without_samples_is_refused(tmp_path: Path) -> None:
    path = stored(tmp_path / "a.wav", hum(0, 24000))
    with pytest.raises(RecordingError, match="holds no samples"):
        read_recording(path, strict=False)


@pytest.mark.parametrize("rate_hz", [1, 7999, 400_000])
def test_an_absurd_rate_is_refused(tmp_path: Path, rate_hz: int) -> None:
    path = stored(tmp_path / "a.wav", hum(4, 8000), rate_hz)
    with pytest.raises(RecordingError, match=f"{rate_hz} samples a second"):
        read_recording(path, strict=False)


@pytest.mark.parametrize("kind", ["MP3", "FLAC"])
def test_one_that_was_cut_short_in_transfer_is_refused(tmp_path: Path, kind: str) -> None:
    path = stored(tmp_path / "a.dat", hum(8, 44100), 44100, format=kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    with pytest.raises(RecordingError, match=r"cut short|lost sync"):
        read_recording(path)


def test_a_wav_whose_header_promises_more_is_read_with_a_warning(tmp_path: Path) -> None:
    path = stored(tmp_path / "a.wav", hum(8, 24000))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    recording = read_recording(path)
    assert recording.samples.shape == (1, 8 * 24000 // 2 - 11)  # half of the 44 bytes are of the header
    assert recording.warnings == ("it holds less than it promises: it may be cut short",)


def test_an_ogg_that_ends_within_its_stream_is_read_with_a_warning(tmp_path: Path) -> None:
    path = stored(tmp_path / "a.ogg", hum(8, 44100), 44100)
    assert read_recording(path).warnings == ()
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    assert "it holds less than it promises: it may be cut short" in read_recording(path).warnings


def test_a_missing_file_a_folder_a_pipe_and_an_impossible_name_are_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, words in (
        (tmp_path / "none.wav", "no such file"),
        (tmp_path, "is a folder"),
        (pipe, "no plain file"),  # and nobody waits for a writer
        (Path("/dev/zero"), "no plain file"),
        (tmp_path / "a\0b", "cannot be read"),
        (tmp_path / ("a" * 300), "cannot be read"),
    ):
        with pytest.raises(RecordingError, match=words):
            read_recording(path)


def test_a_folder_leaves_no_descriptor_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- what counts is how many there are
    for _ in range(5):
        with pytest.raises(RecordingError):
            read_recording(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 -- as above


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.wav", seed=0)
    path.chmod(0)
    mighty = os.geteuid() == 0
    if mighty:  # root may read everything: be somebody else for the moment
        os.seteuid(65534)
    try:
        with pytest.raises(RecordingError, match="may not be read"):
            read_recording(path)
    finally:
        if mighty:
            os.seteuid(0)


def test_a_file_of_gigabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with path.open("wb") as file:
        file.truncate(3 << 30)  # without a block on the disk
    with pytest.raises(RecordingError, match=r"3\.0 GiB are too much"):
        read_recording(path)
