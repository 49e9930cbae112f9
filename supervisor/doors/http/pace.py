"""Something that is asked for often, and done seldom."""

import asyncio
from collections.abc import Callable


class Paced:
    """Does a thing soon after it is asked for, and not more often than so.

    Args:
        gap_s: Between two times, at least.
        do: The thing.
    """

    def __init__(self, gap_s: float, do: Callable[[], None]) -> None:
        self._gap_s = gap_s
        self._do = do
        self._last_s = -gap_s
        self._timer: asyncio.TimerHandle | None = None

    def ask(self) -> None:
        """Have it done; asked again before it is, nothing more happens."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(loop.time(), self._last_s + self._gap_s), self._run)

    def close(self) -> None:
        """Do nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self) -> None:
        self._timer = None
        self._last_s = asyncio.get_running_loop().time()
        self._do()
