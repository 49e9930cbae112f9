"""One client of the control socket: lines in, answers out, in any order, all of it bounded."""

import asyncio
from typing import Final, Protocol, assert_never, cast

from supervisor.doors import jsonrpc as rpc
from supervisor.doors.lines import LONGEST_LINE_BYTES, Lines, Unkept
from supervisor.edge.runtimefolder import Peer, hung_up, peer_of
from supervisor.loop.service import GivenBack

#: Answers that one connection may wait for; each is a line at the end of a segment.
MOST_WAITING: Final = 64

#: Answers that nobody reads; over it, no more of that connection's lines are looked at.
UNREAD_BYTES: Final = 256 * 1024

#: A `status` takes about 0.1 ms: after so many lines in one go the narration has its turn.
_LINES_A_TURN = 4

#: A client that was refused hangs up within milliseconds; one that does not is hung up on.
_LINGER_S = 0.5

Call = asyncio.Task[GivenBack]


class Host(Protocol):
    """What a connection asks of its door."""

    @property
    def rest_s(self) -> float:
        """How long one that asks without end rests between turns."""
        ...

    def enter(self, connection: "Connection", peer: Peer) -> rpc.RpcError | None:
        """Take a connection in, or say why not."""
        ...

    def forget(self, connection: "Connection") -> None:
        """Let a connection go; again, nothing happens."""
        ...

    def fault_of(self, request: rpc.Request) -> rpc.RpcError | None:
        """Return what is wrong with a request; None if it can be done."""
        ...

    def status_line(self, identity: bytes) -> bytes:
        """Return the answer to `status`."""
        ...

    def call(self, method: str) -> Call:
        """Return the call that is under way, or begin it."""
        ...

    def outcome_line(self, identity: bytes, call: Call) -> bytes:
        """Return the answer to a call that is over."""
        ...


class Connection(asyncio.Protocol):
    """Talks to one client until either side has had enough."""

    def __init__(self, door: Host) -> None:
        self._door = door
        self._loop = asyncio.get_running_loop()
        self._lines = Lines()
        self._transport: asyncio.Transport | None = None
        self._waiting: dict[Call, list[bytes]] = {}
        self._rest: asyncio.TimerHandle | None = None
        self._fd = -1
        self._unread = False
        self._ended = False
        self._refused = False
        self._heard_s = self._loop.time()
        self._gone: asyncio.Future[None] = self._loop.create_future()

    # ------------------------------------------------------------------ what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, if the door wants it."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=UNREAD_BYTES)
        self._fd = transport.get_extra_info("socket").fileno()
        refusal = self._door.enter(self, peer_of(transport.get_extra_info("socket")))
        if refusal is not None:
            self._write(rpc.error_line(rpc.NO_ID, refusal))
            # Closed with something unread, a socket takes its last words with it: what the client says, or
            # is just about to say, is read and forgotten until it hangs up.
            self._transport.write_eof()
            self._refused = True
            self._rest = self._loop.call_later(_LINGER_S, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self._refused:
            return
        self._heard_s = self._loop.time()
        self._lines.feed(data)
        self._work()

    def eof_received(self) -> bool:
        """Take the end of what the client says; unless it is gone, it may still read."""
        self._ended = True
        if self._refused:
            return False
        if hung_up(self._fd):
            return False
        self._lines.end()
        self._work()
        return True

    def pause_writing(self) -> None:
        """Look at no more lines: the answers to those before are not read."""
        self._unread = True

    def resume_writing(self) -> None:
        """Go on."""
        self._unread = False
        self._work()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client; what it asked for is done all the same."""
        del exc
        self._door.forget(self)
        self._transport = None
        if self._rest is not None:
            self._rest.cancel()
        for call in self._waiting:
            call.remove_done_callback(self._over)
        self._waiting.clear()
        self._gone.set_result(None)

    # ------------------------------------------------------------------ what the door asks

    @property
    def is_owed(self) -> bool:
        """Whether somebody who still listens waits for an answer."""
        return bool(self._waiting) and not self._ended

    def worth(self) -> tuple[bool, float]:
        """Order connections: the least is the one to let go first."""
        return self.is_owed, self._heard_s

    def leave(self) -> asyncio.Future[None]:
        """Close once all is written; the future is done when it is."""
        if self._transport is not None:
            self._transport.close()
        return self._gone

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # ------------------------------------------------------------------ lines

    def _work(self) -> None:
        """Take some lines; the rest when others had their turn, or once the answers are read."""
        is_done = self._rest is None and self._took_all()
        if self._transport is None or self._transport.is_closing():
            return
        if self._ended:
            if is_done and not self._waiting:
                self._transport.close()
        elif is_done:
            self._transport.resume_reading()
        elif self._lines.waiting_bytes > LONGEST_LINE_BYTES:
            self._transport.pause_reading()

    def _took_all(self) -> bool:
        for _ in range(_LINES_A_TURN):
            if self._unread:
                return False
            line = self._lines.next()
            if line is None:
                return True
            self._take(line)
        self._rest = self._loop.call_later(self._door.rest_s, self._rested)
        return False

    def _rested(self) -> None:
        self._rest = None
        self._work()

    def _take(self, line: bytes | Unkept) -> None:
        request = rpc.TOO_LONG if isinstance(line, Unkept) else rpc.read_request(line)
        match request:
            case rpc.Refused():
                self._write(rpc.error_line(request.id, request.error))
            case rpc.Request():
                self._do(request)
            case _:
                assert_never(request)

    def _do(self, request: rpc.Request) -> None:
        error = self._door.fault_of(request)
        if error is None and request.method != "status":
            error = self._call(request)
        if request.id is None:
            return
        if error is not None:
            self._write(rpc.error_line(request.id, error))
        elif request.method == "status":
            self._write(self._door.status_line(request.id))

    def _call(self, request: rpc.Request) -> rpc.RpcError | None:
        if sum(map(len, self._waiting.values())) >= MOST_WAITING:
            message = f"{MOST_WAITING} answers are waited for on this connection already"
            return rpc.own_error("busy", message, retryable=True)
        call = self._door.call(request.method)
        if request.id is not None:
            if call not in self._waiting:
                self._waiting[call] = []
                call.add_done_callback(self._over)
            self._waiting[call].append(request.id)
        return None

    def _over(self, call: Call) -> None:
        for identity in self._waiting.pop(call, []):
            self._write(self._door.outcome_line(identity, call))
        self._work()

    def _write(self, line: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(line)
