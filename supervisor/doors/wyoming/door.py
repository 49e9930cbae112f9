"""The Wyoming door: all places at which one service speaks it."""

import asyncio
import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor.config.values import NarrationConfig, WyomingConfig
from supervisor.doors.backlog import Room
from supervisor.doors.carrier import Carrier
from supervisor.doors.streams import Streams
from supervisor.doors.wyoming.announcing import Announcement, announce
from supervisor.doors.wyoming.desk import Desk
from supervisor.doors.wyoming.reading import Manner
from supervisor.doors.wyoming.sockets import Connection
from supervisor.doors.wyoming.stdio import WyomingStdio
from supervisor.doors.wyoming.talk import Talk
from supervisor.doors.wyoming.uri import Place, StdioPlace, TcpPlace, UnixPlace, written
from supervisor.edge.runtimefolder import ControlSocket, open_control_socket
from supervisor.errors import SupervisorError, TryLater, UsageError
from supervisor.log import Log
from supervisor.loop.speaking import Service

#: For the last events to go out when the door closes.
_FAREWELL_S: Final = 0.5

#: Connections that wait to be taken.
_BACKLOG: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is configured of it.

    Attributes:
        wyoming: All of it.
        narration: Its pauses.
    """

    wyoming: WyomingConfig
    narration: NarrationConfig

    def manner(self) -> Manner:
        """Return how texts are spoken."""
        silence_s = self.wyoming.sentence_silence_s
        return Manner(
            sample_rate_hz=self.wyoming.sample_rate or None,
            sentence_silence_s=None if silence_s == "auto" else silence_s,
            pause_sentence_s=self.narration.pause_sentence_s,
            pause_paragraph_s=self.narration.pause_paragraph_s,
        )


class WyomingDoor:
    """Listens at all its places until it is closed.

    Args:
        service: Is asked.
        places: Where.
        terms: As configured.
        room: For what clients have not read, shared with other doors.
        folder: That of the state.
        streams: Of `claim_streams`, where one place is standard input and output; the door's from here on.
        log: Takes events.
    """

    def __init__(  # noqa: PLR0913 - what a door is made of, said once and by name
        self,
        *,
        service: Service,
        places: Sequence[Place],
        terms: Terms,
        room: Room,
        folder: Path,
        streams: Streams | None,
        log: Log,
    ) -> None:
        self._desk = Desk(service, terms.manner(), room, folder, log)
        self._desk.keepers = self._keepers
        self._places = places
        self._terms = terms.wyoming
        self._streams = streams
        self._log = log
        self._stdio: WyomingStdio | None = None
        self._servers: list[asyncio.Server] = []
        self._files: list[ControlSocket] = []
        self._connections: list[Connection] = []
        self._announcements: list[Announcement] = []
        self._closed = False

    async def open(self) -> None:
        """Take clients from now on; a door that cannot be opened everywhere is closed.

        Raises:
            UsageError: If a place is none.
            TryLater: If another listens there.
        """
        try:
            for place in self._places:
                await self._open(place)
        except BaseException:
            await self.close()
            raise

    async def ended(self) -> None:
        """Wait until the client on standard input and output is through; without one, for ever."""
        if self._stdio is None:
            await asyncio.get_running_loop().create_future()
        else:
            await self._stdio.ended()

    async def close(self) -> None:
        """Let all go: who waits is told so. Again, nothing happens."""
        if self._closed:
            return
        self._closed = True
        for announcement in self._announcements:
            await announcement.withdraw()
        for server in self._servers:
            server.close()
        for file in self._files:
            file.close()
        await asyncio.gather(*(connection.leave(_FAREWELL_S) for connection in [*self._connections]))
        if self._stdio is not None:
            await self._stdio.close()
        self._desk.close()

    # ------------------------------------------------------------------ what connections ask

    def talk(self, carrier: Carrier) -> Talk:
        """Make what talks to a connection's client."""
        return Talk(self._desk, carrier)

    def enter(self, connection: Connection) -> bool:
        """Take a connection in, if there is a place for it."""
        if len(self._connections) >= self._terms.connections:
            least = min(self._connections, key=Connection.worth)
            if least.client.is_owed:
                return False
            self.forget(least)
            least.abort()
        self._connections.append(connection)
        return True

    def forget(self, connection: Connection) -> None:
        """Let a connection go; again, nothing happens."""
        if connection in self._connections:
            self._connections.remove(connection)

    def _keepers(self) -> list[Talk]:
        own = [] if self._stdio is None else [self._stdio.client]
        return [*own, *(connection.client for connection in self._connections)]

    # ------------------------------------------------------------------ places

    async def _open(self, place: Place) -> None:
        match place:
            case TcpPlace():
                where = await self._open_tcp(place)
            case UnixPlace():
                where = await self._open_unix(place)
            case StdioPlace():
                where = self._open_stdio()
        self._log.event("door.open", where=where)

    async def _open_tcp(self, place: TcpPlace) -> str:
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                lambda: Connection(self), place.host, place.port, backlog=_BACKLOG
            )
        except OSError as error:
            raise _cannot_listen(place, error) from error
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        if not place.is_local:
            warning = (
                f"wyoming at {written(place.host, port)}: Wyoming has no keys; whoever reaches this "
                "address may have the service speak"
            )
            self._log.event("notice", "warning", text=warning)
        if self._terms.zeroconf:
            announcing = announce(self._terms.zeroconf, server.sockets[0], place, self._desk.info, self._log)
            self._announcements.append(await announcing)
        return written(place.host, port)

    async def _open_unix(self, place: UnixPlace) -> str:
        try:
            file = open_control_socket(self._desk.folder, os.environ, Path(place.path))
        except SupervisorError as error:
            # It has the same rules as the control socket, and another option.
            said = str(error).replace("--socket", "--wyoming").replace("control socket", "socket")
            raise type(error)(said) from error
        self._files.append(file)
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_unix_server(lambda: Connection(self), sock=file.socket))
        return str(place)

    def _open_stdio(self) -> str:
        assert self._streams is not None
        self._stdio = WyomingStdio(self._desk, self._streams)
        self._stdio.open()
        return "standard input and output, for wyoming"


def _cannot_listen(place: TcpPlace, error: OSError) -> SupervisorError:
    why = error.strerror or str(error)
    if error.errno == errno.EADDRINUSE:
        return TryLater(f"--wyoming {place}: something listens there already; choose another port")
    if isinstance(error, socket.gaierror):
        return UsageError(f"--wyoming {place}: there is no machine of that name ({why}); give an address")
    return UsageError(f"--wyoming {place}: nothing can listen there ({why}); choose another address or port")
