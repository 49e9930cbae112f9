"""The control socket: what a service may be asked, for its owner alone.

JSON-RPC 2.0, one object a line (interface §4), over a unix socket that only its owner opens: the file's
mode says so, and the kernel is asked who came. Nobody who is slow, rude or gone holds up the
narration: input, output, connections and calls in progress are bounded, each turn of the loop does little.
"""

import asyncio
import os
from typing import Final

from supervisor.doors import jsonrpc as rpc
from supervisor.doors.connection import Connection
from supervisor.doors.methods import Methods
from supervisor.doors.offer import steering_methods
from supervisor.edge.runtimefolder import ControlSocket, Peer
from supervisor.log import Log
from supervisor.loop.service import Steering

#: A person or two, a page, scripts, programs that speak. One more takes the place of the silent one.
MOST_CONNECTIONS: Final = 128

#: That is read of a connection in one go: a stream of asyncio reads 256 KiB, and leaves them on the heap.
_READ_BYTES: Final = 16 * 1024

#: Four lines of `status` every 5 ms, over all connections: under a tenth of a core.
_REST_S = 0.005

#: For the last answers to go out when the door closes.
_FAREWELL_S = 0.5


class ControlDoor:
    """Listens on a control socket until it is closed."""

    def __init__(self, methods: Methods, place: ControlSocket, log: Log) -> None:
        """Make a door; `open` opens it.

        Args:
            methods: That may be asked; their calls end with this door.
            place: Listens; the door's from here on.
            log: Takes events.
        """
        self.methods = methods
        self.inlet = bytearray(_READ_BYTES)
        self._place = place
        self._log = log
        self._server: asyncio.Server | None = None
        self._connections: list[Connection] = []

    async def open(self) -> None:
        """Take connections from now on."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: Connection(self), sock=self._place.socket)
        self._log.event("door.open", where=str(self._place.path))

    async def close(self) -> None:
        """Let all go: who waits is told so. The socket's file is gone when this returns."""
        if self._server is not None:
            self._server.close()
        self._place.close()
        await asyncio.gather(*(connection.leave(_FAREWELL_S) for connection in [*self._connections]))
        await self.methods.close()

    # ------------------------------------------------------------------ what connections ask

    def rest_s(self) -> float:
        """Return how long one that asks without end rests between turns."""
        return _REST_S * len(self._connections)

    def enter(self, connection: Connection, peer: Peer) -> rpc.RpcError | None:
        """Take a connection in, or say why not."""
        if peer.uid not in (os.geteuid(), 0):
            self._log.event("door.refused", "warning", uid=peer.uid, pid=peer.pid)
            return rpc.own_error("bad_input", "only the owner of this service may ask it", retryable=False)
        if len(self._connections) >= MOST_CONNECTIONS:
            least = min(self._connections, key=Connection.worth)
            if least.is_owed:
                message = f"{MOST_CONNECTIONS} others wait for an answer; try again"
                return rpc.own_error("busy", message, retryable=True)
            self.forget(least)
            least.abort()
        self._connections.append(connection)
        return None

    def forget(self, connection: Connection) -> None:
        """Let a connection go; again, nothing happens."""
        if connection in self._connections:
            self._connections.remove(connection)


async def open_door(methods: Methods, place: ControlSocket, log: Log) -> ControlDoor:
    """Open the door that `place` listens for; a door that cannot be opened leaves nothing behind."""
    door = ControlDoor(methods, place, log)
    try:
        await door.open()
    except BaseException:
        place.close()
        raise
    return door


async def open_control(service: Steering, place: ControlSocket, log: Log) -> ControlDoor:
    """Open the control socket of a run that is steered, and no more; likewise."""
    return await open_door(steering_methods(service, log, folder=place.path.parent), place, log)
