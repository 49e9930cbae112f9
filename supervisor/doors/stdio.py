"""JSON-RPC 2.0 over standard input and output: `serve --stdio`, one client, one object a line (interface §4).

The end of standard input is no end of what was asked: requests in flight are finished and answered, as for
whoever pipes a file in; then `ended` says so, and the caller parks the jobs. A client whose end of the
standard output is closed hears nothing any more, and what can be taken back is. How fast the client reads is
nobody's concern but its own.
"""

from typing import Final

from supervisor.doors.client import Client, Pace
from supervisor.doors.methods import Methods
from supervisor.doors.stdiocarrier import Ending, StdioCarrier
from supervisor.doors.streams import Streams
from supervisor.log import Log

#: A line of `status` takes 0.1 ms: after so many the rest of the loop has its turn, …
_LINES_A_TURN: Final = 8
#: … and half of the time at least, however fast a client asks.
_REST_S: Final = 0.001


class StdioDoor(StdioCarrier[Client]):
    """Talks to the client on standard input and output."""

    def __init__(self, methods: Methods, streams: Streams, log: Log) -> None:
        """Make a door; `open` opens it.

        Args:
            methods: That may be asked.
            streams: As `claim_streams` gave them; the door's from here on.
            log: Takes events.
        """
        pace = Pace(lines=_LINES_A_TURN, rest_s=lambda: _REST_S)
        super().__init__(lambda carrier: Client(methods, carrier, pace), streams)
        self._log = log

    def open(self) -> None:
        """Read and answer from now on; what the service does is told from now on."""
        self._client.listen()
        self._inlet.resume()
        self._log.event("door.open", where="standard input and output")

    async def _farewell(self) -> None:
        """Answer whatever is still in flight: the work is parked."""
        await self._client.close()

    def _ending_now(self) -> Ending:
        return "input ended" if self._has_ended else "shut down"
