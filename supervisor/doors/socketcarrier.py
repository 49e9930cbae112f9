"""A client behind a socket: its bytes in and out, whatever it speaks.

What is refused, and how a conversation ends, is each protocol's own: `connection.py`, `wyoming/sockets.py`.
"""

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from supervisor.doors.carrier import Carried, Carrier
from supervisor.edge.runtimefolder import hung_up

C = TypeVar("C", bound=Carried)


class SocketCarrier(asyncio.BaseProtocol, ABC, Generic[C]):
    """Carries the bytes of one client.

    Args:
        meet: Makes the client.
        written_bytes: That are handed to the socket in one go; what is not read beyond it waits with us.
    """

    def __init__(self, meet: Callable[[Carrier], C], written_bytes: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._written_bytes = written_bytes
        self._transport: asyncio.Transport | None = None
        self._fd = -1
        self._is_deaf = False  # it does not read what was written
        self._has_ended = False  # it says no more
        self._soon: asyncio.Handle | None = None
        self._linger: asyncio.TimerHandle | None = None  # it was told the last: what it says does not count
        self._heard_s = self._loop.time()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._client = meet(self)

    # ------------------------------------------------------------------ what asyncio tells

    def eof_received(self) -> bool:
        """Take the end of what the client says; unless it is gone, it may still read."""
        self._has_ended = True
        if self._linger is not None or hung_up(self._fd):
            return False
        self._client.end()
        return True

    def pause_writing(self) -> None:
        """Write no more: what was written is not read."""
        self._is_deaf = True

    def resume_writing(self) -> None:
        """Go on."""
        self._is_deaf = False
        self.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        del exc
        self._forgotten()
        self._transport = None
        for timer in (self._linger, self._soon):
            if timer is not None:
                timer.cancel()
        self._client.hang_up()
        self._gone.set_result(None)

    # ------------------------------------------------------------------ what the client asks

    def pause_reading(self) -> None:
        """Bring no more for now."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on."""
        if self._transport is not None and not self._has_ended:
            self._transport.resume_reading()

    def wake(self) -> None:
        """Write what there is, once this turn of the loop is over: all of one turn goes out together."""
        if self._soon is None and self._transport is not None:
            self._soon = self._loop.call_soon(self._write)

    @abstractmethod
    def done(self) -> None:
        """Close, once all is written."""

    # ------------------------------------------------------------------ what the door asks

    def worth(self) -> tuple[bool, float]:
        """Order connections: the least is the one to let go first."""
        return self._client.is_owed, self._heard_s

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # ------------------------------------------------------------------ what each protocol has

    def _taken(self, transport: asyncio.BaseTransport) -> socket.socket:
        """Take a connection; returns its socket."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=self._written_bytes)
        taken: socket.socket = transport.get_extra_info("socket")
        self._fd = taken.fileno()
        return taken

    def _heard(self, data: bytes) -> None:
        if self._linger is None:
            self._heard_s = self._loop.time()
            self._client.feed(data)

    @abstractmethod
    def _forgotten(self) -> None:
        """Tell the door that the connection is lost."""

    async def _left(self, limit_s: float) -> None:
        """Wait until the client has gone, and close; what is not read by then is not waited for."""
        await asyncio.wait([self._gone], timeout=limit_s)
        self.abort()
        await self._gone

    def _write(self) -> None:
        self._soon = None
        while self._transport is not None and not self._is_deaf and self._client.has_more:
            if self._transport.is_closing():
                return  # a write found nobody there; that we are told in a moment
            try:
                data = self._client.pull(self._written_bytes)
            except OSError:
                # What waited on the disk is lost: the end of the connection says it.
                self.abort()
                return
            self._transport.write(data)
