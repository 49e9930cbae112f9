"""An answer that is sent in pieces to a client that reads them; one that reads nothing for long is let go."""

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from typing import Final

from starlette.types import Message, Receive, Send

#: Without a byte taken: the player is paused for longer, or its machine is gone.
UNREAD_S: Final = 300.0


async def while_there(receive: Receive, work: Coroutine[object, object, None]) -> None:
    """Do what makes an answer for as long as its client is there; who goes away ends it.

    Args:
        receive: Of ASGI.
        work: Is cancelled where the client goes first; what it fails with is raised.
    """
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
    finally:
        for task in (working, gone):
            task.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Cut(Exception):
    """The answer cannot be ended as it was begun: the connection is cut, so that nobody takes it for whole.

    Args:
        why: For the log.
        at_once: What the client has not read yet is dropped.
    """

    def __init__(self, why: str, *, at_once: bool = False) -> None:
        super().__init__(why)
        self.at_once = at_once


class Sender:
    """One answer.

    Args:
        send: Of ASGI.
        unread_s: Without a byte taken, until it is let go.
    """

    def __init__(self, send: Send, unread_s: float = UNREAD_S) -> None:
        self._send = send
        self._unread_s = unread_s

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the head."""
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._sent({"type": "http.response.start", "status": status, "headers": raw})

    async def piece(self, data: bytes) -> None:
        """Send a piece of the body, once there is room for it.

        Raises:
            Cut: If the client reads nothing.
        """
        await self._sent({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """Say that this was all."""
        await self._sent({"type": "http.response.body", "body": b"", "more_body": False})

    async def _sent(self, message: Message) -> None:
        try:
            async with asyncio.timeout(self._unread_s):
                await self._send(message)
                # Others have a turn between two pieces; and that nobody is there any more is told in one.
                await asyncio.sleep(0)
        except TimeoutError:
            raise Cut(f"the client read nothing for {self._unread_s:g} s", at_once=True) from None
