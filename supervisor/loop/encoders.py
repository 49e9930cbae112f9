"""The encoding processes of a service: so many at once, and one more that waits with its codec loaded.

PyAV takes 0.2 s to load, which nobody who asks should wait for; so once an encoded format was asked for, a
spare process is kept, and ended when nobody has asked for long. One stream is one process: the next
begins with nothing that the one before left.
"""

import asyncio
from typing import Final

import msgspec

from supervisor.loop.encoder import Encoder
from supervisor.loop.encoding import Encoding, EncodingFailed, Format, PlainEncoding

#: A spare that nobody needed for so long is ended.
IDLE_S: Final = 60.0

#: Without a byte moved while there is work: a second of audio takes 40 ms, a start 5 s where all is busy.
STALL_S: Final = 20.0


class Encoders:
    """One service's. On the event loop; nothing is started before the first encoded format is asked for."""

    def __init__(
        self, *, state_marker: str, most: int, idle_s: float = IDLE_S, stall_s: float = STALL_S
    ) -> None:
        """Begin with none.

        Args:
            state_marker: Real path of the state folder, as every process of ours carries it.
            most: Streams at once; whoever asks for one more waits for a place.
            idle_s: A spare that nobody needs for so long is ended.
            stall_s: A process with work that moves no byte for so long is ended, and its stream fails.
        """
        self._state_marker = state_marker
        self._idle_s = idle_s
        self._stall_s = stall_s
        self._places = asyncio.Semaphore(most)
        self._waiting = 0
        self._spare: Encoder | None = None
        self._all: set[Encoder] = set()
        self._at_work: set[Encoder] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def running(self) -> int:
        """Streams that hold a place."""
        return len(self._at_work)

    @property
    def waiting(self) -> int:
        """Who waits for a place."""
        return self._waiting

    @property
    def pids(self) -> frozenset[int]:
        """Of all processes, the spare included."""
        return frozenset(encoder.pid for encoder in self._all)

    async def open(
        self,
        format: Format,  # noqa: A002 - the word of every door and of the contract
        rate_hz: int,
        *,
        samples: int | None = None,
        title: str = "",
    ) -> Encoding:
        """Begin a stream; waits for a place, which it holds until it is closed.

        Places are few: let what a slow client has not taken wait somewhere else, not in the stream.

        Args:
            format: Of what goes out. `"wav"` and `"pcm"` need no place and no process.
            rate_hz: Of the samples that come in; a codec that has not this rate is given its next higher one.
            samples: How many will come, where that is known: WAV and FLAC then say their length, and a
                stream of any other number fails. None: they say that it is not known, which readers of pipes
                take, and some readers of files (libsndfile, of FLAC) do not.
            title: For its tag; not of WAV and AAC, which have none.

        Raises:
            EncodingFailed: If no process can be started, or the service ends.
        """
        if format in {"wav", "pcm"}:
            return PlainEncoding(rate_hz=rate_hz, header=format == "wav", samples=samples)
        await self._place()
        try:
            encoder = self._take()
        except BaseException:
            self._places.release()
            raise
        header = {"format": format, "sample_rate_hz": rate_hz, "samples": samples, "title": title}
        try:
            await encoder.write(msgspec.json.encode(header) + b"\n")
        except BaseException:
            encoder.dismiss()
            raise
        self._keep_a_spare()
        return encoder

    async def close(self) -> None:
        """End all processes, and tell whoever waits; returns when nothing of them is left. Idempotent."""
        self._closed = True
        self._cancel_timer()
        ending = list(self._all)
        for encoder in ending:
            encoder.dismiss()
        for encoder in ending:
            await encoder.close()

    # ------------------------------------------------------------------ places and processes

    async def _place(self) -> None:
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        if self._closed:
            self._places.release()  # to the next who waits, to be told the same
            raise EncodingFailed("the service ends", retryable=True)

    def _take(self) -> Encoder:
        spare = self._take_spare()
        encoder = self._start() if spare is None else spare
        self._at_work.add(encoder)
        self._cancel_timer()
        return encoder

    def _start(self) -> Encoder:
        encoder = Encoder(state_marker=self._state_marker, stall_s=self._stall_s, over=self._over)
        self._all.add(encoder)
        return encoder

    def _over(self, encoder: Encoder) -> None:
        self._all.discard(encoder)
        if encoder in self._at_work:
            self._at_work.discard(encoder)
            self._places.release()
        if not self._at_work and not self._closed:
            self._cancel_timer()
            self._timer = asyncio.get_running_loop().call_later(self._idle_s, self._end_spare)

    def _keep_a_spare(self) -> None:
        if self._closed:
            return
        spare = self._take_spare()
        try:
            self._spare = self._start() if spare is None else spare
        except EncodingFailed:
            return  # no room for one that nobody has asked for: the next who asks will be told

    def _take_spare(self) -> Encoder | None:
        spare, self._spare = self._spare, None
        if spare is not None and not spare.lives:  # somebody killed it
            spare.dismiss()
            return None
        return spare

    def _end_spare(self) -> None:
        spare = self._take_spare()
        if spare is not None:
            spare.dismiss()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
