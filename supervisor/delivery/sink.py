"""The file that libsndfile writes into: it remembers what the system said.

libsndfile answers a full disk with a vague error, or with none until the file is closed. So its
writes come through here: the first error is kept, what comes after it is swallowed, and whoever
feeds libsndfile asks `check` after every block and after the end.
"""

import os

_WHENCE_SET, _WHENCE_CURRENT, _WHENCE_END = 0, 1, 2


class Sink:
    """A file by descriptor, in the shape that soundfile wants."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at_byte = 0
        self._length_bytes = 0
        self._error: OSError | None = None

    def check(self) -> None:
        """Say what went wrong, if anything did.

        Raises:
            OSError: The first that the system gave.
        """
        if self._error is not None:
            raise self._error

    def write(self, piece: bytes) -> int:
        """Write at the current place, all of it, or remember why not."""
        try:
            if self._error is None:
                self._write_all(piece)
        except OSError as error:
            self._error = error
        self._at_byte += len(piece)
        self._length_bytes = max(self._length_bytes, self._at_byte)
        return len(piece)

    def read(self, size: int) -> bytes:
        """Read from the current place."""
        piece = os.pread(self._descriptor, size, self._at_byte)
        self._at_byte += len(piece)
        return piece

    def seek(self, offset: int, whence: int = _WHENCE_SET) -> int:
        """Go to a place, as files do."""
        base = {_WHENCE_SET: 0, _WHENCE_CURRENT: self._at_byte, _WHENCE_END: self._length_bytes}
        self._at_byte = base[whence] + offset
        return self._at_byte

    def tell(self) -> int:
        """Return the current place."""
        return self._at_byte

    def flush(self) -> None:
        """Nothing is held back here."""

    def _write_all(self, piece: bytes) -> None:
        rest, at_byte = memoryview(piece), self._at_byte
        while rest:
            written = os.pwrite(self._descriptor, rest, at_byte)
            rest, at_byte = rest[written:], at_byte + written
