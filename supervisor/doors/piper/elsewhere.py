"""The service that owns the state folder, asked over its control socket for one utterance after the other."""

import asyncio
import hashlib
import socket
from collections.abc import Callable
from typing import Final, Self

import msgspec

from supervisor.doors.jsonrpc import NO_ID, Answer, request_line
from supervisor.doors.lines import LONGEST_LINE_BYTES
from supervisor.doors.piper.reciter import Ends
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import OnAudio, Speech, SpeechRequest

#: A service looks after its door many times a second: after so long without a word it is asked for one, and
#: after as long again it is not waited for any more. The utterance itself may take as long as it takes.
PROMPT_S: Final = 5.0

#: Others fill its queue: a line waits so long for a place in it, a look now and then.
_BUSY_S: Final = 60.0
_LOOK_S: Final = 0.2


class _Chunk(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    pcm_s16le: bytes


class Elsewhere:
    """A connection to it. On the event loop; one request at a time.

    Args:
        reader: Of its answers.
        writer: Of requests.
        silent: Returns what to say of a service that was silent for so many seconds.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        silent: Callable[[float], Exception],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._silent = silent
        self._number = 0

    @classmethod
    async def over(cls, connection: socket.socket, silent: Callable[[float], Exception]) -> Self:
        """Return it.

        Args:
            connection: To the control socket of a service; closed with this.
            silent: As above.
        """
        connection.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=connection, limit=2 * LONGEST_LINE_BYTES)
        return cls(reader, writer, silent)

    async def synthesize(self, request: SpeechRequest, on_audio: OnAudio | None = None) -> Speech:
        """Have it speak; see `Service`. The rate of samples is not known before the end, and given as 0.

        Raises:
            CannotAsk: If it refuses, or what came is not what it sent.
            Ends: If it ended, or is not heard of any more.
        """
        wanted = {"text": request.text, "seed": request.seed, "audio": "inline"}
        params = wanted if request.voice is None else {**wanted, "voice": request.voice}
        until_s = asyncio.get_running_loop().time() + _BUSY_S
        heard = hashlib.sha256()
        is_heard = False

        def hear(pcm: bytes, rate_hz: int) -> None:
            nonlocal is_heard
            is_heard = True
            heard.update(pcm)
            if on_audio is not None:
                on_audio(pcm, rate_hz)

        while True:
            try:
                return _whole(await self._ask("synthesize", params, hear), heard.hexdigest())
            except CannotAsk as error:
                # Also the word for an engine that changed meanwhile: what was heard cannot be taken back.
                if error.kind != "busy" or is_heard or asyncio.get_running_loop().time() >= until_s:
                    raise
            await asyncio.sleep(_LOOK_S)

    async def close(self) -> None:
        """Hang up; what it speaks for us is taken back."""
        self._writer.close()

    async def _ask(self, method: str, params: object, on_audio: OnAudio) -> msgspec.Raw:
        wanted = self._send(method, params)
        try:
            while True:
                said = await self._next()
                if bytes(said.id) in {b"%d" % wanted, NO_ID}:
                    return _result(said)
                _hear(said, wanted, on_audio)
        except (ConnectionError, ValueError) as error:
            raise _gone() from error

    def _send(self, method: str, params: object = None) -> int:
        """Ask; what cannot be written yet waits here: it is a line, and there is one at a time."""
        self._number += 1
        self._writer.write(request_line(self._number, method, params))
        return self._number

    async def _next(self) -> Answer:
        """Return the next line that it says.

        Raises:
            Ends: If it says none, not even when it is asked for a word.
        """
        try:
            line = await self._line()
        except TimeoutError:
            self._send("ping")
            try:
                line = await self._line()
            except TimeoutError as error:
                raise Ends(str(self._silent(PROMPT_S))) from error
        if not line:
            raise _gone()
        return msgspec.json.decode(line, type=Answer)

    async def _line(self) -> bytes:
        async with asyncio.timeout(PROMPT_S):
            return await self._reader.readline()


def _hear(said: Answer, wanted: int, on_audio: OnAudio) -> None:
    if said.method == "audio/chunk":
        chunk = msgspec.json.decode(said.params, type=_Chunk)
        if chunk.id == wanted:  # not of one that was given up
            on_audio(chunk.pcm_s16le, 0)


def _whole(said: msgspec.Raw, sha256: str) -> Speech:
    speech = msgspec.json.decode(said, type=Speech)
    if speech.sha256 != sha256:
        message = "the samples that came are not those that the service sent; send it again"
        raise CannotAsk(message, kind="child_crashed", retryable=True)
    return speech


def _result(said: Answer) -> msgspec.Raw:
    if said.error is None:
        return said.result
    data = said.error.data
    if data is None:
        raise CannotAsk(said.error.message, kind="bad_input", retryable=False)
    raise CannotAsk(said.error.message, kind=data.kind, retryable=data.retryable)


def _gone() -> Ends:
    return Ends("the service that spoke has ended")
