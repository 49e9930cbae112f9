"""A client on standard input and output, which started the service: its bytes in and out, in any protocol."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, Generic, Literal, TypeVar

from supervisor.doors.carrier import Carried, Carrier
from supervisor.doors.fds import Inlet, Outlet
from supervisor.doors.streams import Streams

Ending = Literal[
    "input ended",  # and all that was asked is answered; or what came was nothing of the protocol
    "shut down",  # by a method that is answered, or the door was closed
    "client gone",  # nobody reads standard output any more
]

#: For the last answers to be read when the door closes.
_FAREWELL_S: Final = 2.0

C = TypeVar("C", bound=Carried)


class StdioCarrier(ABC, Generic[C]):
    """Carries the bytes of the client.

    Args:
        meet: Makes the client.
        streams: As `claim_streams` gave them; the door's from here on.
    """

    def __init__(self, meet: Callable[[Carrier], C], streams: Streams) -> None:
        self._streams = streams
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._client = meet(self)
        self._inlet = Inlet(streams.inlet_fd, self._client.feed, self._no_more)
        self._outlet = Outlet(streams.outlet_fd, self._pull, self._unread)
        self._has_ended = False
        self._closed = False

    async def ended(self) -> Ending:
        """Wait until there is nothing more to do here: the caller then parks the work and ends."""
        return await asyncio.shield(self._ending)

    async def close(self) -> None:
        """Tell the client that the service ends, and close. Again, nothing happens."""
        if self._closed:
            return
        self._closed = True
        self._inlet.close()
        await self._farewell()
        await self._outlet.drained(_FAREWELL_S)
        self._outlet.close()
        self._client.hang_up()
        self._streams.close()
        self._end("shut down")

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
        """Take that all is told and handed to the outlet."""
        if self._outlet.is_idle:
            self._end(self._ending_now())

    # ------------------------------------------------------------------ what each protocol has

    @abstractmethod
    async def _farewell(self) -> None:
        """Tell the client the last that it is told."""

    @abstractmethod
    def _ending_now(self) -> Ending:
        """Return why there is nothing left to say."""

    # ------------------------------------------------------------------ ends

    def _pull(self, most_bytes: int) -> bytes:
        try:
            return self._client.pull(most_bytes)
        except OSError:
            self._unread()
            return b""

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
