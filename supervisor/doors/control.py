"""The control socket: `status`, `memory/clean` and `child/recycle` for the owner of the service.

JSON-RPC 2.0, one object a line (interface §4), over a unix socket that only its owner opens: the file's
mode says so, and the kernel is asked who came. Nobody who is slow, rude or gone holds up the
narration: input, output, connections and calls in progress are bounded, each turn of the loop does little.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Final

from supervisor.doors import jsonrpc as rpc
from supervisor.doors.connection import Call, Connection
from supervisor.edge.runtimefolder import ControlSocket, Peer
from supervisor.errors import SupervisorError
from supervisor.log import Log
from supervisor.loop.service import CannotAsk, GivenBack, Steering

#: A person or two, a page, some scripts. One more takes the place of the one that was silent longest.
MOST_CONNECTIONS: Final = 32

METHODS: Final = ("status", "memory/clean", "child/recycle")

#: Four lines of `status` every 5 ms, over all connections: under a tenth of a core.
_REST_S = 0.005

#: For the last answers to go out when the door closes.
_FAREWELL_S = 0.5


class ControlDoor:
    """Listens on a control socket until it is closed."""

    def __init__(self, service: Steering, place: ControlSocket, log: Log) -> None:
        """Make a door; `open` opens it.

        Args:
            service: Is asked.
            place: Listens; the door's from here on.
            log: Takes events.
        """
        self._service = service
        self._place = place
        self._log = log
        self._server: asyncio.Server | None = None
        self._connections: list[Connection] = []
        self._calls: dict[str, Call] = {}

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
        for call in self._calls.values():
            call.cancel()  # the waiting alone: what was asked of the child goes on
        await asyncio.gather(*self._calls.values(), return_exceptions=True)
        gone = [connection.leave() for connection in self._connections]
        if gone:
            await asyncio.wait(gone, timeout=_FAREWELL_S)
        for connection in [*self._connections]:
            connection.abort()
        await asyncio.gather(*gone)

    # ------------------------------------------------------------------ what connections ask

    @property
    def rest_s(self) -> float:
        """How long one that asks without end rests between turns."""
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

    def fault_of(self, request: rpc.Request) -> rpc.RpcError | None:
        """Return what is wrong with a request; None if it can be done."""
        if request.method not in METHODS:
            return rpc.unknown_method(request.method, METHODS)
        return rpc.no_params(request.params)

    def status_line(self, identity: bytes) -> bytes:
        """Return the answer to `status`."""
        try:
            return rpc.result_line(identity, self._service.status())
        except Exception as error:  # noqa: BLE001 - a bug in an answer must not end the night's work
            return rpc.error_line(identity, self._bug("status", error))

    def call(self, method: str) -> Call:
        """Return the call that is under way, or begin it: however many ask, it is done once."""
        call = self._calls.get(method)
        if call is None:
            self._log.event("door.asked", method=method)
            asked = self._service.clean if method == "memory/clean" else self._service.recycle
            call = asyncio.create_task(_awaited(asked), name=method)
            self._calls[method] = call
            call.add_done_callback(self._over)
        return call

    def outcome_line(self, identity: bytes, call: Call) -> bytes:
        """Return the answer to a call that is over."""
        if call.cancelled():
            error = rpc.own_error("shutting_down", "the work is over", retryable=False)
            return rpc.error_line(identity, error)
        failure = call.exception()
        if failure is None:
            return rpc.result_line(identity, call.result())
        if isinstance(failure, CannotAsk):
            error = rpc.own_error(failure.kind, str(failure), retryable=failure.retryable)
            return rpc.error_line(identity, error)
        return rpc.error_line(identity, self._bug(call.get_name(), failure))

    def _over(self, call: Call) -> None:
        del self._calls[call.get_name()]
        if not call.cancelled():
            call.exception()  # looked at, even where whoever asked has left

    def _bug(self, method: str, error: BaseException) -> rpc.RpcError:
        named = str(error) if isinstance(error, SupervisorError) else f"{type(error).__name__}: {error}"
        self._log.event("bug", "error", where="control socket", method=method, message=named)
        return rpc.RpcError(code=rpc.INTERNAL_ERROR, message=f"{method} failed: {named}")


async def open_control(service: Steering, place: ControlSocket, log: Log) -> ControlDoor:
    """Open the door that `place` listens for; a door that cannot be opened leaves nothing behind."""
    door = ControlDoor(service, place, log)
    try:
        await door.open()
    except BaseException:
        place.close()
        raise
    return door


async def _awaited(asked: Callable[[], Awaitable[GivenBack]]) -> GivenBack:
    return await asked()
