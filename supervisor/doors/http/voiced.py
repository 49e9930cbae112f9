"""One utterance on its way to a client: spoken, encoded, and waiting to be read, each at its own pace.

    service ─ samples ─▶ Flow ─▶ encoding process ─ container ─▶ Flow ─▶ client
                         (WAV and bare samples go straight to the client)

Samples come a segment at a time, each whole and checked. Encoding processes are few: what comes out of one
waits in the second flow, so that a client that reads slowly keeps none from others.
"""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Final, Self

from supervisor.doors.http.flow import Flow
from supervisor.doors.http.reception import Reception
from supervisor.doors.http.refusals import Refusal, refusal_of
from supervisor.doors.http.wanted import Wanted
from supervisor.doors.outbox import lost
from supervisor.loop.encoding import Encoding, EncodingFailed
from supervisor.loop.plainaudio import SAMPLE_BYTES, wav_header
from supervisor.loop.service import CannotAsk, ErrorKind

#: Samples that go to an encoding process at once: a third of a second.
_PIECE_BYTES: Final = 16 * 1024

#: Formats that say their length in their first bytes, and that libraries do not take without: they begin
#: when all is spoken.
_NEEDS_LENGTH: Final = frozenset({"flac"})

#: Field of the request that a kind of failure is about.
_PARAMS: Final[dict[ErrorKind, str]] = {"bad_input": "input", "voice_not_found": "voice"}


class Voiced:
    """One utterance; `async with` begins it, and ends whatever is left of it."""

    def __init__(self, reception: Reception, wanted: Wanted, caller: str) -> None:
        """Make it; nothing happens before it is entered.

        Args:
            reception: Of the door.
            wanted: What is asked for.
            caller: Who asks.
        """
        self._caller = caller
        self._reception = reception
        self._wanted = wanted
        self._samples = Flow(reception.backlog())
        self._is_plain = wanted.format in ("wav", "pcm")
        self._out = self._samples if self._is_plain else Flow(reception.backlog())
        self._rate_hz = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._head = b""

    async def begin(self, *, whole: bool) -> int | None:
        """Wait until the first bytes can be sent: from here on a failure cuts the stream.

        Args:
            whole: Wait for the last as well.

        Returns:
            How many bytes there will be; None = nobody knows yet.

        Raises:
            Refusal: If there will be none.
        """
        await (self._out.ended() if whole else self._out.begun())
        await asyncio.sleep(0)  # the end of a short one comes right behind its beginning
        # What is whole by now, as a sentence is, can say how long it is.
        total = self._out.given_bytes if self._out.has_ended else None
        if self._wanted.format == "wav":
            samples = None if total is None else total // SAMPLE_BYTES
            self._head = wav_header(self._rate_hz, samples)
        return None if total is None else total + len(self._head)

    @property
    def rate_hz(self) -> int:
        """Of the samples; known once it has begun."""
        return self._rate_hz

    async def take(self, most_bytes: int) -> bytes:
        """Return the next bytes; none at the end.

        Raises:
            Refusal: If there will never be all of them.
        """
        if self._head:
            head, self._head = self._head, b""
            return head
        try:
            return await self._out.take(most_bytes)
        except OSError as error:
            raise _no_room(error) from error

    async def __aenter__(self) -> Self:
        """Have it spoken."""
        self._start(self._speak(), "speech")
        if not self._is_plain:
            self._start(self._encode(), "encoding")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take back what is not done yet, and forget what was not read."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._samples.close()
        self._out.close()

    def _start(self, work: Coroutine[object, object, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    # ------------------------------------------------------------------ speaking

    async def _speak(self) -> None:
        try:
            service = self._reception.service
            await service.synthesize(self._wanted.request, self._hear, caller=self._caller)
        except CannotAsk as failure:
            self._samples.fail(refusal_of(failure, param=_PARAMS.get(failure.kind)))
        except Exception as bug:  # noqa: BLE001 - whoever reads must be told, whatever it is
            self._samples.fail(bug)
        else:
            self._samples.end()

    def _hear(self, pcm: bytes, rate_hz: int) -> None:
        """Take samples; where they find no room, the utterance is taken back."""
        self._rate_hz = rate_hz
        try:
            self._samples.give(pcm)
        except OSError as error:
            self._samples.fail(_no_room(error))
            self._tasks[0].cancel()

    # ------------------------------------------------------------------ encoding

    async def _encode(self) -> None:
        try:
            await self._encoded()
        except EncodingFailed as failure:
            status = 503 if failure.retryable else 500
            message = f"the audio could not be encoded: {failure}"
            self._out.fail(Refusal(status, message, code="encoding_failed", retryable=failure.retryable))
        except OSError as error:
            self._out.fail(_no_room(error))
        except Exception as failure:  # noqa: BLE001 - of the samples, or a bug: whoever reads must be told
            self._out.fail(failure)

    async def _encoded(self) -> None:
        needs_length = self._wanted.format in _NEEDS_LENGTH
        await (self._samples.ended() if needs_length else self._samples.begun())
        samples = self._samples.given_bytes // SAMPLE_BYTES if self._samples.has_ended else None
        encoders = self._reception.encoders
        async with await encoders.open(self._wanted.format, self._rate_hz, samples=samples) as encoding:
            feeding = asyncio.create_task(self._feed(encoding), name="encoding.feed")
            try:
                async for piece in encoding:
                    self._out.give(piece)
                await feeding
            finally:
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)
        self._out.end()

    async def _feed(self, encoding: Encoding) -> None:
        """Give an encoding all samples; where there will not be all, say why, and close it."""
        try:
            while pcm := await self._samples.take(_PIECE_BYTES):
                await encoding.write(pcm)
            await encoding.finish()
        except EncodingFailed:
            raise  # whoever reads it is told the same
        except Exception as failure:
            self._out.fail(_no_room(failure) if isinstance(failure, OSError) else failure)
            await encoding.close()
            raise


def _no_room(error: OSError) -> Refusal:
    told = lost(error)
    return Refusal(507, told.message, code="disk_full", retryable=True)
