"""Wyoming over standard input and output: one client, who started the service."""

from supervisor.doors.stdiocarrier import Ending, StdioCarrier
from supervisor.doors.streams import Streams
from supervisor.doors.wyoming.desk import Desk
from supervisor.doors.wyoming.talk import Talk


class WyomingStdio(StdioCarrier[Talk]):
    """Talks to the client on standard input and output."""

    def __init__(self, desk: Desk, streams: Streams) -> None:
        """Make it; `open` opens it.

        Args:
            desk: Shared with other clients of Wyoming.
            streams: As `claim_streams` gave them; this one's from here on.
        """
        super().__init__(lambda carrier: Talk(desk, carrier, survives=True), streams)

    @property
    def client(self) -> Talk:
        """What talks to it."""
        return self._client

    def open(self) -> None:
        """Read and answer from now on."""
        self._inlet.resume()

    async def _farewell(self) -> None:
        self._end("shut down")  # before the last word: with it there is nothing left to say
        self._client.close()

    def _ending_now(self) -> Ending:
        return "input ended"
