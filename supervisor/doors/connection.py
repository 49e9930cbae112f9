"""One client of the control socket: its bytes in and out."""

import asyncio
from typing import Final, Protocol, cast

from supervisor.doors import jsonrpc as rpc
from supervisor.doors.client import Client, Pace
from supervisor.doors.fds import drop_unread
from supervisor.doors.methods import Methods
from supervisor.edge.runtimefolder import Peer, hung_up, peer_of

#: Answers that one connection may wait for; each is a line at the end of a segment.
MOST_WAITING: Final = 64

#: A `status` takes about 0.1 ms: after so many lines in one go the narration has its turn.
_LINES_A_TURN = 4

#: That is written in one go; the socket takes some 200 KiB, and what is not read beyond it waits with us.
_WRITTEN_BYTES = 16 * 1024

#: A client that was refused hangs up within milliseconds; one that does not is hung up on.
_LINGER_S = 0.5


class Host(Protocol):
    """What a connection asks of its door."""

    @property
    def methods(self) -> Methods:
        """What may be asked."""
        ...

    @property
    def inlet(self) -> bytearray:
        """What bytes come in through: one for all connections, used within a turn of the loop."""
        ...

    def rest_s(self) -> float:
        """Return how long one that asks without end rests between turns."""
        ...

    def enter(self, connection: "Connection", peer: Peer) -> rpc.RpcError | None:
        """Take a connection in, or say why not."""
        ...

    def forget(self, connection: "Connection") -> None:
        """Let a connection go; again, nothing happens."""
        ...


class Connection(asyncio.BufferedProtocol):
    """Talks to one client until either side has had enough."""

    def __init__(self, door: Host) -> None:
        self._door = door
        self._loop = asyncio.get_running_loop()
        pace = Pace(lines=_LINES_A_TURN, rest_s=door.rest_s, most_waiting=MOST_WAITING)
        self._client = Client(door.methods, self, pace)
        self._transport: asyncio.Transport | None = None
        self._fd = -1
        self._is_deaf = False  # it does not read what was written
        self._soon: asyncio.Handle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._heard_s = self._loop.time()
        self._gone: asyncio.Future[None] = self._loop.create_future()

    # ------------------------------------------------------------------ what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, if the door wants it."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_WRITTEN_BYTES)
        self._fd = transport.get_extra_info("socket").fileno()
        refusal = self._door.enter(self, peer_of(transport.get_extra_info("socket")))
        if refusal is not None:
            self._transport.write(rpc.error_line(rpc.NO_ID, refusal))
            # Closed with something unread, a socket takes its last words with it: what the client says, or
            # is just about to say, is read and forgotten until it hangs up.
            self._transport.write_eof()
            self._linger = self._loop.call_later(_LINGER_S, self._transport.abort)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Say where bytes are to come."""
        del sizehint
        return self._door.inlet

    def buffer_updated(self, nbytes: int) -> None:
        """Take what came."""
        if self._linger is None:
            self._heard_s = self._loop.time()
            self._client.feed(bytes(memoryview(self._door.inlet)[:nbytes]))

    def eof_received(self) -> bool:
        """Take the end of what the client says; unless it is gone, it may still read."""
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
        self._door.forget(self)
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
        if self._transport is not None:
            self._transport.resume_reading()

    def wake(self) -> None:
        """Write what there is, once this turn of the loop is over: answers of one turn go out together."""
        if self._soon is None and self._transport is not None:
            self._soon = self._loop.call_soon(self._write)

    def done(self) -> None:
        """Close, once all is written."""
        if self._transport is not None:
            drop_unread(self._fd)
            self._transport.close()

    # ------------------------------------------------------------------ what the door asks

    @property
    def is_owed(self) -> bool:
        """Whether somebody who still listens waits for an answer."""
        return self._client.is_owed

    def worth(self) -> tuple[bool, float]:
        """Order connections: the least is the one to let go first."""
        return self.is_owed, self._heard_s

    async def leave(self, limit_s: float) -> None:
        """Answer what is in flight and close; what is not read by then is not waited for."""
        await self._client.close()
        self._write()
        if not self._client.has_more:
            self.done()
        await asyncio.wait([self._gone], timeout=limit_s)
        self.abort()
        await self._gone

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _write(self) -> None:
        self._soon = None
        while self._transport is not None and not self._is_deaf and self._client.has_more:
            if self._transport.is_closing():
                return  # a write found nobody there; that we are told in a moment
            self._transport.write(self._client.pull(_WRITTEN_BYTES))
