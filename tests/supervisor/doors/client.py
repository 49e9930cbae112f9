"""A service for doors to ask, and clients to knock: real sockets, on the test's own event loop."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from supervisor.doors.control import ControlDoor, open_control
from supervisor.edge.runtimefolder import open_control_socket
from supervisor.log import Log
from supervisor.loop.service import CannotAsk, GivenBack, LifeStatus, Status, Totals

#: A machine that runs other things as well takes its time; a wait that lasts longer has failed.
PATIENCE_S = 10.0


@dataclass(slots=True)
class Steady:
    """A service that answers what it is told to answer, when it is told to.

    Attributes:
        ready: Set: clean and recycle answer.
        refusal: What they raise instead.
        lives: That `status` tells of: to make its answer as long as one likes.
        broken: What `status` raises instead.
        asked: Calls so far, by name.
        was_asked: Set at the first of them.
    """

    ready: asyncio.Event = field(default_factory=asyncio.Event)
    refusal: Exception | None = None
    broken: Exception | None = None
    lives: int = 0
    asked: list[str] = field(default_factory=list[str])
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)

    def status(self) -> Status:
        self._note("status")
        if self.broken is not None:
            raise self.broken
        life = LifeStatus(life=1, ended="exited with 0", why="leak " * 20, segments=9)
        return Status(state="narrating", child=None, queue=0, lives=[life] * self.lives, totals=Totals())

    async def clean(self) -> GivenBack:
        return await self._given("clean")

    async def recycle(self) -> GivenBack:
        return await self._given("recycle")

    def _note(self, name: str) -> None:
        self.asked.append(name)
        self.was_asked.set()

    async def _given(self, name: str) -> GivenBack:
        self._note(name)
        await self.ready.wait()
        if self.refusal is not None:
            raise self.refusal
        return GivenBack(before_bytes=9, after_bytes=4, took_s=0.25)


BUSY = CannotAsk("the child died", kind="child_crashed", retryable=True)


@dataclass(slots=True)
class Client:
    """One connection to a door."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, *lines: bytes) -> None:
        self.writer.write(b"".join(line + b"\n" for line in lines))

    def ask(self, method: str, identity: object = 1, **more: object) -> None:
        request = {"jsonrpc": "2.0", "id": identity, "method": method} | more
        self.send(json.dumps(request).encode())

    async def answer(self) -> dict[str, object]:
        line = await asyncio.wait_for(self.reader.readline(), PATIENCE_S)
        return json.loads(line)

    async def rest(self) -> list[dict[str, object]]:
        """Say no more and read to the end."""
        self.writer.write_eof()
        read = await asyncio.wait_for(self.reader.read(), PATIENCE_S)
        return [json.loads(line) for line in read.splitlines()]

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@dataclass(slots=True)
class House:
    """A door that is open, and whom it asks."""

    door: ControlDoor
    service: Steady
    path: Path
    log: list[str]
    clients: list[Client] = field(default_factory=list[Client])

    async def knock(self) -> Client:
        reader, writer = await asyncio.open_unix_connection(self.path, limit=4 * 1024 * 1024)
        client = Client(reader, writer)
        self.clients.append(client)
        return client


@asynccontextmanager
async def open_house(path: Path) -> AsyncGenerator[House]:
    """Open a door at a path; all is closed after."""
    lines: list[str] = []
    log = Log(format="text", level="debug", write=lines.append)
    service = Steady()
    door = await open_control(service, open_control_socket(path.parent, {}, path), log)
    house = House(door, service, path, lines)
    try:
        yield house
    finally:
        await door.close()
        for client in house.clients:
            await client.close()
