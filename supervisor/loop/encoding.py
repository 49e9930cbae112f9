"""One stream that is being encoded, as a door sees it: samples in, a container's bytes out.

    async with await encoders.open("mp3", 24_000) as encoding:
        # in one task:                    # in another:
        await encoding.write(pcm)         async for piece in encoding:
        await encoding.finish()               ...

Writing and reading are two tasks' business, one task each: what nobody reads holds up `write` after a
megabyte or two. Either may be cancelled, and `close` may come at any time. A stream that ends without an
error is whole.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import Final, Literal, Protocol, Self

from supervisor.loop.plainaudio import SAMPLE_BYTES, wav_header

#: All that can be asked for; the last two need no process.
Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]

#: That nobody has read, of a format that needs no process; over it `write` waits.
_MOST_WAITING_BYTES: Final = 1024 * 1024


class EncodingFailed(Exception):
    """The stream is not whole and will not be; the message says why.

    Attributes:
        retryable: Nothing is wrong with what was asked: the process was killed, stood still, or
            could not be started, or the service ends.
    """

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class Encoding(Protocol):
    """One stream, from `Encoders.open` to `close`."""

    async def write(self, pcm: bytes) -> None:
        """Give the next samples; returns once they are on their way, which may need a reader.

        Args:
            pcm: 16-bit little-endian mono, cut anywhere.

        Raises:
            EncodingFailed: If the stream will not be whole, or is closed.
        """
        ...

    async def finish(self) -> None:
        """Say that there are no more samples; what ends the container can be read then.

        Raises:
            EncodingFailed: As `write`.
        """
        ...

    def __aiter__(self) -> Self:
        """Read it; pieces come as the codec makes them."""
        ...

    async def __anext__(self) -> bytes:
        """Return the next bytes; ends after `finish`, when the container is whole.

        Raises:
            EncodingFailed: If it will not be whole.
        """
        ...

    async def close(self) -> None:
        """End it, whole or not, and give its place to the next. Idempotent."""
        ...

    async def __aenter__(self) -> Self:
        """Return itself."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        ...


class PlainEncoding:
    """WAV or bare samples: an `Encoding` without a process."""

    def __init__(self, *, rate_hz: int, header: bool, samples: int | None) -> None:
        """Begin it.

        Args:
            rate_hz: Of the samples.
            header: A WAV; else the samples alone.
            samples: How many will come; None = not known.
        """
        self._pieces = deque([wav_header(rate_hz, samples)] if header else [])
        self._announced_bytes = None if samples is None else samples * SAMPLE_BYTES
        self._written_bytes = 0
        self._state: Literal["open", "finished", "closed"] = "open"
        self._changed = asyncio.Condition()

    async def write(self, pcm: bytes) -> None:  # noqa: D102 -- as in Encoding, here and below
        async with self._changed:
            await self._changed.wait_for(lambda: self._state != "open" or self._has_room())
            self._must_be("open")
            self._pieces.append(pcm)
            self._written_bytes += len(pcm)
            self._changed.notify_all()

    async def finish(self) -> None:  # noqa: D102 -- likewise
        async with self._changed:
            self._must_be("open")
            if self._announced_bytes not in {None, self._written_bytes} or self._written_bytes % SAMPLE_BYTES:
                came, said = self._written_bytes, self._announced_bytes
                self._state = "closed"
                self._changed.notify_all()
                words = f"{said} were announced" if said is not None else "which ends within a sample"
                raise EncodingFailed(f"{came} bytes of samples came, {words}", retryable=False)
            self._state = "finished"
            self._changed.notify_all()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Return the next bytes; see `Encoding`."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._pieces) or self._state != "open")
            if self._state == "closed":
                raise EncodingFailed("the stream is closed", retryable=False)
            if not self._pieces:
                raise StopAsyncIteration
            self._changed.notify_all()
            return self._pieces.popleft()

    async def close(self) -> None:  # noqa: D102 -- likewise
        async with self._changed:
            self._state = "closed"
            self._pieces.clear()
            self._changed.notify_all()

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()

    def _has_room(self) -> bool:
        return sum(map(len, self._pieces)) < _MOST_WAITING_BYTES

    def _must_be(self, state: str) -> None:
        if self._state != state:
            raise EncodingFailed(f"the stream is {self._state}: nothing can be written", retryable=False)
