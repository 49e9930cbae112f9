"""What may be asked of a service over JSON-RPC, by name: the one table behind every door that speaks it.

A method takes the text of its params and gives back the text of its result, at once or later. Whatever is
wrong is raised: `Fault` where the request is to blame, `CannotAsk` where the service cannot.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import msgspec

from supervisor.core.notes import Note
from supervisor.doors import jsonrpc as rpc
from supervisor.doors.backlog import Room
from supervisor.errors import SupervisorError
from supervisor.log import Log
from supervisor.loop.service import CannotAsk, GivenBack

#: What clients have not read yet, in memory, all of them together: the parent stays under 40 MiB. It is
#: enough for those who read: what they wait for is gone within a turn of the loop.
UNREAD_ROOM_BYTES: Final = 512 * 1024

#: A result as JSON text, or what gives it once it is called: a call that never begins leaves nothing behind.
Doing = bytes | Callable[[], Coroutine[object, object, bytes]]


class Asker(Protocol):
    """Who asked, as a method sees it."""

    @property
    def caller(self) -> str:
        """A word that is the same for all of one caller's requests: callers take turns."""
        ...

    @property
    def takes_audio(self) -> bool:
        """Whether the request has an id that audio can be sent under."""
        ...

    def audio(self, pcm: bytes, rate_hz: int) -> None:
        """Take 16-bit samples of the answer; never raises."""
        ...

    def tell(self, line: bytes, about: str | None) -> None:
        """Take a notification about this request, which may be dropped; see `Outbox.tell`."""
        ...

    def listen(self) -> None:
        """Have the asker told what the service does, from now on."""
        ...

    def keep(self) -> None:
        """Have the request done to its end, though its method could be taken back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method.

    Attributes:
        begin: Does what is asked, or says how.
        waits: Whether the answer may take its time.
        can_be_taken_back: Whether cancelling the request ends it: not so where that would leave it unknown
            whether the ledger holds it.
        when_shut: What is answered if the service ends meanwhile; None = that it did.
    """

    begin: Callable[[bytes, Asker], Doing]
    waits: bool = False
    can_be_taken_back: bool = False
    when_shut: bytes | None = None


class Methods:
    """A table of methods with what they share.

    Args:
        table: Methods by name.
        log: Takes bugs.
        folder: For what clients are slow to read.
        listen: Has notes told to one more, and returns what ends that.
        once: What is done once for all who ask.
    """

    def __init__(
        self,
        table: Mapping[str, Method],
        log: Log,
        *,
        folder: Path,
        listen: Callable[[Callable[[Note], None]], Callable[[], None]],
        once: "tuple[Once, ...]",
    ) -> None:
        self._table = table
        self._log = log
        self.names = tuple(table)
        self.room = Room(UNREAD_ROOM_BYTES, folder)
        self.listen = listen
        self._once = once

    def of(self, name: str) -> Method:
        """Return a method.

        Raises:
            Fault: If there is none of that name.
        """
        method = self._table.get(name)
        if method is None:
            raise rpc.Fault(rpc.unknown_method(name, self.names))
        return method

    async def close(self) -> None:
        """End the waiting for what is under way; again, nothing happens."""
        for each in self._once:
            await each.close()

    def error_of(self, method: str, failure: BaseException) -> rpc.RpcError:
        """Return what a failure is answered with; a bug is logged."""
        match failure:
            case rpc.Fault():
                return failure.error
            case CannotAsk():
                return rpc.own_error(failure.kind, str(failure), retryable=failure.retryable)
            case asyncio.CancelledError():
                return rpc.OVER
            case SupervisorError():
                named = str(failure)
            case _:
                named = f"{type(failure).__name__}: {failure}"
        self._log.event("bug", "error", where="door", method=method, message=named)
        return rpc.RpcError(code=rpc.INTERNAL_ERROR, message=f"{method} failed: {named}")


class Once:
    """Does a thing once, however many ask for it meanwhile; who leaves cancels nothing.

    Args:
        do: The thing.
        name: For the log.
        log: Takes that it was asked.
    """

    def __init__(self, do: Callable[[], Awaitable[GivenBack]], name: str, log: Log) -> None:
        self._do = do
        self._name = name
        self._log = log
        self._doing: asyncio.Task[GivenBack] | None = None

    async def ask(self) -> bytes:
        """Wait until it is done, and return the result."""
        if self._doing is None:
            self._log.event("door.asked", method=self._name)
            self._doing = asyncio.create_task(_awaited(self._do), name=self._name)
            self._doing.add_done_callback(self._done)
        return msgspec.json.encode(await asyncio.shield(self._doing))

    async def close(self) -> None:
        """End the waiting; what was asked of the child goes on."""
        if self._doing is not None:
            self._doing.cancel()
            await asyncio.gather(self._doing, return_exceptions=True)

    def _done(self, doing: asyncio.Task[GivenBack]) -> None:
        self._doing = None
        if not doing.cancelled():
            doing.exception()  # looked at, even where whoever asked has left


async def _awaited(do: Callable[[], Awaitable[GivenBack]]) -> GivenBack:
    return await do()
