"""The door itself: sockets, connections, and the end of both. In the loop of the parent.

uvicorn's parts for one connection are used, not its server: that one takes the process's signals, and wakes
ten times a second.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Sequence
from typing import Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from supervisor.config import HttpConfig
from supervisor.doors.http.address import url_of
from supervisor.doors.http.app import make_app
from supervisor.doors.http.board import Board
from supervisor.doors.http.counters import Counters
from supervisor.doors.http.fence import Fence
from supervisor.doors.http.protocol import HEAD_S, IDLE_S, TAKEN_BYTES, Connection
from supervisor.doors.http.reception import Reception
from supervisor.doors.methods import Methods
from supervisor.log import Log
from supervisor.loop.encoders import Encoders
from supervisor.loop.speaking import Service

#: For the last answers to be written when the door closes.
_FAREWELL_S: Final = 2.0

#: A connection on which nothing was asked for so long is idle: its place may go to another.
_MOMENT_S: Final = 0.25

#: Connections that are being told that there is no place for them; one more is cut off untold.
_MOST_TURNED_AWAY: Final = 64

#: Longest head of a request.
_HEAD_BYTES: Final = 16 * 1024


class HttpDoor:
    """Listens until it is closed."""

    def __init__(  # noqa: PLR0913 - what a door is made of, said once and by name
        self,
        *,
        service: Service,
        methods: Methods,
        encoders: Encoders,
        terms: HttpConfig,
        sockets: Sequence[socket.socket],
        log: Log,
        head_s: float = HEAD_S,
    ) -> None:
        """Make a door; `open` opens it.

        Args:
            service: Is asked.
            methods: That may be asked by JSON-RPC.
            encoders: For what is no WAV.
            terms: The table `[http]`.
            sockets: That listen; the door's from here on.
            log: Takes events; never a text that is spoken.
            head_s: From the connection, or the first byte of a head, to its last.
        """
        self.head_s = head_s
        self.taken = bytearray(TAKEN_BYTES)
        self._sockets = list(sockets)
        self._log = log
        self._most = terms.connections
        fence = Fence(terms.output_folders)
        self._reception = Reception(
            service=service,
            methods=methods,
            terms=terms,
            encoders=encoders,
            fence=fence,
            counters=Counters(),
            board=Board(service, fence, log),
            log=log,
            since_s=time.time(),
        )
        self._state = ServerState()
        self._config = Config(
            make_app(self._reception),
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=IDLE_S,
            h11_max_incomplete_event_size=_HEAD_BYTES,
        )
        self._servers: list[asyncio.Server] = []
        self._unlisten = service.listen(self._reception.counters.note)
        self._closed = False

    async def open(self) -> None:
        """Take connections from now on."""
        _hush()
        self._config.load()  # what it lacks is told here: of a connection that fails asyncio says nothing
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            server = await loop.create_server(lambda: Connection(self._config, self._state, self), sock=sock)
            self._servers.append(server)
            self._log.event("door.open", where=url_of(sock))

    async def close(self) -> None:
        """Answer what is in flight, close, and leave nothing behind. Again, nothing happens."""
        if self._closed:
            return
        self._closed = True
        self._unlisten()
        for server in self._servers:
            server.close()
        for sock in self._sockets:
            sock.close()
        self._reception.ending.set()
        self._reception.board.close()
        for connection in self._connections:
            connection.shutdown()
        await self._farewell()
        for connection in self._connections:
            connection.abort()
        await self._gone()

    # ------------------------------------------------------------------ what connections ask

    def enter(self, connection: Connection) -> bool:
        """Take a connection in; where there are too many, one that asks for nothing goes for it."""
        there = [one for one in self._connections if not one.is_turned_away]
        if len(there) <= self._most:
            return True
        # One that came a moment ago may have its request on the way.
        by_s = connection.quiet_since_s - _MOMENT_S
        idle = [one for one in there if not one.is_asking and one.quiet_since_s <= by_s]
        if idle:
            longest = min(idle, key=lambda one: one.quiet_since_s)
            longest.abort()
            self._state.connections.discard(longest)
        elif len(self._connections) - len(there) >= _MOST_TURNED_AWAY:
            connection.abort()
        return bool(idle)

    # ------------------------------------------------------------------ within

    @property
    def _connections(self) -> list[Connection]:
        return [one for one in self._state.connections if isinstance(one, Connection)]

    async def _farewell(self) -> None:
        """Let the last answers be written; what takes longer is ended."""
        tasks = set(self._state.tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_FAREWELL_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=_FAREWELL_S)

    async def _gone(self) -> None:
        """Let connections that were cut off be forgotten: the loop does that in its next turn."""
        for _ in range(3):
            await asyncio.sleep(0)


def _hush() -> None:
    """Keep uvicorn's own lines off standard error: what is worth telling is an event of ours."""
    logger = logging.getLogger("uvicorn")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.propagate = False
