"""The formats that need no codec: a WAV header before the samples, or the samples alone."""

from typing import Final

from supervisor.edge import audiofile

#: 16-bit mono.
SAMPLE_BYTES: Final = 2

#: A size of 32 bits that means: to the end of the stream. Players and libraries take it for that.
_UNKNOWN: Final = b"\xff\xff\xff\xff"

#: A RIFF size counts everything after its own eight bytes.
_MOST_PCM_BYTES: Final = 2**32 - 1 - (audiofile.HEADER_BYTES - 8)


def wav_header(rate_hz: int, samples: int | None) -> bytes:
    """Return the 44 bytes before 16-bit mono samples.

    Args:
        rate_hz: Of the samples.
        samples: How many will follow; None = nobody knows yet. More than a WAV can say is not said either.
    """
    if samples is not None and samples * SAMPLE_BYTES <= _MOST_PCM_BYTES:
        return audiofile.wav_header(samples * SAMPLE_BYTES, rate_hz)
    header = audiofile.wav_header(0, rate_hz)
    return header[:4] + _UNKNOWN + header[8:-4] + _UNKNOWN
