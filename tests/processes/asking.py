"""An HTTP client that knows a whole answer from one that was cut off, and may ask for several in a row."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import h11

from tests.processes.narration import PATIENCE_S

#: A queue of two hundred, before a child that is killed every second, on a machine that does other things.
LONG_PATIENCE_S = 4 * PATIENCE_S

Json = dict[str, object]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class CutOff(Exception):
    """The connection ended before the answer did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole one.

    Attributes:
        status: Of it.
        headers: Names in lower case; of several of one name the last.
        body: All of it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """Of an error object."""
        return str(cast("Json", cast("Json", json.loads(self.body))["error"])["code"])

    @property
    def events(self) -> list[Json]:
        """Those of a stream of them."""
        lines = self.body.decode().split("\n\n")
        return [cast("Json", json.loads(line.removeprefix("data: "))) for line in lines if line]


def request(method: str, target: str, body: object = None, **headers: str) -> bytes:
    """The bytes of a request; a body that is no bytes is sent as JSON."""
    lines = {"host": "localhost", "content-type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    if data and "transfer-encoding" not in lines:
        lines.setdefault("content-length", str(len(data)))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + data


@asynccontextmanager
async def connected(port: int, *, ahead_bytes: int = 65536) -> AsyncGenerator[Streams]:
    """A connection, which is closed at the end; so much, twice, it reads ahead of who reads it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=ahead_bytes)
    try:
        yield reader, writer
    finally:
        writer.close()


class Answers:
    """The answers on one connection, in order.

    Args:
        reader: Of it.
        piece_bytes: That are read at once.
        rest_s: Between two reads.
    """

    def __init__(
        self, reader: asyncio.StreamReader, *, piece_bytes: int = 65536, rest_s: float = 0.0
    ) -> None:
        self._reader = reader
        self._piece_bytes = piece_bytes
        self._rest_s = rest_s
        self._conn = h11.Connection(h11.CLIENT)

    async def next(self, method: str = "GET") -> Answer:
        """Read the next.

        Raises:
            CutOff: If it does not come, or not to its end.
        """
        if self._conn.our_state is not h11.IDLE:
            if self._conn.their_state is not h11.DONE:
                raise CutOff("it said that this was the last")
            self._conn.start_next_cycle()
        # What was really sent is nothing to h11: it is told enough to know what an answer to it looks like.
        self._conn.send(h11.Request(method=method, target="/", headers=[("Host", "localhost")]))
        self._conn.send(h11.EndOfMessage())
        head: h11.Response | None = None
        body = bytearray()
        while not isinstance(event := await self._event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
        assert head is not None
        headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        return Answer(status=head.status_code, headers=headers, body=bytes(body))

    async def _event(self) -> object:
        try:
            while (event := self._conn.next_event()) is h11.NEED_DATA:
                if self._rest_s:
                    await asyncio.sleep(self._rest_s)
                self._conn.receive_data(await self._reader.read(self._piece_bytes))
        except (h11.RemoteProtocolError, OSError) as error:
            raise CutOff(str(error)) from error
        if isinstance(event, h11.ConnectionClosed):
            raise CutOff("nothing was answered")
        return event


async def ask(port: int, method: str, target: str, body: object = None, **headers: str) -> Answer:
    """Ask on a connection of its own.

    Raises:
        CutOff: If the answer does not come whole.
    """
    try:
        async with asyncio.timeout(LONG_PATIENCE_S), connected(port) as (reader, writer):
            writer.write(request(method, target, body, **headers))
            return await Answers(reader).next(method)
    except (ConnectionError, BrokenPipeError) as error:
        raise CutOff(str(error)) from error


async def call(port: int, method: str, **params: object) -> Json:
    """Ask a method of JSON-RPC, and return what is answered, be it an error.

    Raises:
        CutOff: If the answer does not come whole.
    """
    answer = await ask(port, "POST", "/rpc", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    return cast("Json", json.loads(answer.body))
