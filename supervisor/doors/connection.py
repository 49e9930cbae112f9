"""One client of the control socket: its bytes in and out."""

import asyncio
from typing import Final, Protocol

from supervisor.doors import jsonrpc as rpc
from supervisor.doors.client import Client, Pace
from supervisor.doors.fds import drop_unread
from supervisor.doors.methods import Methods
from supervisor.doors.socketcarrier import SocketCarrier
from supervisor.edge.runtimefolder import Peer, peer_of

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


class Connection(SocketCarrier[Client], asyncio.BufferedProtocol):
    """Talks to one client until either side has had enough."""

    def __init__(self, door: Host) -> None:
        self._door = door
        pace = Pace(lines=_LINES_A_TURN, rest_s=door.rest_s, most_waiting=MOST_WAITING)
        super().__init__(lambda carrier: Client(door.methods, carrier, pace), _WRITTEN_BYTES)

    # ------------------------------------------------------------------ what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, if the door wants it."""
        taken = self._taken(transport)
        refusal = self._door.enter(self, peer_of(taken))
        if refusal is not None:
            assert self._transport is not None
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
        self._heard(bytes(memoryview(self._door.inlet)[:nbytes]))

    # ------------------------------------------------------------------ what the client asks

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

    async def leave(self, limit_s: float) -> None:
        """Answer what is in flight and close; what is not read by then is not waited for."""
        await self._client.close()
        self._write()
        if not self._client.has_more:
            self.done()
        await self._left(limit_s)

    def _forgotten(self) -> None:
        self._door.forget(self)
