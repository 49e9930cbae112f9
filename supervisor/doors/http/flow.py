"""Bytes that somebody gives when they are there, and somebody takes when there is room for them.

What waits between the two is in memory for a moment and in a file without a name for longer: whoever gives is
never held up, and nobody's memory is filled by who reads slowly.
"""

import asyncio
from collections.abc import Callable

from supervisor.doors.backlog import Backlog


class Flow:
    """One stream of bytes, from one giver to one taker.

    Args:
        backlog: Keeps what waits; the flow's from here on.
    """

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None
        self._closed = False
        self.has_ended = False
        self.given_bytes = 0

    @property
    def waiting_bytes(self) -> int:
        """What was given and not yet taken."""
        return self._backlog.waiting_bytes

    def give(self, data: bytes) -> None:
        """Take bytes in; after the end, or a failure, nothing happens.

        Raises:
            OSError: If there is no room for them, in memory or on disk.
        """
        if self.has_ended or self._closed or self._failure is not None or not data:
            return
        self._backlog.put(data)
        self.given_bytes += len(data)
        self._changed.set()

    def end(self) -> None:
        """Say that this was all."""
        self.has_ended = True
        self._changed.set()

    def fail(self, failure: BaseException) -> None:
        """Have the taker told, at once, that there will never be all of it; the first reason stands."""
        if self._failure is None and not self.has_ended:
            self._failure = failure
        self._changed.set()

    async def ended(self) -> None:
        """Wait until all of it is there.

        Raises:
            BaseException: What it failed with.
        """
        await self._until(lambda: self.has_ended)

    async def begun(self) -> None:
        """Wait until there is some of it, or none will be.

        Raises:
            BaseException: As `ended`.
        """
        await self._until(lambda: self.has_ended or self.waiting_bytes > 0)

    async def take(self, most_bytes: int) -> bytes:
        """Wait for the next bytes, and return at most so many; none at the end.

        Raises:
            BaseException: As `ended`.
            OSError: If the file cannot be read.
        """
        await self.begun()
        return self._backlog.take(most_bytes)

    def close(self) -> None:
        """Forget what waits; again, nothing happens."""
        self._closed = True
        self._backlog.close()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            if self._failure is not None:
                raise self._failure
            self._changed.clear()
            await self._changed.wait()
        if self._failure is not None:
            raise self._failure
