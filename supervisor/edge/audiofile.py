"""Segments as plain WAV files, by the standard library alone: 44 bytes of header, then 16-bit mono.

A file appears under its name only when it is whole and on disk: it grows as `NAME.part`, then
header, fsync, rename, fsync of the folder. A kill at any moment leaves at most a `.part`.
"""

import hashlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from supervisor.edge.disk import fsync_folder, make_folder, write_error

#: RIFF, fmt and data headers of PCM.
HEADER_BYTES = 44

#: What an unfinished file's name ends in.
PART_SUFFIX = ".part"

#: A RIFF size is 32 bits and counts everything after its own eight bytes.
_MAX_PCM_BYTES = 2**32 - 1 - (HEADER_BYTES - 8)

_HASH_BLOCK_BYTES = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedAudio:
    """A finished file.

    Attributes:
        samples: Its length.
        sample_rate_hz: Of its audio.
        sha256: Of the whole file, header included, in hex.
    """

    samples: int
    sample_rate_hz: int
    sha256: str


class AudioPart:
    """A segment's audio while it grows. End it with `commit` or `discard`, once."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """Create `PATH.part`, over one that a killed parent left.

        Args:
            path: The finished file's; its folder is created.
            durable: Whether it must outlive the machine's power: whoever waits for a request does not.

        Raises:
            DiskFull: If there is no room.
            Unwritable: If the folder cannot be written.
        """
        self.path = path
        self._durable = durable
        self._part = path.with_name(path.name + PART_SUFFIX)
        self._pcm_bytes = 0
        make_folder(path.parent)
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            self._descriptor: int | None = os.open(self._part, flags, 0o666)
        except OSError as error:
            raise write_error(path.parent, error) from error
        self._write(bytes(HEADER_BYTES))

    @property
    def samples(self) -> int:
        """Whole samples so far."""
        return self._pcm_bytes // 2

    def append(self, pcm: bytes) -> None:
        """Add signed 16-bit little-endian mono samples.

        Raises:
            DiskFull: If there is no room; nothing is left behind.
            Unwritable: If the system refuses; nothing is left behind.
            ValueError: If the file would grow over what a WAV can hold.
        """
        if self._pcm_bytes + len(pcm) > _MAX_PCM_BYTES:
            self.discard()
            raise ValueError(f"{self.path}: over {_MAX_PCM_BYTES} bytes of audio in one segment")
        self._write(pcm)
        self._pcm_bytes += len(pcm)

    def commit(self, sample_rate_hz: int) -> CommittedAudio:
        """Put the file under its name, on disk for good when this returns.

        Raises:
            DiskFull: If there is no room; nothing is left behind.
            Unwritable: If the system refuses; nothing is left behind.
            ValueError: If the last sample is half there; nothing is left behind.
        """
        if self._pcm_bytes % 2:
            self.discard()
            raise ValueError(f"{self.path}: {self._pcm_bytes} bytes are no whole number of samples")
        descriptor = self._open_descriptor()
        try:
            os.pwrite(descriptor, wav_header(self._pcm_bytes, sample_rate_hz), 0)
            if self._durable:
                os.fsync(descriptor)
            sha256 = _sha256_of(descriptor)
            self._part.replace(self.path)
            if self._durable:
                fsync_folder(self.path.parent)
        except OSError as error:
            failure = write_error(self.path.parent, error)
            self.discard()
            raise failure from error
        self._close()
        return CommittedAudio(samples=self.samples, sample_rate_hz=sample_rate_hz, sha256=sha256)

    def discard(self) -> None:
        """Throw the unfinished file away; again, or after `commit`, nothing happens."""
        if self._descriptor is not None:
            self._close()
            self._part.unlink(missing_ok=True)

    def _write(self, piece: bytes) -> None:
        descriptor = self._open_descriptor()
        rest = memoryview(piece)
        try:
            while rest:  # a nearly full disk takes a part of it before it says so
                rest = rest[os.write(descriptor, rest) :]
        except OSError as error:
            # What is free is told as it was: without this file there is room again.
            failure = write_error(self.path.parent, error, needed_bytes=len(rest))
            self.discard()
            raise failure from error

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise ValueError(f"{self.path}: already committed or discarded")
        return self._descriptor

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def wav_header(pcm_bytes: int, sample_rate_hz: int) -> bytes:
    """Return the 44 bytes that stand before 16-bit mono PCM."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", HEADER_BYTES - 8 + pcm_bytes, b"WAVE"),
        *(b"fmt ", 16, 1, 1, sample_rate_hz, 2 * sample_rate_hz, 2, 16),
        *(b"data", pcm_bytes),
    )


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex.

    Raises:
        OSError: If it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _sha256_of(descriptor)
    finally:
        os.close(descriptor)


def _sha256_of(descriptor: int) -> str:
    digest = hashlib.sha256()
    at_byte = 0
    while block := os.pread(descriptor, _HASH_BLOCK_BYTES, at_byte):
        digest.update(block)
        at_byte += len(block)
    return digest.hexdigest()
