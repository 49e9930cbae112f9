"""A client at the two ends of a stdio door: real pipes, on the test's own event loop."""

import asyncio
import base64
import json
import os
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from supervisor.doors.offer import service_methods
from supervisor.doors.stdio import StdioDoor
from supervisor.doors.streams import Streams
from supervisor.log import Log
from tests.supervisor.doors.memory_service import MemoryService, memory_service

#: A machine that runs other things as well takes its time; a wait that lasts longer has failed.
PATIENCE_S = 15.0

Json = dict[str, object]


def request(method: str, identity: object = 1, **params: object) -> bytes:
    asked: Json = {"jsonrpc": "2.0", "id": identity, "method": method}
    return json.dumps(asked | ({"params": params} if params else {})).encode()


async def until(seen: Callable[[], bool]) -> None:
    """Wait for what a test has no event for, a look at each turn of the loop; fail if it never comes."""
    async with asyncio.timeout(PATIENCE_S):
        while not seen():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)


def error_of(answer: Json) -> Json:
    return cast("Json", answer["error"])


def result_of(answer: Json) -> Json:
    assert "result" in answer, answer
    return cast("Json", answer["result"])


@dataclass(slots=True)
class Caller:
    """Who started the service: writes to its input, reads its output.

    Attributes:
        service: Behind the door.
        door: That is tested.
        lines: Everything that was read, decoded, in order.
        log: Lines of the log.
    """

    service: MemoryService
    door: StdioDoor
    out: asyncio.StreamReader
    into: asyncio.StreamWriter
    lines: list[Json] = field(default_factory=list[Json])
    log: list[str] = field(default_factory=list[str])

    def send(self, *lines: bytes) -> None:
        self.into.write(b"".join(line + b"\n" for line in lines))

    def ask(self, method: str, identity: object = 1, **params: object) -> None:
        self.send(request(method, identity, **params))

    async def line(self) -> Json:
        line = await asyncio.wait_for(self.out.readline(), PATIENCE_S)
        assert line.endswith(b"\n"), "the output ended"
        self.lines.append(json.loads(line))
        return self.lines[-1]

    async def answer(self, identity: object = 1) -> Json:
        """Read on to the answer to a request."""
        while True:
            line = await self.line()
            if "id" in line and line["id"] == identity and "method" not in line:
                return line

    async def result(self, method: str, identity: object = 1, **params: object) -> Json:
        self.ask(method, identity, **params)
        return result_of(await self.answer(identity))

    async def error(self, method: str, identity: object = 1, **params: object) -> Json:
        self.ask(method, identity, **params)
        return error_of(await self.answer(identity))

    def said(self, method: str) -> list[Json]:
        """Return the params of the notifications read so far."""
        return [cast("Json", line["params"]) for line in self.lines if line.get("method") == method]

    async def rest(self) -> list[Json]:
        """Say no more, have the door closed once it is through, and read to the end."""
        self.into.write_eof()
        reading = asyncio.ensure_future(self.out.read())
        assert await asyncio.wait_for(self.door.ended(), PATIENCE_S) == "input ended"
        await self.door.close()
        read = [json.loads(line) for line in (await reading).splitlines()]
        self.lines += read
        return read


@asynccontextmanager
async def open_pipes(folder: Path) -> AsyncGenerator[Caller]:
    """Open a door between two pipes; all is closed after."""
    (inlet, into_fd), (out_fd, outlet) = os.pipe(), os.pipe()
    os.set_blocking(inlet, False)
    os.set_blocking(outlet, False)
    log: list[str] = []
    loop = asyncio.get_running_loop()
    async with memory_service(folder) as service:
        sink = Log(format="text", level="debug", write=log.append)
        methods = service_methods(service, sink, folder=folder)
        door = StdioDoor(methods, Streams(inlet_fd=inlet, outlet_fd=outlet), sink)
        out = asyncio.StreamReader(limit=4 * 1024 * 1024)
        reading, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(out), os.fdopen(out_fd, "rb", buffering=0)
        )
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.streams.FlowControlMixin(loop), os.fdopen(into_fd, "wb", buffering=0)
        )
        into = asyncio.StreamWriter(transport, protocol, None, loop)
        door.open()
        try:
            yield Caller(service, door, out, into, log=log)
        finally:
            await door.close()
            await methods.close()
            into.close()
            reading.close()
            await asyncio.sleep(0)


def pcm_of(chunks: Iterable[Json]) -> bytes:

    return b"".join(base64.b64decode(str(chunk["pcm_s16le"])) for chunk in chunks)
