"""Wyoming over standard input and output: one client, who started the service."""

import asyncio
from typing import Final, Literal

from supervisor.doors.fds import Inlet, Outlet
from supervisor.doors.streams import Streams
from supervisor.doors.wyoming.desk import Desk
from supervisor.doors.wyoming.talk import Talk

Ending = Literal[
    "input ended",  # and all that was asked is spoken; or what came was no Wyoming
    "shut down",  # the door was closed
    "client gone",  # nobody reads standard output any more
]

#: For the last events to be read when the door closes.
_FAREWELL_S: Final = 2.0


class WyomingStdio:
    """Talks to the client on standard input and output."""

    def __init__(self, desk: Desk, streams: Streams) -> None:
        """Make it; `open` opens it.

        Args:
            desk: Shared with other clients of Wyoming.
            streams: As `claim_streams` gave them; this one's from here on.
        """
        self._streams = streams
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._talk = Talk(desk, self, survives=True)
        self._inlet = Inlet(streams.inlet_fd, self._talk.feed, self._no_more)
        self._outlet = Outlet(streams.outlet_fd, self._pull, self._unread)
        self._closed = False

    @property
    def client(self) -> Talk:
        """What talks to it."""
        return self._talk

    def open(self) -> None:
        """Read and answer from now on."""
        self._inlet.resume()

    async def ended(self) -> Ending:
        """Wait until there is nothing more to do here: the caller then parks the work and ends."""
        return await asyncio.shield(self._ending)

    async def close(self) -> None:
        """Tell the client that the service ends, if it waits for something. Again, nothing happens."""
        if self._closed:
            return
        self._closed = True
        self._end("shut down")
        self._inlet.close()
        self._talk.close()
        await self._outlet.drained(_FAREWELL_S)
        self._outlet.close()
        self._talk.hang_up()
        self._streams.close()

    # ------------------------------------------------------------------ what the talk asks

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
        """Take that all is told and handed to the outlet."""
        if self._outlet.is_idle:
            self._end("input ended")

    # ------------------------------------------------------------------ ends

    def _pull(self, most_bytes: int) -> bytes:
        try:
            return self._talk.pull(most_bytes)
        except OSError:
            self._unread()
            return b""

    def _no_more(self) -> None:
        self._outlet.watch()
        self._talk.end()

    def _unread(self) -> None:
        """Take that nobody reads what is written, or that it cannot be."""
        self._inlet.close()
        self._talk.hang_up()
        self._end("client gone")

    def _end(self, ending: Ending) -> None:
        if not self._ending.done():
            self._ending.set_result(ending)
