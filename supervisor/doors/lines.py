"""Cut a stream of bytes into lines, keeping at most one bounded line and what came with it. Pure."""

from enum import Enum
from typing import Final

#: Interface §4. What is longer is no request of anybody's.
LONGEST_LINE_BYTES: Final = 1024 * 1024


class Unkept(Enum):
    """Stands for a line that was not kept."""

    TOO_LONG = "over the bound"


class Lines:
    """Bytes in, lines out, in order.

    Args:
        longest_bytes: A longer line is dropped as it comes, and told once as `Unkept.TOO_LONG`.
    """

    def __init__(self, longest_bytes: int = LONGEST_LINE_BYTES) -> None:
        self._longest_bytes = longest_bytes
        self._waiting = bytearray()
        self._searched = 0  # bytes at the front that hold no line's end: they are not looked at again
        self._skipping = False

    def feed(self, data: bytes) -> None:
        """Take bytes as they came."""
        self._waiting += data

    def end(self) -> None:
        """Take the end of the stream: a last line without its end counts too."""
        if (self._waiting or self._skipping) and not self._waiting.endswith(b"\n"):
            self._waiting += b"\n"

    def next(self) -> bytes | Unkept | None:
        """Return the next line without its end; None if none is whole yet."""
        if self._skipping and not self._skipped():
            return None
        end = self._waiting.find(b"\n", self._searched)
        length = len(self._waiting) if end < 0 else end
        if length > self._longest_bytes:
            self._skipping = True
            return Unkept.TOO_LONG
        if end < 0:
            self._searched = length
            return None
        line = bytes(self._waiting[:end])
        self._drop(end + 1)
        return line

    @property
    def has_next(self) -> bool:
        """Whether `next` has something to give."""
        return self._waiting.find(b"\n", self._searched) >= 0 or len(self._waiting) > self._longest_bytes

    @property
    def waiting_bytes(self) -> int:
        """How much is kept."""
        return len(self._waiting)

    def _skipped(self) -> bool:
        """Drop what belongs to a line that is too long; return whether its end was among it."""
        end = self._waiting.find(b"\n", self._searched)
        self._drop(len(self._waiting) if end < 0 else end + 1)
        self._skipping = end < 0
        return end >= 0

    def _drop(self, count: int) -> None:
        del self._waiting[:count]
        self._searched = 0
