"""One who looks on: what waits for him is bounded, and who reads too slowly is told all of it anew."""

import asyncio
from typing import Final

from supervisor.doors.backlog import Backlog

#: Events that wait for one viewer; what more there is to tell, he is told anew when he has read them.
MOST_UNREAD_BYTES: Final = 48 * 1024


class Viewer:
    """One.

    Args:
        backlog: Keeps what waits; the viewer's from here on.

    Attributes:
        is_behind: Something was not kept for him: he is to begin anew once he has read what waits.
        is_over: Nothing more comes after what waits.
    """

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._changed = asyncio.Event()
        self.is_behind = True
        self.is_over = False

    def begin(self, everything: bytes) -> None:
        """Give him all there is, in place of what he missed.

        Raises:
            OSError: If there is no room for it, in memory or on disk.
        """
        self._backlog.put(everything)
        self.is_behind = False

    def tell(self, event: bytes) -> None:
        """Tell him one thing more, unless too much waits already."""
        if self.is_behind:
            return
        is_full = self._backlog.waiting_bytes + len(event) > MOST_UNREAD_BYTES
        try:
            if not is_full:
                self._backlog.put(event)
        except OSError:
            is_full = True
        self.is_behind = is_full
        self._changed.set()

    def end(self) -> None:
        """Have it end once he has read what waits."""
        self.is_over = True
        self._changed.set()

    def take(self, most_bytes: int) -> bytes:
        """Return the next bytes; none where nothing waits.

        Raises:
            OSError: If the file cannot be read that they wait in.
        """
        return self._backlog.take(most_bytes)

    async def more(self, limit_s: float) -> bool:
        """Wait until there is something to do for him; False if there was nothing for so long."""
        try:
            async with asyncio.timeout(limit_s):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    def close(self) -> None:
        """Forget what waits."""
        self._backlog.close()
        self.is_behind = True  # nothing more is kept
