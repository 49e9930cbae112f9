"""Standard input of a Piper program: one line at a time, when it comes, and no more than is asked for."""

import asyncio

from supervisor.doors.fds import Inlet
from supervisor.doors.lines import Lines, Unkept


class Stdin:
    """Reads lines. On the event loop."""

    def __init__(self, fd: int) -> None:
        """Begin; nothing is read before it is asked for.

        Args:
            fd: Does not block, or is a file.
        """
        self._lines = Lines()
        self._inlet = Inlet(fd, self._feed, self._end)
        self._came = asyncio.Event()
        self._ended = False

    async def next(self) -> bytes | Unkept | None:
        """Return the next line without its end; None after the last."""
        while (line := self._lines.next()) is None:
            if self._ended:
                return None
            self._came.clear()
            self._inlet.resume()
            await self._came.wait()
        return line

    def close(self) -> None:
        """Read no more."""
        self._inlet.close()

    def _feed(self, data: bytes) -> None:
        self._lines.feed(data)
        self._inlet.pause()
        self._came.set()

    def _end(self) -> None:
        self._ended = True
        self._lines.end()
        self._came.set()
