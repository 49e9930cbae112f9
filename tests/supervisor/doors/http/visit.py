"""A door over a real socket, a service in memory behind it, and a client that speaks in bytes."""

import asyncio
import http.client
import io
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from supervisor.config import HttpConfig, load_config
from supervisor.doors.http.address import listening
from supervisor.doors.http.server import HttpDoor
from supervisor.doors.offer import service_methods
from supervisor.log import Log
from supervisor.loop.encoders import Encoders
from tests.supervisor.doors.memory_service import MemoryService, memory_service

if TYPE_CHECKING:
    import socket

Json = dict[str, object]

#: Nothing here takes long; a wait that lasts longer has failed.
PATIENCE_S = 10.0


def terms_of(**sets: str) -> HttpConfig:
    """The table `[http]` with some of its keys set: `hosts='["a"]'`."""
    return load_config(sets=[f"http.{key}={value}" for key, value in sets.items()], environ={}).http


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.

    Attributes:
        status: Of the answer.
        headers: Names in lower case.
        body: Whole, or as far as it came.
        is_whole: Whether the answer ended as it should.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool

    @property
    def json(self) -> Json:
        return cast("Json", json.loads(self.body))

    @property
    def code(self) -> object:
        return cast("Json", self.json["error"])["code"]


class _Bytes:
    """What `http.client` reads from, as it would from a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        assert mode == "rb"
        return io.BytesIO(self._data)


def read_answer(data: bytes, method: str = "GET") -> Answer:
    """Read an answer out of all that came over a connection."""
    response = http.client.HTTPResponse(cast("socket.socket", _Bytes(data)), method=method)
    response.begin()
    try:
        body, is_whole = response.read(), True
    except http.client.IncompleteRead as error:
        body, is_whole = error.partial, False
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(status=response.status, headers=headers, body=body, is_whole=is_whole)


@dataclass(slots=True, kw_only=True)
class Visit:
    """A door that is open.

    Attributes:
        service: Behind it.
        door: The door.
        port: That it listens on.
        logged: Lines of its log.
    """

    service: MemoryService
    door: HttpDoor
    port: int
    logged: list[str] = field(default_factory=list[str])

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def raw(self, data: bytes) -> bytes:
        """Send bytes, and return all that comes until the end."""
        reader, writer = await self.connect()
        try:
            writer.write(data)
            async with asyncio.timeout(PATIENCE_S):
                return await reader.read()
        finally:
            writer.close()

    async def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask on a connection of its own; a body that is no bytes is sent as JSON."""
        return read_answer(await self.raw(request(method, path, body, headers)), method)

    async def speak(self, text: str, **more: object) -> Answer:
        return await self.ask("POST", "/v1/audio/speech", {"input": text, "response_format": "pcm"} | more)

    async def call(self, method: str, **params: object) -> Json:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return (await self.ask("POST", "/rpc", body)).json


async def until(is_so: Callable[[], object]) -> None:
    """Wait for what nothing else tells of."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0)


def request(method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a request, the only one on its connection."""
    sent = {"host": "localhost", "connection": "close"}
    content = b""
    if body is not None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent |= {"content-type": "application/json", "content-length": str(len(content))}
    sent |= dict(headers or {})
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items() if value)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


@asynccontextmanager
async def visiting(folder: Path, *, head_s: float = PATIENCE_S, **sets: str) -> AsyncGenerator[Visit]:
    """Open a door, and close it."""
    logged: list[str] = []
    log = Log(format="text", level="debug", write=logged.append)
    terms = terms_of(**sets)
    async with memory_service(folder) as service:
        methods = service_methods(service, log, folder=folder)
        encoders = Encoders(state_marker=str(folder), most=4)
        (sock,) = listening("127.0.0.1:0", terms)
        port = int(sock.getsockname()[1])
        door = HttpDoor(
            service=service,
            methods=methods,
            encoders=encoders,
            terms=terms,
            sockets=[sock],
            log=log,
            head_s=head_s,
        )
        await door.open()
        try:
            yield Visit(service=service, door=door, port=port, logged=logged)
        finally:
            service.may_go.set()
            await door.close()
            await encoders.close()
            await methods.close()
