"""Pieces into 16-bit samples at the file's rate, block by block.

Every piece is resampled by itself, so that a changed segment changes only its own samples, and
its length at the new rate is exact: how long the file becomes is known before it is written.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from supervisor.delivery.order import BadAudio, Pause, Piece, SegmentAudio
from supervisor.edge.audiofile import sha256_of_file

Samples = npt.NDArray[np.int16]

#: Fixed, since a resampler fed in other blocks may round otherwise; 128 KiB at 16 bits.
_BLOCK_SAMPLES = 65_536

_FULL_SCALE = 32_768


def length_samples(piece: Piece, rate_hz: int) -> int:
    """Return how long a piece is in a file of this rate."""
    if isinstance(piece, Pause):
        return round(piece.seconds * rate_hz)
    return (piece.samples * rate_hz + piece.sample_rate_hz // 2) // piece.sample_rate_hz


def blocks_of(pieces: Iterable[Piece], rate_hz: int) -> Iterator[Samples]:
    """Yield the samples of all pieces, in blocks of a bounded size.

    Raises:
        BadAudio: If a segment's file is missing, of other bytes, or of another length or rate.
    """
    for piece in pieces:
        if isinstance(piece, Pause):
            yield from _silence(length_samples(piece, rate_hz))
        elif piece.sample_rate_hz == rate_hz:
            yield from _stored(piece)  # bit for bit
        else:
            yield from _resampled(piece, rate_hz)


def _silence(samples: int) -> Iterator[Samples]:
    for start in range(0, samples, _BLOCK_SAMPLES):
        yield np.zeros(min(_BLOCK_SAMPLES, samples - start), dtype=np.int16)


def _stored(piece: SegmentAudio) -> Iterator[Samples]:
    _refuse_other_bytes(piece)
    try:
        with soundfile.SoundFile(piece.wav) as file:
            seen = (file.format, file.subtype, file.channels, file.samplerate, file.frames)
            wanted = ("WAV", "PCM_16", 1, piece.sample_rate_hz, piece.samples)
            if seen != wanted:
                raise BadAudio(_bad(piece, f"it is {seen}, the ledger says {wanted}"))
            for _ in range(0, piece.samples, _BLOCK_SAMPLES):
                yield np.asarray(file.read(_BLOCK_SAMPLES, dtype="int16"), dtype=np.int16)
    except soundfile.LibsndfileError as error:
        raise BadAudio(_bad(piece, error.error_string)) from error


def _refuse_other_bytes(piece: SegmentAudio) -> None:
    # Planning looked, hours ago: a disk that fails meanwhile must not be heard in the book.
    try:
        seen = sha256_of_file(Path(piece.wav))
    except OSError as error:
        raise BadAudio(_bad(piece, error.strerror or str(error))) from error
    if seen != piece.sha256:
        raise BadAudio(_bad(piece, f"its SHA-256 is {seen}, the ledger says {piece.sha256}"))


def _resampled(piece: SegmentAudio, rate_hz: int) -> Iterator[Samples]:
    # In float: soxr dithers 16-bit output from a seed of the clock, never twice the same.
    stream = soxr.ResampleStream(piece.sample_rate_hz, rate_hz, 1, dtype="float32", quality="HQ")
    to_come, to_read = length_samples(piece, rate_hz), piece.samples
    for block in _stored(piece):
        to_read -= len(block)
        made = stream.resample_chunk(block.astype(np.float32) / _FULL_SCALE, last=to_read == 0)
        made = made[:to_come]
        to_come -= len(made)
        yield _rounded(made)
    # soxr 1.1 rounds the length as we do (6,000 pairs of rates and lengths tried), but does not promise to.
    yield from _silence(to_come)


def _rounded(made: npt.NDArray[np.float32]) -> Samples:
    scaled = np.rint(made * _FULL_SCALE)
    return np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)


def _bad(piece: SegmentAudio, seen: str) -> str:
    return f"the segment {piece.wav} cannot be used: {seen}; run the same command again to speak it anew"
