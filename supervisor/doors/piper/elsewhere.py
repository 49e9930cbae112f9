"""The service that owns the state folder, asked over its control socket for one utterance after the other."""

import asyncio
import socket
from typing import Final, Self

import msgspec

from supervisor.doors.jsonrpc import NO_ID, RpcError
from supervisor.doors.lines import LONGEST_LINE_BYTES
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import OnAudio, Speech, SpeechRequest

#: To say what it is: a service looks after its door many times a second.
_PROMPT_S: Final = 5.0

#: Others fill its queue: a line waits so long for a place in it, a look now and then.
_BUSY_S: Final = 60.0
_LOOK_S: Final = 0.2


class NotOffered(Exception):
    """Whoever listens there is no service: a `narrate` or a `say`, which ends with its work."""


class _Chunk(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    pcm_s16le: bytes


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    """An answer or a notification."""

    id: msgspec.Raw = msgspec.Raw()
    method: str = ""
    params: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()
    error: RpcError | None = None


class Elsewhere:
    """A connection to it. On the event loop; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0

    @classmethod
    async def over(cls, connection: socket.socket) -> Self:
        """Return it, known to be a service.

        Args:
            connection: To a control socket; closed with this.

        Raises:
            NotOffered: If it is none.
        """
        connection.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=connection, limit=2 * LONGEST_LINE_BYTES)
        there = cls(reader, writer)
        try:
            async with asyncio.timeout(_PROMPT_S):
                await there._ask("server/discover", {}, lambda _pcm, _rate_hz: None)
        except (CannotAsk, TimeoutError) as error:
            await there.close()
            raise NotOffered(str(error)) from error
        return there

    async def synthesize(self, request: SpeechRequest, on_audio: OnAudio | None = None) -> Speech:
        """Have it speak; see `Service`. The rate of samples is not known before the end, and given as 0."""
        wanted = {"text": request.text, "seed": request.seed, "audio": "inline"}
        params = wanted if request.voice is None else {**wanted, "voice": request.voice}
        until_s = asyncio.get_running_loop().time() + _BUSY_S
        heard = False

        def hear(pcm: bytes, rate_hz: int) -> None:
            nonlocal heard
            heard = True
            if on_audio is not None:
                on_audio(pcm, rate_hz)

        while True:
            try:
                return msgspec.json.decode(await self._ask("synthesize", params, hear), type=Speech)
            except CannotAsk as error:
                # Also the word for an engine that changed meanwhile: what was heard cannot be taken back.
                if error.kind != "busy" or heard or asyncio.get_running_loop().time() >= until_s:
                    raise
            await asyncio.sleep(_LOOK_S)

    async def close(self) -> None:
        """Hang up; what it speaks for us is taken back."""
        self._writer.close()

    async def _ask(self, method: str, params: object, on_audio: OnAudio) -> msgspec.Raw:
        self._number += 1
        line = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        try:
            self._writer.write(msgspec.json.encode(line) + b"\n")
            await self._writer.drain()
            while True:
                said = await self._next()
                if bytes(said.id) in {b"%d" % self._number, NO_ID}:
                    return _result(said)
                self._hear(said, on_audio)
        except (ConnectionError, ValueError) as error:
            raise _gone() from error

    async def _next(self) -> _Line:
        if not (line := await self._reader.readline()):
            raise _gone()
        return msgspec.json.decode(line, type=_Line)

    def _hear(self, said: _Line, on_audio: OnAudio) -> None:
        if said.method == "audio/chunk":
            chunk = msgspec.json.decode(said.params, type=_Chunk)
            if chunk.id == self._number:  # not of one that was given up
                on_audio(chunk.pcm_s16le, 0)


def _result(said: _Line) -> msgspec.Raw:
    if said.error is None:
        return said.result
    data = said.error.data
    if data is None:
        raise CannotAsk(said.error.message, kind="bad_input", retryable=False)
    raise CannotAsk(said.error.message, kind=data.kind, retryable=data.retryable)


def _gone() -> CannotAsk:
    return CannotAsk("the service that spoke has ended", kind="shutting_down", retryable=True)
