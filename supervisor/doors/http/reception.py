"""What every route of the door may use."""

import asyncio
from dataclasses import dataclass, field

from starlette.requests import Request

from supervisor.config import HttpConfig
from supervisor.doors.backlog import Backlog, Room
from supervisor.doors.http.board import Board
from supervisor.doors.http.counters import Counters
from supervisor.doors.http.fence import Fence
from supervisor.doors.http.tickets import Tickets
from supervisor.doors.methods import Methods
from supervisor.log import Log
from supervisor.loop.encoders import Encoders
from supervisor.loop.speaking import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """One door's.

    Attributes:
        service: Is asked.
        methods: Of JSON-RPC; the same for all doors.
        terms: The table `[http]`.
        encoders: For containers that are not written here.
        fence: Which files a request may name.
        counters: Of what came by, for `/metrics`.
        board: For who looks on.
        log: Takes events.
        since_s: When the door opened, seconds since the epoch.
        tickets: For those who listen to jobs.
        ending: Set when the door closes: what would wait for ever ends then.
    """

    service: Service
    methods: Methods
    terms: HttpConfig
    encoders: Encoders
    fence: Fence
    counters: Counters
    board: Board
    log: Log
    since_s: float
    tickets: Tickets = field(default_factory=Tickets)
    ending: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def room(self) -> Room:
        """Where bytes wait: those that a client is slow to read, and those of a body that comes."""
        return self.methods.room

    def backlog(self) -> Backlog:
        """Return what keeps bytes that a client is slow to read; to be closed."""
        return Backlog(self.room)


def caller_of(request: Request) -> str:
    """Return a word that is the same for all requests of one program: callers take turns.

    A program has many connections; it is known by where it runs, and by what it calls itself.
    """
    where = "" if request.client is None else request.client.host
    return f"http {where} {request.headers.get('user-agent', '')[:100]}"
