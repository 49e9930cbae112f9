"""Samples into one container, piece by piece, with PyAV.

What comes out is a function of the samples alone, not of how they were cut on their way: they are taken
in blocks of 20 ms. A codec keeps its own frame or two back (20 to 200 ms) until there is more, or the end
is said; nothing else waits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Protocol, cast

import av
import av.error

from supervisor.encoding.header import EncodedFormat, EncodingError, Header

#: 16-bit mono.
_SAMPLE_BYTES: Final = 2

#: Blocks a second: one frame of Opus each.
_BLOCKS: Final = 50

#: Of a FLAC file: magic, block header, and the part of STREAMINFO that ends with how many samples there are.
_FLAC_HEAD_BYTES: Final = 26
_FLAC_LENGTH_BITS: Final = 36


class _Codec(Protocol):
    """Of PyAV's codec context, what is used here: its own types know only in part what they are."""

    layout: str
    bit_rate: int


class _Stream(Protocol):
    """Of PyAV's audio stream, likewise."""

    @property
    def codec_context(self) -> _Codec: ...

    def encode(self, frame: av.AudioFrame | None) -> Sequence[object]: ...


class _Output(Protocol):
    """Of PyAV's container, likewise."""

    @property
    def metadata(self) -> dict[str, str]: ...

    def add_stream(self, codec: str, *, rate: int, options: dict[str, str]) -> _Stream: ...

    def mux(self, packet: object) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How a format is made.

    Attributes:
        container: Its muxer.
        codec: Its encoder.
        rates_hz: That the codec takes, falling; empty = any.
        bitrate_bps: Where none is asked for: speech of one channel gains nothing by more.
        of_container: Options of the muxer. None may wait for a seek: standard output has none.
    """

    container: str
    codec: str
    rates_hz: tuple[int, ...] = ()
    bitrate_bps: int = 0
    of_container: Mapping[str, str] = field(default_factory=dict[str, str])


_MP3_RATES_HZ: Final = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)

_KINDS: Final[dict[EncodedFormat, _Kind]] = {
    "mp3": _Kind(
        container="mp3",
        codec="libmp3lame",
        rates_hz=_MP3_RATES_HZ,
        bitrate_bps=96_000,
        # A Xing header says the length, which nobody knows yet; left empty it would say zero.
        of_container={"write_xing": "0"},
    ),
    "opus": _Kind(
        container="ogg",
        codec="libopus",
        rates_hz=(48_000,),
        bitrate_bps=64_000,
        of_container={"page_duration": "60000"},  # microseconds; a page of one second would be heard late
    ),
    "aac": _Kind(
        container="adts",
        codec="aac",
        rates_hz=(96_000, 88_200, 64_000, *_MP3_RATES_HZ),
        bitrate_bps=96_000,
    ),
    "flac": _Kind(container="flac", codec="flac", of_container={"metadata_header_padding": "0"}),
}


class Container:
    """One stream on its way out."""

    def __init__(self, header: Header, write: Callable[[bytes], None]) -> None:
        """Begin it; nothing may be written before there are samples.

        Args:
            header: What is wanted.
            write: Takes the container's bytes, in order.

        Raises:
            EncodingError: If this FFmpeg lacks the codec.
        """
        self._header = header
        self._outlet = _Outlet(write, header.samples if header.format == "flac" else None)
        self._block_bytes = max(header.sample_rate_hz // _BLOCKS, 1) * _SAMPLE_BYTES
        self._waiting = bytearray()
        self._samples = 0
        kind = _KINDS[header.format]
        try:
            output = av.open(self._outlet, "w", format=kind.container, options=_options(kind, header))
            self._output = cast("_Output", output)
            self._stream = self._output.add_stream(
                kind.codec,
                rate=_rate_hz(kind, header.sample_rate_hz),
                # Without its version and without chance in it: the same samples are the same bytes.
                options={"flags": "+bitexact"},
            )
        except (av.error.FFmpegError, ValueError) as error:
            raise EncodingError(f"{header.format}: {error}") from error
        self._stream.codec_context.layout = "mono"
        if kind.bitrate_bps:
            self._stream.codec_context.bit_rate = header.bitrate_bps or kind.bitrate_bps
        if header.title:
            self._output.metadata["title"] = header.title

    def take(self, pcm: bytes) -> None:
        """Encode what came, down to whole blocks.

        Raises:
            EncodingError: If the codec or the container refuses it.
        """
        self._waiting += pcm
        whole = len(self._waiting) - len(self._waiting) % self._block_bytes
        for begin in range(0, whole, self._block_bytes):
            self._encode(bytes(self._waiting[begin : begin + self._block_bytes]))
        del self._waiting[:whole]

    def end(self) -> None:
        """Encode the rest, and write what ends the container.

        Raises:
            EncodingError: If the last sample is half a one, or fewer or more came than were announced.
        """
        if len(self._waiting) % _SAMPLE_BYTES:
            raise EncodingError("the samples ended in the middle of one")
        if self._waiting:
            self._encode(bytes(self._waiting))
            self._waiting.clear()
        if not self._samples:
            raise EncodingError("no samples came: there is no empty file of this format")
        if self._header.samples not in {None, self._samples}:
            raise EncodingError(f"{self._samples} samples came, {self._header.samples} were announced")
        try:
            self._mux(None)
            self._output.close()
        except (av.error.FFmpegError, ValueError) as error:
            raise EncodingError(f"{self._header.format}: {error}") from error

    def _encode(self, block: bytes) -> None:
        samples = len(block) // _SAMPLE_BYTES
        frame = av.AudioFrame(format="s16", layout="mono", samples=samples)
        frame.sample_rate = self._header.sample_rate_hz
        frame.time_base = Fraction(1, self._header.sample_rate_hz)
        frame.pts = self._samples
        plane = frame.planes[0]
        plane.update(block.ljust(plane.buffer_size, b"\0"))  # a plane may be longer than its samples
        self._samples += samples
        try:
            self._mux(frame)
        except (av.error.FFmpegError, ValueError) as error:
            raise EncodingError(f"{self._header.format}: {error}") from error

    def _mux(self, frame: av.AudioFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self._output.mux(packet)


class _Outlet:
    """What PyAV writes into: something that cannot be sought, as a pipe cannot."""

    def __init__(self, write: Callable[[bytes], None], flac_samples: int | None) -> None:
        self._write = write
        self._flac_samples = flac_samples
        self._head = bytearray()

    def write(self, piece: bytes) -> int:
        """Pass it on; the head of a FLAC file is given the length that FFmpeg would go back for."""
        if self._flac_samples is None:
            self._write(bytes(piece))
            return len(piece)
        self._head += piece
        if len(self._head) >= _FLAC_HEAD_BYTES:
            self._write(_with_length(bytes(self._head), self._flac_samples))
            self._flac_samples = None
        return len(piece)


def _with_length(flac: bytes, samples: int) -> bytes:
    """Write the number of samples into STREAMINFO: its last 36 bits before the checksum (RFC 9639, 8.2)."""
    begin = _FLAC_HEAD_BYTES - 8
    bits = int.from_bytes(flac[begin:_FLAC_HEAD_BYTES], "big") | samples % (1 << _FLAC_LENGTH_BITS)
    return flac[:begin] + bits.to_bytes(8, "big") + flac[_FLAC_HEAD_BYTES:]


def _options(kind: _Kind, header: Header) -> dict[str, str]:
    of_title = {"id3v2_version": "3" if header.title else "0"} if header.format == "mp3" else {}
    return {"fflags": "+bitexact+flush_packets", **kind.of_container, **of_title}


def _rate_hz(kind: _Kind, rate_hz: int) -> int:
    """Return the codec's own rate that loses nothing: the least that is not below, else its greatest."""
    if not kind.rates_hz or rate_hz in kind.rates_hz:
        return rate_hz
    return min((rate for rate in kind.rates_hz if rate > rate_hz), default=kind.rates_hz[0])
