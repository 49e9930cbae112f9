"""An answer that is sent in pieces to a client that reads them; one that reads nothing for long is let go."""

import asyncio
from collections.abc import Mapping
from typing import Final

from starlette.types import Message, Send

#: Without a byte taken: the player is paused for longer, or its machine is gone.
UNREAD_S: Final = 300.0


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
        except TimeoutError:
            raise Cut(f"the client read nothing for {self._unread_s:g} s", at_once=True) from None
