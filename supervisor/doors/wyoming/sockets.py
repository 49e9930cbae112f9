"""Wyoming over sockets: many clients, each for itself."""

import asyncio
import socket
from contextlib import suppress
from typing import Final, Protocol, cast

from supervisor.doors.wyoming.talk import Talk
from supervisor.edge.runtimefolder import hung_up

#: That a socket takes in one go; what is not read beyond it waits with us.
_WRITTEN_BYTES: Final = 64 * 1024

#: Who was told an error hangs up within milliseconds; one that does not is hung up on.
_LINGER_S: Final = 1.0


class Host(Protocol):
    """What a connection asks of its door."""

    def talk(self, connection: "Connection") -> Talk:
        """Make what talks to it."""
        ...

    def enter(self, connection: "Connection") -> bool:
        """Take a connection in, if there is a place for it."""
        ...

    def forget(self, connection: "Connection") -> None:
        """Let a connection go; again, nothing happens."""
        ...


class Connection(asyncio.Protocol):
    """Carries the bytes of one client."""

    def __init__(self, door: Host) -> None:
        self._door = door
        self._loop = asyncio.get_running_loop()
        self._talk = door.talk(self)
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None
        self._is_deaf = False  # it does not read what was written
        self._has_ended = False  # it says no more
        self._soon: asyncio.Handle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._heard_s = self._loop.time()
        self._gone: asyncio.Future[None] = self._loop.create_future()

    # ------------------------------------------------------------------ what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, if there is a place."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_WRITTEN_BYTES)
        self._socket = transport.get_extra_info("socket")
        assert self._socket is not None
        if self._socket.family != socket.AF_UNIX:
            # A client that lost its network without a word is found out, some hours later.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if not self._door.enter(self):
            self._talk.turn_away()

    def data_received(self, data: bytes) -> None:
        """Take what came; once it was told an error, nothing counts."""
        if self._linger is None:
            self._heard_s = self._loop.time()
            self._talk.feed(data)

    def eof_received(self) -> bool:
        """Take the end of what the client says; unless it is gone, it may still read."""
        self._has_ended = True
        if self._linger is not None or (self._socket is not None and hung_up(self._socket.fileno())):
            return False
        self._talk.end()
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
        self._door.forget(self)
        self._transport = None
        for timer in (self._linger, self._soon):
            if timer is not None:
                timer.cancel()
        self._talk.hang_up()
        self._gone.set_result(None)

    # ------------------------------------------------------------------ what the talk asks

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
        return self._talk

    def worth(self) -> tuple[bool, float]:
        """Order connections: the least is the one to let go first."""
        return self._talk.is_owed, self._heard_s

    async def leave(self, limit_s: float) -> None:
        """Tell who waits that the service ends, and close; what is not read by then is not waited for."""
        self._talk.close()
        self._write()
        await asyncio.wait([self._gone], timeout=limit_s)
        self.abort()
        await self._gone

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _write(self) -> None:
        self._soon = None
        while self._transport is not None and not self._is_deaf and self._talk.has_more:
            if self._transport.is_closing():
                return  # a write found nobody there; that we are told in a moment
            try:
                data = self._talk.pull(_WRITTEN_BYTES)
            except OSError:
                # What waited on the disk is lost: the end of the connection says it.
                self.abort()
                return
            self._transport.write(data)

    def _lingered(self) -> None:
        assert self._transport is not None
        if self._transport.get_write_buffer_size():
            # Somebody still reads his last words, slowly.
            self._linger = self._loop.call_later(_LINGER_S, self._lingered)
        else:
            self._transport.abort()
