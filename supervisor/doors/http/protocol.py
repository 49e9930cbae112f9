"""One connection: uvicorn's, with a limit to how long a head may take, and one to how many there are.

What uvicorn lacks: a client that connects and says nothing, or a byte a minute, holds a place for ever; a
head that is too long, or no HTTP, is answered as plain text, and within an answer by an exception.
"""

import asyncio
import contextlib
import sys
from email.utils import formatdate
from typing import Final, Protocol, cast
from weakref import WeakMethod

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from supervisor.doors.http.refusals import Refusal

#: From the first byte of a head, or from the connection, to its last.
HEAD_S: Final = 10.0

#: Between two requests on one connection: longer than clients keep them, so that they are the ones to close.
IDLE_S: Final = 75

#: For one who is turned away to read why: a connection that is closed on what he sent would tell him nothing.
_LINGERING_S: Final = 0.5

#: Of what is written and not sent: a slow reader holds so much of our memory, twice.
_UNSENT_BYTES: Final = 16 * 1024

#: That is taken of a connection in one go, and that waits before no more is taken. asyncio takes 256 KiB, and
#: uvicorn lets 64 wait: a hundred clients that send faster than they are answered would fill 50 MiB.
TAKEN_BYTES: Final = 16 * 1024


class Hall(Protocol):
    """What a connection asks of the door."""

    @property
    def head_s(self) -> float:
        """How long a head may take."""
        ...

    @property
    def taken(self) -> bytearray:
        """Where bytes are put that come: one for all, since they are looked at at once."""
        ...

    def enter(self, connection: "Connection") -> bool:
        """Take a connection in; False if there is no place for it."""
        ...


class Connection(H11Protocol, asyncio.BufferedProtocol):
    """See above.

    Args:
        config: Of uvicorn.
        state: Of uvicorn: connections and requests there are.
        hall: Has the places.
    """

    def __init__(self, config: Config, state: ServerState, hall: Hall) -> None:
        # Weakly: a connection that held itself would stay until the collector comes by.
        super().__init__(config, state, {"abort": WeakMethod(self.abort), "close": WeakMethod(self.close)})
        self.access_log = False  # paths and addresses are nobody's business
        self._hall = hall
        self._late: asyncio.TimerHandle | None = None
        self.is_turned_away = False
        self.quiet_since_s = self.loop.time()

    @property
    def is_asking(self) -> bool:
        """Whether a request of its is in progress."""
        # uvicorn says that there always is one; before the first request there is none.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place, or be turned away."""
        transport = cast("asyncio.Transport", transport)
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_UNSENT_BYTES)
        if self._hall.enter(self):
            self._watch()
        else:
            message = "too many connections (http.connections); try again"
            self.is_turned_away = True
            self._say(Refusal(503, message, code="busy", retryable=True))
            with contextlib.suppress(OSError):  # it was reset this very moment
                transport.write_eof()
            self._late = self.loop.call_later(_LINGERING_S, self.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._unwatch()
        super().connection_lost(exc)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Return where the next bytes go; they are taken out before anybody else's come."""
        del sizehint
        return self._hall.taken

    def buffer_updated(self, nbytes: int) -> None:
        """Take the bytes that came."""
        self.data_received(bytes(memoryview(self._hall.taken)[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Take what came; of one who is turned away it is passed over."""
        if self.is_turned_away:
            return
        now = formatdate(usegmt=True).encode("ascii")
        self.server_state.default_headers = [(b"date", now)]
        super().data_received(data)
        if self.is_asking and len(self.cycle.body) > TAKEN_BYTES:
            self.flow.pause_reading()  # until whoever answers asks for it
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self.quiet_since_s = self.loop.time()
        # Something of it is here already: it has as long as any other.
        if self.timeout_keep_alive_task is None:
            self._watch()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request; `msg` is what uvicorn would say."""
        error = sys.exc_info()[1]
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        code = "header_too_large" if status == 431 else "bad_request"  # noqa: PLR2004 - the only other one h11 has
        self._turn_away(Refusal(status, f"this is no request of HTTP: {error or msg}", code=code))

    def abort(self) -> None:
        """Cut it off at once."""
        self.transport.abort()

    def close(self) -> None:
        """Cut it off once what was written is sent."""
        self.transport.close()

    # ------------------------------------------------------------------ within

    def _turn_away(self, refusal: Refusal) -> None:
        """Answer and close, where no answer was begun."""
        if not self.is_asking and not self.transport.is_closing():
            self._say(refusal)
        self.transport.close()

    def _say(self, refusal: Refusal) -> None:
        """Write a whole answer."""
        body = refusal.body
        headers = refusal.headers | {"content-length": str(len(body)), "connection": "close"}
        lines = [f"HTTP/1.1 {refusal.status} ", *(f"{name}: {value}" for name, value in headers.items())]
        self.transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def _watch(self) -> None:
        """Have an end to what is not a whole head yet; what comes bit by bit moves it no further."""
        if self.is_asking or self.transport.is_closing():
            self._unwatch()
        elif self._late is None:
            self._late = self.loop.call_later(self._hall.head_s, self.abort)

    def _unwatch(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
