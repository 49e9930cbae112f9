"""Audio that lies in files, as one run of bytes: a finished file, or segments and the silence between them.

A file is opened when its turn comes, and a link in its place is not followed.
"""

import os
import stat
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from supervisor.edge.audiofile import HEADER_BYTES
from supervisor.edge.ledger_values import AudioPiece, Piece
from supervisor.loop.plainaudio import SAMPLE_BYTES, wav_header

#: Read in one go: out of the page cache, some microseconds.
_READ_BYTES: Final = 16 * 1024


class NotThere(OSError):
    """A file is gone, is another one, or is no plain file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Some bytes.

    Attributes:
        count: How many.
        path: Of the file that they lie in; None = they are `data`, or noughts.
        begin: Of the first in the file.
        data: All of them; empty for noughts.
    """

    count: int
    path: str | None = None
    begin: int = 0
    data: bytes = b""


#: Opens a file by its path.
Opens = Callable[[str], int]


def open_plain(path: str) -> int:
    """Open a plain file, and nothing that only leads to one; return its descriptor.

    Raises:
        NotThere: If there is none.
    """
    try:
        # Without O_NONBLOCK a pipe in its place would stop the whole service.
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NotThere(error.errno, os.strerror(error.errno or 0)) from error
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise NotThere(0, "it is no plain file")
    return opened


def must_be_there(spans: Sequence[Span]) -> None:
    """Look that all files are there: what is begun without one of them could not be ended.

    Raises:
        NotThere: If one is not.
    """
    try:
        for path in {span.path for span in spans if span.path is not None}:
            os.stat(path, follow_symlinks=False)  # noqa: PTH116 - a string is at hand
    except OSError as error:
        raise NotThere(error.errno, os.strerror(error.errno or 0)) from error


def as_wav(pieces: Sequence[Piece]) -> tuple[list[Span], int]:
    """Return one WAV of pieces of one rate, at least one of them audio; and the rate, in Hz."""
    rate_hz = next(one.sample_rate_hz for one in pieces if isinstance(one, AudioPiece))
    spans = [_span(one, rate_hz) for one in pieces]
    head = wav_header(rate_hz, sum(span.count for span in spans) // SAMPLE_BYTES)
    return [Span(count=len(head), data=head), *spans], rate_hz


def _span(piece: Piece, rate_hz: int) -> Span:
    if isinstance(piece, AudioPiece):
        return Span(path=str(piece.wav), begin=HEADER_BYTES, count=piece.samples * SAMPLE_BYTES)
    return Span(count=round(piece.seconds * rate_hz) * SAMPLE_BYTES)


def read(spans: Sequence[Span], begin: int, end: int, opens: Opens) -> Generator[bytes]:
    """Yield bytes of spans, in pieces.

    Args:
        spans: In order.
        begin: Of the first byte among all of them.
        end: One past the last.
        opens: Opens the files.

    Raises:
        NotThere: If a file is gone, or shorter than it was.
    """
    passed = 0
    for span in spans:
        first, last = max(0, begin - passed), min(span.count, end - passed)
        passed += span.count
        if first < last:
            yield from _read_one(span, first, last, opens)


def _read_one(span: Span, first: int, last: int, opens: Opens) -> Generator[bytes]:
    with _reading(span, opens) as take:
        while first < last:
            piece = take(first, min(_READ_BYTES, last - first))
            if not piece:
                raise NotThere(0, "the file is shorter than it was")
            first += len(piece)
            yield piece


@contextmanager
def _reading(span: Span, opens: Opens) -> Generator[Callable[[int, int], bytes]]:
    """Give what reads so many bytes of a span from some byte on."""
    if span.path is None:
        yield lambda first, count: span.data[first : first + count] or bytes(count)
        return
    opened = opens(span.path)
    try:
        yield lambda first, count: os.pread(opened, count, span.begin + first)
    finally:
        os.close(opened)
