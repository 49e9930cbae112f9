"""Wyoming over sockets: many clients, each for itself."""

import asyncio
import socket
from contextlib import suppress
from typing import Final, Protocol

from supervisor.doors.carrier import Carrier
from supervisor.doors.socketcarrier import SocketCarrier
from supervisor.doors.wyoming.talk import Talk

#: That a socket takes in one go; what is not read beyond it waits with us.
_WRITTEN_BYTES: Final = 64 * 1024

#: Who was told an error hangs up within milliseconds; one that does not is hung up on.
_LINGER_S: Final = 1.0


class Host(Protocol):
    """What a connection asks of its door."""

    def talk(self, carrier: Carrier) -> Talk:
        """Make what talks to it."""
        ...

    def enter(self, connection: "Connection") -> bool:
        """Take a connection in, if there is a place for it."""
        ...

    def forget(self, connection: "Connection") -> None:
        """Let a connection go; again, nothing happens."""
        ...


class Connection(SocketCarrier[Talk], asyncio.Protocol):
    """Carries the bytes of one client."""

    def __init__(self, door: Host) -> None:
        self._door = door
        super().__init__(door.talk, _WRITTEN_BYTES)

    # ------------------------------------------------------------------ what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, if there is a place."""
        taken = self._taken(transport)
        if taken.family != socket.AF_UNIX:
            # A client that lost its network without a word is found out, some hours later.
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if not self._door.enter(self):
            self._client.turn_away()

    def data_received(self, data: bytes) -> None:
        """Take what came; once it was told an error, nothing counts."""
        self._heard(data)

    # ------------------------------------------------------------------ what the talk asks

    def done(self) -> None:
        """Close, once all is written."""
        if self._transport is None or self._linger is not None:
            return
        if self._has_ended:
            self._transport.close()
            return
        # Closed with something unread, a socket takes its last words with it: what the client says, or is
        # just about to say, is read and forgotten until it hangs up.
        with suppress(OSError):
            self._transport.write_eof()
        self.resume_reading()
        self._linger = self._loop.call_later(_LINGER_S, self._lingered)

    # ------------------------------------------------------------------ what the door asks

    @property
    def client(self) -> Talk:
        """What talks to it."""
        return self._client

    async def leave(self, limit_s: float) -> None:
        """Tell who waits that the service ends, and close; what is not read by then is not waited for."""
        self._client.close()
        self._write()
        await self._left(limit_s)

    def _forgotten(self) -> None:
        self._door.forget(self)

    def _lingered(self) -> None:
        assert self._transport is not None
        if self._transport.get_write_buffer_size():
            # Somebody still reads his last words, slowly.
            self._linger = self._loop.call_later(_LINGER_S, self._lingered)
        else:
            self._transport.abort()
