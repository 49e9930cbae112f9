"""Make the finished file: hidden beside its place, on disk, then under its name."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import soundfile

from supervisor.delivery.order import BadAudio, Delivered, Order, Piece
from supervisor.delivery.samples import blocks_of, length_samples
from supervisor.delivery.sink import Sink
from supervisor.edge.disk import fsync_folder, make_folder, settle, write_error
from supervisor.edge.partfile import open_alone
from supervisor.errors import Unwritable

#: A WAV counts its bytes in 32 bits; 64 KiB of room for headers and tags.
RIFF_LIMIT_BYTES = 2**32 - 65_536

#: Longer titles are cut in the tag: libsndfile has a bound of its own on all tags together.
_MAX_TITLE_CHARS = 200

_HASH_BLOCK_BYTES = 1 << 20


def deliver(
    order: Order,
    pieces: Sequence[Piece],
    *,
    riff_limit_bytes: int = RIFF_LIMIT_BYTES,
    alive: Callable[[], object] = bool,
) -> Delivered:
    """Write the file of an order; it is on disk for good when this returns.

    The same order and segments give the same bytes: no dates, no chance. Nothing is left behind
    when it fails, and what stood under the name before stays.

    Args:
        order: What to make.
        pieces: In order.
        riff_limit_bytes: A WAV with more bytes of audio than this becomes an RF64.
        alive: Called before each piece.

    Raises:
        DiskFull: If there is no room.
        Unwritable: If the place cannot be written.
        TryLater: If another process writes the same file now.
        BadAudio: If a segment's file is not what the ledger says.
    """
    target = Path(os.path.realpath(order.path))  # a link stays, what it points at is replaced
    _refuse_what_is_no_file(target)
    make_folder(target.parent)
    settle(target.parent.parent)  # or a delivery before us made it, and was killed
    samples = sum(length_samples(piece, order.sample_rate_hz) for piece in pieces)
    if not samples:  # an empty FLAC is no FLAC
        raise BadAudio(f"nothing was spoken that could stand in {target}")
    size_bytes = 2 * samples if order.format == "wav" else 0  # what becomes of it as FLAC nobody knows
    container = "RF64" if size_bytes > riff_limit_bytes else order.format.upper()
    try:
        sha256 = _write(order, _told(pieces, alive), container, target, size_bytes)
    except OSError as error:
        raise write_error(target.parent, error, needed_bytes=size_bytes) from error
    return Delivered(
        path=order.path,
        samples=samples,
        sample_rate_hz=order.sample_rate_hz,
        seconds=samples / order.sample_rate_hz,
        sha256=sha256,
    )


def _told(pieces: Iterable[Piece], alive: Callable[[], object]) -> Iterator[Piece]:
    for piece in pieces:
        alive()
        yield piece


def _refuse_what_is_no_file(target: Path) -> None:
    try:
        mode = target.stat().st_mode
    except OSError:
        return  # nothing there yet; what is wrong with the folder will show when it is written
    if not stat.S_ISREG(mode):
        raise Unwritable(f"{target} is there and is no regular file; choose another name with -o")


def _write(order: Order, pieces: Iterable[Piece], container: str, target: Path, size_bytes: int) -> str:
    """Write the file beside its place, then put it there; return its SHA-256."""
    part = target.with_name(f".{target.name}.part")
    descriptor, is_placed = open_alone(part, target), False
    try:
        _encode(order, pieces, container, Sink(descriptor))
        os.fsync(descriptor)
        sha256 = _sha256_of(descriptor)
        part.replace(target)
        is_placed = True
        fsync_folder(target.parent)
    except OSError as error:
        # Said here, while the part is there: once it is gone, so is the want of room.
        raise write_error(target.parent, error, needed_bytes=size_bytes) from error
    finally:
        if not is_placed:  # else what has this name by now is somebody else's
            part.unlink(missing_ok=True)
        os.close(descriptor)
    return sha256


def _encode(order: Order, pieces: Iterable[Piece], container: str, sink: Sink) -> None:
    shaped = cast("BinaryIO", sink)  # soundfile calls five methods of a file, and Sink has those
    try:
        file = soundfile.SoundFile(shaped, "w", order.sample_rate_hz, 1, "PCM_16", format=container)
    except soundfile.LibsndfileError as error:
        sink.check()
        raise BadAudio(
            f"no {container} of {order.sample_rate_hz} Hz can be made: {error.error_string}; "
            "choose another --sample-rate"
        ) from error
    with file:
        if order.title:
            file.title = order.title[:_MAX_TITLE_CHARS]
        for block in blocks_of(pieces, order.sample_rate_hz):
            file.write(block)
            sink.check()
    sink.check()  # closing writes the last frame and the header once more


def _sha256_of(descriptor: int) -> str:
    digest = hashlib.sha256()
    at_byte = 0
    while block := os.pread(descriptor, _HASH_BLOCK_BYTES, at_byte):
        digest.update(block)
        at_byte += len(block)
    return digest.hexdigest()
