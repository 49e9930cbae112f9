"""Whose request is spoken next: so many at once, so many may wait, and callers take turns.

Requests of one caller are served in their order; of several callers each gets one in turn, so that who
sends sixty at once does not have the others wait for all sixty.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from supervisor.config import QueueConfig
from supervisor.loop.service import CannotAsk


class Turn:
    """One request's; over once."""

    def __init__(self, over: Callable[[], None]) -> None:
        """Begin it.

        Args:
            over: Called at its end.
        """
        self._over: Callable[[], None] | None = over

    def end(self) -> None:
        """Let the next one have it."""
        over, self._over = self._over, None
        if over is not None:
            over()


class Turns:
    """One service's.

    Attributes:
        running: Requests that have their turn.
    """

    def __init__(self, terms: Callable[[], QueueConfig]) -> None:
        """Begin with nobody.

        Args:
            terms: Returns the table `[queue]`, as it is now.
        """
        self._terms = terms
        self._loop = asyncio.get_running_loop()
        # By caller, who is next first; each in its order, and none of them empty.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._closed = False
        self.running = 0

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""
        return sum(len(line) for line in self._waiting.values())

    def close(self) -> None:
        """Give no more turns; whoever waits is told."""
        self._closed = True
        for line in self._waiting.values():
            for turn in line:
                if not turn.done():
                    turn.set_exception(shutting_down())

    @asynccontextmanager
    async def take(self, caller: str) -> AsyncGenerator[Turn]:
        """Wait for a turn, and have it.

        Args:
            caller: Who asks; any word that is the same for all of his requests.

        Raises:
            CannotAsk: `busy` where too many wait; `shutting_down`.
        """
        if self._closed:
            raise shutting_down()
        terms = self._terms()
        if self.running >= terms.max_running or self._waiting:
            if self.waiting >= terms.max_waiting:
                message = f"{self.waiting} requests wait already (queue.max_waiting); try again"
                raise CannotAsk(message, kind="busy", retryable=True)
            await self._called(caller)
        else:
            self.running += 1
        turn = Turn(lambda: self._over(caller))
        try:
            yield turn
        finally:
            turn.end()

    def _over(self, caller: str) -> None:
        self.running -= 1
        self._put_behind(caller)  # who had none yet goes first
        self._call()

    def _put_behind(self, caller: str) -> None:
        line = self._waiting.pop(caller, None)
        if line:
            self._waiting[caller] = line

    async def _called(self, caller: str) -> None:
        turn: asyncio.Future[None] = self._loop.create_future()
        self._waiting.setdefault(caller, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            # Called, and gone in the same moment; or told that the service ends, and gone.
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._over(caller)
            raise
        finally:
            self._forget(caller, turn)

    def _forget(self, caller: str, turn: asyncio.Future[None]) -> None:
        line = self._waiting.get(caller)
        if line is not None and turn in line:
            line.remove(turn)
            if not line:
                del self._waiting[caller]

    def _call(self) -> None:
        while self._waiting and self.running < self._terms().max_running:
            caller, line = next(iter(self._waiting.items()))
            turn = line.popleft()
            self._put_behind(caller)
            if not turn.done():
                self.running += 1
                turn.set_result(None)


def shutting_down() -> CannotAsk:
    """Return what whoever waits is told when the service ends."""
    return CannotAsk("the service ends", kind="shutting_down", retryable=True)
