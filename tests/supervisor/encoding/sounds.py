"""Tones to encode, and other people's libraries to hear what came of them."""

import io
import math
from dataclasses import dataclass

import av
import numpy as np
import soundfile

TONE_HZ = 440.0


def tone(seconds: float, rate_hz: int) -> bytes:
    """Return a tone as 16-bit mono samples."""
    samples = np.arange(round(seconds * rate_hz))
    return (12_000 * np.sin(2 * math.pi * TONE_HZ * samples / rate_hz)).astype("<i2").tobytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a decoder made of a file: its length, and the frequency that is strongest in it."""

    rate_hz: int
    seconds: float
    pitch_hz: float


def heard_by_av(encoded: bytes) -> Heard:
    """Decode with FFmpeg."""
    with av.open(io.BytesIO(encoded), "r") as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        rate_hz = container.streams.audio[0].rate
    return _heard(np.concatenate([frame.reshape(-1).astype(np.float64) for frame in frames]), rate_hz)


def pcm_by_av(encoded: bytes) -> bytes:
    """Decode with FFmpeg what is lossless: 16-bit samples."""
    with av.open(io.BytesIO(encoded), "r") as container:
        return b"".join(frame.to_ndarray().tobytes() for frame in container.decode(audio=0))


def tags_by_av(encoded: bytes) -> dict[str, str]:
    """Read the tags, of the file or of its stream."""
    with av.open(io.BytesIO(encoded), "r") as container:
        return {**container.metadata, **container.streams.audio[0].metadata}


def heard_by_libsndfile(encoded: bytes) -> Heard:
    """Decode with libsndfile, which has codecs of its own."""
    with soundfile.SoundFile(io.BytesIO(encoded)) as file:
        rate_hz = file.samplerate
        return _heard(np.asarray(file.read(dtype="float64"), dtype=np.float64), rate_hz)


def pcm_by_libsndfile(encoded: bytes) -> bytes:
    """Decode with libsndfile what is lossless: 16-bit samples."""
    with soundfile.SoundFile(io.BytesIO(encoded)) as file:
        return np.asarray(file.read(dtype="int16"), dtype=np.int16).tobytes()


def _heard(samples: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]", rate_hz: int) -> Heard:
    spectrum = np.abs(np.fft.rfft(samples))
    pitch_hz = float(spectrum.argmax()) * rate_hz / len(samples)
    return Heard(rate_hz=rate_hz, seconds=len(samples) / rate_hz, pitch_hz=pitch_hz)
