"""A client of `GET /api/events` that reads one event after the other."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import cast

from tests.supervisor.doors.http.visit import PATIENCE_S, Json, Visit, request


class Stream:
    """One that is open.

    Attributes:
        head: Of the answer, as it came.
    """

    def __init__(self, reader: asyncio.StreamReader, head: bytes) -> None:
        self._reader = reader
        self._body = b""
        self.head = head

    async def event(self) -> tuple[str, Json]:
        """The next event; beats are passed over."""
        async with asyncio.timeout(PATIENCE_S):
            while b"\n\n" not in self._body:
                self._body += await self._chunk()
        block, _, self._body = self._body.partition(b"\n\n")
        if block.startswith(b":"):
            return await self.event()
        name, text = block.split(b"\n")
        assert name.startswith(b"event: ")
        assert text.startswith(b"data: ")
        return name[7:].decode(), cast("Json", json.loads(text[6:]))

    async def until(self, wanted: str, **has: object) -> Json:
        """The next event of a name with these fields."""
        while True:
            name, content = await self.event()
            if name == wanted and has.items() <= content.items():
                return content

    async def beat(self) -> bytes:
        """The next chunk as it comes."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._chunk()

    async def is_over(self) -> bool:
        """Whether the answer ended as it should."""
        async with asyncio.timeout(PATIENCE_S):
            return not self._body and await self._chunk() == b""

    async def _chunk(self) -> bytes:
        size = int(await self._reader.readline(), 16)
        return (await self._reader.readexactly(size + 2))[:-2]


@asynccontextmanager
async def stream(visit: Visit, headers: Mapping[str, str] | None = None) -> AsyncGenerator[Stream]:
    """Look on, on a connection of its own."""
    reader, writer = await visit.connect()
    try:
        writer.write(request("GET", "/api/events", headers=headers))
        async with asyncio.timeout(PATIENCE_S):
            yield Stream(reader, await reader.readuntil(b"\r\n\r\n"))
    finally:
        writer.close()
