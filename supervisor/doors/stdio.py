"""JSON-RPC 2.0 over standard input and output: `serve --stdio`, one client, one object a line (interface §4).

The end of standard input is no end of what was asked: requests in flight are finished and answered, as for
whoever pipes a file in; then `ended` says so, and the caller parks the jobs. A client whose end of the
standard output is closed hears nothing any more, and what can be taken back is. How fast the client reads is
nobody's concern but its own.
"""

import asyncio
from typing import Final, Literal

from supervisor.doors.client import Client, Pace
from supervisor.doors.fds import Inlet, Outlet
from supervisor.doors.methods import Methods
from supervisor.doors.streams import Streams
from supervisor.log import Log

Ending = Literal[
    "input ended",  # and all that was asked is answered
    "shut down",  # by the method `shutdown`, which is answered
    "client gone",  # nobody reads standard output any more
]

#: A line of `status` takes 0.1 ms: after so many the rest of the loop has its turn, …
_LINES_A_TURN: Final = 8
#: … and half of the time at least, however fast a client asks.
_REST_S: Final = 0.001

#: For the last answers to be read when the door closes.
_FAREWELL_S: Final = 2.0


class StdioDoor:
    """Talks to the client on standard input and output."""

    def __init__(self, methods: Methods, streams: Streams, log: Log) -> None:
        """Make a door; `open` opens it.

        Args:
            methods: That may be asked.
            streams: As `claim_streams` gave them; the door's from here on.
            log: Takes events.
        """
        self._log = log
        self._streams = streams
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._client = Client(methods, self, Pace(lines=_LINES_A_TURN, rest_s=lambda: _REST_S))
        self._inlet = Inlet(streams.inlet_fd, self._client.feed, self._no_more)
        self._outlet = Outlet(streams.outlet_fd, self._client.pull, self._unread)
        self._has_ended = False
        self._closed = False

    def open(self) -> None:
        """Read and answer from now on; what the service does is told from now on."""
        self._client.listen()
        self._inlet.resume()
        self._log.event("door.open", where="standard input and output")

    async def ended(self) -> Ending:
        """Wait until there is nothing more to do here: the caller then parks the work and ends."""
        return await asyncio.shield(self._ending)

    async def close(self) -> None:
        """Answer whatever is still in flight and close: the work is parked. Again, nothing happens."""
        if self._closed:
            return
        self._closed = True
        self._inlet.close()
        await self._client.close()
        await self._outlet.drained(_FAREWELL_S)
        self._outlet.close()
        self._client.hang_up()
        self._streams.close()
        if not self._ending.done():
            self._ending.set_result("shut down")

    # ------------------------------------------------------------------ what the client asks

    def pause_reading(self) -> None:
        """Bring no more for now."""
        self._inlet.pause()

    def resume_reading(self) -> None:
        """Go on."""
        if not self._closed:
            self._inlet.resume()

    def wake(self) -> None:
        """Write what there is."""
        self._outlet.wake()

    def done(self) -> None:
        """Take that all is answered and handed to the outlet."""
        if self._outlet.is_idle:
            self._end("input ended" if self._has_ended else "shut down")

    # ------------------------------------------------------------------ ends

    def _no_more(self) -> None:
        self._has_ended = True
        self._outlet.watch()
        self._client.end()

    def _unread(self) -> None:
        """Take that nobody reads what is written, or that it cannot be."""
        self._inlet.close()
        self._client.hang_up()
        self._end("client gone")

    def _end(self, ending: Ending) -> None:
        if not self._ending.done():
            self._ending.set_result(ending)
