"""Cut a stream of bytes into lines, keeping at most one bounded line and what came with it. Pure."""

from enum import Enum
from typing import Final, Protocol

#: Interface §4. What is longer is no request of anybody's.
LONGEST_LINE_BYTES: Final = 1024 * 1024

#: Of a line whose end has not come so much is kept here, the rest aside: requests are shorter, all but a few.
BEGUN_BYTES: Final = 8 * 1024


class Unkept(Enum):
    """Stands for a line that was not kept."""

    TOO_LONG = "over the bound"
    LOST = "put aside, and not read back"


class Aside(Protocol):
    """Keeps bytes elsewhere, in their order; `Backlog` is one."""

    def put(self, data: bytes) -> None:
        """Take bytes in.

        Raises:
            OSError: If they cannot be kept; none is then.
        """
        ...

    def take_whole(self, count: int) -> bytes:
        """Give so many bytes out.

        Raises:
            OSError: If they cannot be read.
        """
        ...

    def close(self) -> None:
        """Forget what is left; again, nothing happens."""
        ...


class Lines:
    """Bytes in, lines out, in order.

    Args:
        longest_bytes: A longer line is dropped as it comes, and told once as `Unkept.TOO_LONG`.
        aside: Takes the beginning of a long line until its end comes; None = it is kept here.
    """

    def __init__(self, longest_bytes: int = LONGEST_LINE_BYTES, aside: Aside | None = None) -> None:
        self._longest_bytes = longest_bytes
        self._aside = aside
        self._begun_bytes = 0  # of the line that comes, put aside
        self._waiting = bytearray()
        self._searched = 0  # bytes at the front that hold no line's end: they are not looked at again
        self._skipping = False

    def feed(self, data: bytes) -> None:
        """Take bytes as they came."""
        self._waiting += data

    def end(self) -> None:
        """Take the end of the stream: a last line without its end counts too."""
        if (self._waiting or self._begun_bytes or self._skipping) and not self._waiting.endswith(b"\n"):
            self._waiting += b"\n"

    def next(self) -> bytes | Unkept | None:
        """Return the next line without its end; None if none is whole yet."""
        if self._skipping and not self._skipped():
            return None
        end = self._waiting.find(b"\n", self._searched)
        length = len(self._waiting) if end < 0 else end
        if self._begun_bytes + length > self._longest_bytes:
            self._skipping = True
            self._forget_begun()
            return Unkept.TOO_LONG
        if end < 0:
            self._searched = length
            self._put_aside()
            return None
        rest = bytes(self._waiting[:end])
        self._drop(end + 1)
        return self._whole(rest) if self._begun_bytes else rest

    @property
    def has_next(self) -> bool:
        """Whether `next` has something to give."""
        length = self._begun_bytes + len(self._waiting)
        return self._waiting.find(b"\n", self._searched) >= 0 or length > self._longest_bytes

    def close(self) -> None:
        """Forget everything; again, nothing happens."""
        self._forget_begun()
        self._waiting = bytearray()
        self._searched = 0

    @property
    def waiting_bytes(self) -> int:
        """How much is kept here."""
        return len(self._waiting)

    def _put_aside(self) -> None:
        if self._aside is None or len(self._waiting) < BEGUN_BYTES:
            return
        try:
            self._aside.put(bytes(self._waiting))
        except OSError:
            return  # it is kept here then: a line is bounded
        self._begun_bytes += len(self._waiting)
        self._waiting = bytearray()  # a new one: cleared, it would keep its room
        self._searched = 0

    def _whole(self, rest: bytes) -> bytes | Unkept:
        assert self._aside is not None
        try:
            return self._aside.take_whole(self._begun_bytes) + rest
        except OSError:
            return Unkept.LOST
        finally:
            self._forget_begun()

    def _forget_begun(self) -> None:
        if self._aside is not None:
            self._aside.close()
        self._begun_bytes = 0

    def _skipped(self) -> bool:
        """Drop what belongs to a line that is too long; return whether its end was among it."""
        end = self._waiting.find(b"\n", self._searched)
        self._drop(len(self._waiting) if end < 0 else end + 1)
        self._skipping = end < 0
        return end >= 0

    def _drop(self, count: int) -> None:
        del self._waiting[:count]
        self._searched = 0
