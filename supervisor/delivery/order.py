"""What the delivery process is told and answers: one JSON object a line.

    {"path": "/…/story.flac", "format": "flac", "sample_rate_hz": 22050, "title": "story"}
    {"wav": "/…/audio/j…/….wav", "sample_rate_hz": 22050, "samples": 48210, "sha256": …}
    {"silence_s": 0.3}
    {"end": true}

    {"ok": {"path": …, "samples": …, "sample_rate_hz": …, "seconds": …, "sha256": …}}
    {"error": {"kind": "disk_full", "message": …, "path": …}}

Nothing is written before the last line is there: an input that breaks off means that the parent
died, and half a book must not look like a whole one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

ErrorKind = Literal["disk_full", "unwritable", "in_use", "bad_audio", "internal"]


class OrderError(Exception):
    """The order broke off or is no order: the parent's fault."""


class BadAudio(Exception):
    """A segment's file is not what the ledger says; the message names it and the mend."""


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file to be made.

    Attributes:
        path: Absolute.
        format: Its container.
        sample_rate_hz: Of its audio.
        title: For its tag; empty = none.
    """

    path: str
    format: Literal["wav", "flac"]
    sample_rate_hz: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentAudio:
    """A segment's WAV with what the ledger says of it."""

    wav: str
    samples: int
    sample_rate_hz: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Silence."""

    seconds: float


Piece = SegmentAudio | Pause


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is on disk for good under its name."""

    path: str
    samples: int
    sample_rate_hz: int
    seconds: float
    sha256: str


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    wav: str | None = None
    samples: int = 0
    sample_rate_hz: int = 0
    sha256: str = ""
    silence_s: float | None = None
    end: bool = False


def read_order(lines: Iterable[bytes]) -> tuple[Order, list[Piece]]:
    """Return the order and all its pieces.

    Raises:
        OrderError: If the input ends before its last line, or a line is none of the above.
    """
    rest = iter(lines)
    try:
        order = msgspec.json.decode(next(rest, b""), type=Order)
        return order, list(_pieces(rest))
    except msgspec.MsgspecError as error:
        raise OrderError(f"a line of the order cannot be read: {error}") from error


def _pieces(lines: Iterator[bytes]) -> Iterator[Piece]:
    decoder = msgspec.json.Decoder(_Line)
    for line in lines:
        said = decoder.decode(line)
        if said.end:
            return
        yield _piece(said)
    raise OrderError("the order broke off before its last line; nothing was written")


def _piece(said: _Line) -> Piece:
    if said.wav is not None and said.samples >= 0 and said.sample_rate_hz > 0 and said.sha256:
        return SegmentAudio(
            wav=said.wav, samples=said.samples, sample_rate_hz=said.sample_rate_hz, sha256=said.sha256
        )
    if said.silence_s is not None and said.silence_s >= 0:
        return Pause(seconds=said.silence_s)
    raise OrderError(f"neither audio nor silence: {said}")
