"""The formats that need no codec: a WAV header before the samples, or the samples alone."""

import struct
from typing import Final

#: 16-bit mono.
SAMPLE_BYTES: Final = 2

#: RIFF, fmt and data headers of PCM; a RIFF size counts everything after its own eight bytes.
_HEADER_BYTES: Final = 44
_AFTER_SIZE_BYTES: Final = _HEADER_BYTES - 8

#: A size of 32 bits that means: to the end of the stream. Players and libraries take it for that.
_UNKNOWN: Final = 0xFFFFFFFF


def wav_header(rate_hz: int, samples: int | None) -> bytes:
    """Return the 44 bytes before 16-bit mono samples.

    Args:
        rate_hz: Of the samples.
        samples: How many will follow; None = nobody knows yet, or more than a WAV can say.
    """
    pcm_bytes = _UNKNOWN if samples is None else samples * SAMPLE_BYTES
    if pcm_bytes > _UNKNOWN - _AFTER_SIZE_BYTES:
        riff_bytes = data_bytes = _UNKNOWN
    else:
        riff_bytes, data_bytes = pcm_bytes + _AFTER_SIZE_BYTES, pcm_bytes
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        riff_bytes,
        b"WAVE",
        b"fmt ",
        16,  # bytes of what follows up to "data"
        1,  # PCM
        1,  # channel
        rate_hz,
        rate_hz * SAMPLE_BYTES,
        SAMPLE_BYTES,
        8 * SAMPLE_BYTES,
        b"data",
        data_bytes,
    )
