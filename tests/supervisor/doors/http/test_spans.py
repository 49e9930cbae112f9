import io
import os
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.doors.http.spans import NotThere, Span, as_wav, must_be_there, open_plain, read
from supervisor.edge.audiofile import wav_header
from supervisor.edge.ledger_values import AudioPiece, Silence

RATE_HZ = 24_000


def piece(path: Path, samples: int, fill: bytes) -> AudioPiece:
    pcm = fill * samples
    path.write_bytes(wav_header(len(pcm), RATE_HZ) + pcm)
    return AudioPiece(wav=path, samples=samples, sample_rate_hz=RATE_HZ, sha256="")


def whole(spans: list[Span]) -> bytes:
    return b"".join(read(spans, 0, sum(span.count for span in spans), open_plain))


def test_pieces_are_one_wav_with_the_silence_between_them(tmp_path: Path) -> None:
    pieces = [
        piece(tmp_path / "a.wav", 3, b"ab"),
        Silence(seconds=2 / RATE_HZ),
        piece(tmp_path / "b.wav", 20_000, b"cd"),
    ]
    spans, rate_hz = as_wav(pieces)
    with wave.open(io.BytesIO(whole(spans))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE_HZ, 1, 2)
        assert file.readframes(99_999) == b"ababab" + bytes(4) + b"cd" * 20_000
    assert rate_hz == RATE_HZ


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(0, 45), st.integers(0, 45))
def test_any_range_is_that_of_the_whole(counts: list[int], one: int, other: int) -> None:
    spans = [
        Span(count=count, data=bytes(range(count)) if number % 2 else b"")
        for number, count in enumerate(counts)
    ]
    begin, end = sorted((min(one, sum(counts)), min(other, sum(counts))))
    assert b"".join(read(spans, begin, end, open_plain)) == whole(spans)[begin:end]


def test_a_file_that_is_no_plain_one_is_not_opened_and_nobody_waits_for_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", ".", "gone"):
        with pytest.raises(NotThere):
            open_plain(str(tmp_path / name))
    os.close(open_plain(str(tmp_path / "file")))


def test_a_file_that_is_shorter_than_it_was_is_told(tmp_path: Path) -> None:
    one = piece(tmp_path / "a.wav", 10, b"ab")
    spans, _ = as_wav([one])
    os.truncate(one.wav, 50)
    with pytest.raises(NotThere, match="shorter"):
        whole(spans)


def test_all_files_are_looked_for_before_the_first_is_read(tmp_path: Path) -> None:
    pieces = [piece(tmp_path / "a.wav", 10, b"ab"), Silence(seconds=1), piece(tmp_path / "b.wav", 10, b"ab")]
    spans, _ = as_wav(pieces)
    must_be_there(spans)
    (tmp_path / "b.wav").unlink()
    with pytest.raises(NotThere):
        must_be_there(spans)


def test_files_are_closed_wherever_reading_stops(tmp_path: Path) -> None:
    spans, _ = as_wav([piece(tmp_path / "a.wav", 50_000, b"ab")])
    opened: list[int] = []

    def opens(path: str) -> int:
        opened.append(open_plain(path))
        return opened[-1]

    reading = read(spans, 44, 90_000, opens)
    assert next(reading)
    reading.close()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(opened[0])
