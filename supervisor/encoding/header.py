"""What the encoding process is told before the samples: one JSON object on a line.

    {"format": "flac", "sample_rate_hz": 22050, "samples": 48210, "title": "story"}

What may be left away is in `Header`.
"""

from typing import Literal

import msgspec

#: Longest header; a title has no reason to be longer.
MOST_BYTES = 64 * 1024

#: That are encoded; `wav` and `pcm` need no process.
EncodedFormat = Literal["mp3", "opus", "aac", "flac"]

#: Of the samples that come in, least and most.
RATES_HZ = (4_000, 192_000)


class EncodingError(Exception):
    """What came in is no order or no audio, or the codec refuses it; the message says which."""


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stream that is to be made.

    Attributes:
        format: Of what goes out.
        sample_rate_hz: Of what comes in: 16-bit little-endian mono.
        samples: How many will come; None = not known. Then FLAC says no length either.
        bitrate_bps: Of the lossy formats; None = one that speech needs no more than.
        title: For its tag, where the format has one; empty = none.
    """

    format: EncodedFormat
    sample_rate_hz: int
    samples: int | None = None
    bitrate_bps: int | None = None
    title: str = ""


def read_header(line: bytes) -> Header:
    """Check and return the first line.

    Raises:
        EncodingError: If it is none, or asks for what cannot be.
    """
    if not line.endswith(b"\n"):
        raise EncodingError("the input ended before its first line")
    try:
        header = msgspec.json.decode(line, type=Header)
    except msgspec.MsgspecError as error:
        raise EncodingError(f"the first line is no header: {error}") from error
    if not RATES_HZ[0] <= header.sample_rate_hz <= RATES_HZ[1]:
        raise EncodingError(
            f"sample_rate_hz: {header.sample_rate_hz} is not within {RATES_HZ[0]} .. {RATES_HZ[1]}"
        )
    if header.samples is not None and header.samples < 0:
        raise EncodingError(f"samples: {header.samples} is less than none")
    return header
