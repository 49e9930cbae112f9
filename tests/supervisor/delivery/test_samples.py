"""Pieces become samples: bit for bit at their own rate, of exact length at another."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.delivery.order import BadAudio, Pause, Piece, SegmentAudio
from supervisor.delivery.samples import blocks_of, length_samples
from supervisor.edge.audiofile import AudioPart, sha256_of_file
from tests.standin.jobs import tone

RATES_HZ = [8000, 16_000, 22_050, 24_000, 44_100, 48_000]


def stored(folder: Path, pcm: bytes, rate_hz: int, name: str = "a.wav") -> SegmentAudio:
    part = AudioPart(folder / name)
    part.append(pcm)
    sha256 = part.commit(rate_hz).sha256
    return SegmentAudio(wav=str(folder / name), samples=len(pcm) // 2, sample_rate_hz=rate_hz, sha256=sha256)


def sine(samples: int, rate_hz: int, at_hz: float = 440.0) -> bytes:
    wave = np.sin(2 * np.pi * at_hz * np.arange(samples) / rate_hz)
    return (wave * 16_000).astype("<i2").tobytes()


def joined(pieces: list[Piece], rate_hz: int) -> bytes:
    return b"".join(block.tobytes() for block in blocks_of(pieces, rate_hz))


def test_audio_of_the_files_rate_passes_bit_for_bit(tmp_path: Path) -> None:
    pcm = tone(200_000)  # several blocks and a rest
    assert joined([stored(tmp_path, pcm, 24_000)], 24_000) == pcm


def test_silence_is_zeros_of_the_rounded_length() -> None:
    assert joined([Pause(seconds=0.5), Pause(seconds=0.00001)], 22_050) == bytes(2 * 11_025)
    assert len(joined([Pause(seconds=10.0)], 22_050)) == 2 * 220_500


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(
        st.one_of(st.floats(0, 0.2), st.tuples(st.integers(0, 9000), st.sampled_from(RATES_HZ))), max_size=6
    ),
    rate_hz=st.sampled_from(RATES_HZ),
)
def test_the_length_is_the_sum_that_was_foretold(
    lengths: list[float | tuple[int, int]], rate_hz: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("audio")
    pieces: list[Piece] = [
        stored(folder, tone(length[0]), length[1], f"{n}.wav")
        if isinstance(length, tuple)
        else Pause(seconds=length)
        for n, length in enumerate(lengths)
    ]
    foretold = sum(length_samples(piece, rate_hz) for piece in pieces)
    assert len(joined(pieces, rate_hz)) == 2 * foretold
    for piece in pieces:
        length_s = piece.seconds if isinstance(piece, Pause) else piece.samples / piece.sample_rate_hz
        assert abs(length_samples(piece, rate_hz) - length_s * rate_hz) <= 0.5 + 1e-6


def test_a_resampled_tone_is_the_same_tone(tmp_path: Path) -> None:
    piece = stored(tmp_path, sine(22_050, 22_050), 22_050)
    heard = np.frombuffer(joined([piece], 24_000), dtype="<i2").astype(np.float64)
    expected = np.frombuffer(sine(24_000, 24_000), dtype="<i2").astype(np.float64)
    middle = slice(2400, -2400)  # at the ends the filter meets the silence around the piece
    error = np.sqrt(np.mean((heard[middle] - expected[middle]) ** 2))
    assert error < 2.0  # of 16 000: both are rounded to 16 bits, half a step each, and the filter adds ripple


def test_resampling_is_the_same_every_time(tmp_path: Path) -> None:
    # soxr dithers 16-bit output with a seed of the clock: this law is why it works in float here.
    piece = stored(tmp_path, tone(150_000), 22_050)
    assert joined([piece], 24_000) == joined([piece], 24_000)


def test_a_piece_is_resampled_by_itself(tmp_path: Path) -> None:
    one, two = (
        stored(tmp_path, sine(5000, 22_050), 22_050, "1.wav"),
        stored(tmp_path, tone(5000), 22_050, "2.wav"),
    )
    assert joined([one, two], 24_000) == joined([one], 24_000) + joined([two], 24_000)


def test_full_scale_is_clipped_and_never_wraps(tmp_path: Path) -> None:
    square = np.tile(np.repeat(np.array([32_767, -32_768], dtype="<i2"), 50), 100).tobytes()
    heard = np.frombuffer(joined([stored(tmp_path, square, 22_050)], 24_000), dtype="<i2")
    steps = np.abs(np.diff(heard.astype(np.int32)))
    assert heard.max() == 32_767
    assert heard.min() == -32_768
    assert (
        np.count_nonzero(steps > 60_000) <= 200
    )  # an edge of the wave at most, no sample that wrapped round


@pytest.mark.parametrize("rate_hz", [24_000, 22_050])
def test_a_segment_of_other_bytes_never_reaches_the_book(tmp_path: Path, rate_hz: int) -> None:
    piece = stored(tmp_path, tone(100_000), 24_000)
    with Path(piece.wav).open("r+b") as file:
        file.seek(1000)
        file.write(b"\xde\xad\xbe\xef")
    heard: list[int] = []
    with pytest.raises(BadAudio, match=r"a\.wav cannot be used: its SHA-256 is .* to speak it anew"):
        heard.extend(len(block) for block in blocks_of([piece], rate_hz))
    assert heard == []


@pytest.mark.parametrize("wrong", ["gone", "shorter", "rate", "no wav", "stereo"])
def test_a_file_that_is_not_what_the_ledger_says_is_named(tmp_path: Path, wrong: str) -> None:
    piece = stored(tmp_path, tone(1000), 24_000)
    path = Path(piece.wav)
    match wrong:
        case "gone":
            path.unlink()
        case "shorter":
            path.write_bytes(path.read_bytes()[:500])
        case "rate":
            piece = replace(piece, sample_rate_hz=22_050)
        case "no wav":
            path.write_bytes(b"not audio at all" * 10)
        case _:
            soundfile.write(path, np.zeros((1000, 2), dtype=np.int16), 24_000, format="WAV")
    with pytest.raises(BadAudio, match=r"a\.wav.*speak it anew"):
        joined([piece], 24_000)
    if path.exists():  # the same where the ledger itself was told these bytes
        with pytest.raises(BadAudio, match=r"a\.wav.*speak it anew"):
            joined([replace(piece, sha256=sha256_of_file(path))], 24_000)
