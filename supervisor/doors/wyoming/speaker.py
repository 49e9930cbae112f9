"""Does what one client asked for in turn: a piece is spoken, then the next."""

import asyncio
from collections import deque
from typing import Final, Protocol

from supervisor.doors.wyoming.outgoing import Outgoing
from supervisor.doors.wyoming.reading import End, Order, Piece
from supervisor.errors import DiskFull
from supervisor.loop.speaking import Service, SpeechRequest

#: Text that waits to be spoken, and pieces of it; over either, no more is looked at of what the client says.
MOST_WAITING_CHARS: Final = 32 * 1024
MOST_WAITING: Final = 256


class Listener(Protocol):
    """Who is told how it goes."""

    def failed(self, failure: BaseException, request: object) -> None:
        """Take that a request cannot be done; what else was to be done for it is forgotten."""
        ...

    def idle(self) -> None:
        """Take that all is done."""
        ...


class Speaker:
    """One client's.

    Args:
        service: Is asked, for one piece at a time.
        outgoing: Takes what it says; while that is full nothing more is asked for.
        sample_rate_hz: Of all audio; None = the engine's own.
        listener: Is told.
    """

    def __init__(
        self, service: Service, outgoing: Outgoing, sample_rate_hz: int | None, listener: Listener
    ) -> None:
        self._service = service
        self._outgoing = outgoing
        self._sample_rate_hz = sample_rate_hz
        self._listener = listener
        self._orders: deque[tuple[object, Order]] = deque()
        self._waiting_chars = 0
        self._request: object = None  # whose order is done now
        self._task: asyncio.Task[None] | None = None
        self._has_room = asyncio.Event()
        self._lost: OSError | None = None  # why samples found no place

    @property
    def is_busy(self) -> bool:
        """Whether something is to be done."""
        return self._task is not None

    @property
    def is_full(self) -> bool:
        """Whether enough waits to be done."""
        return self._waiting_chars > MOST_WAITING_CHARS or len(self._orders) > MOST_WAITING

    def take(self, request: object, orders: list[Order]) -> None:
        """Do these once all before them is done.

        Args:
            request: Whose they are: if one fails, the rest of them is forgotten.
            orders: In their order.
        """
        self._orders.extend((request, order) for order in orders)
        self._waiting_chars += sum(map(_chars, orders))
        if self._task is None:
            self._begin()

    def read(self) -> None:
        """Take that the client has read something."""
        if not self._outgoing.is_full:
            self._has_room.set()

    def stop(self) -> None:
        """Do no more: nobody wants to hear it. What is spoken now is taken back."""
        self._orders.clear()
        self._waiting_chars = 0
        if self._task is not None:
            self._task.remove_done_callback(self._ended)
            self._task.cancel()
            self._task = None

    # ------------------------------------------------------------------ in turn

    def _begin(self) -> None:
        if self._orders:
            self._task = asyncio.create_task(self._do_all(), name="wyoming")
            self._task.add_done_callback(self._ended)

    async def _do_all(self) -> None:
        while self._orders:
            while self._outgoing.is_full:
                self._has_room.clear()
                await self._has_room.wait()
            self._request, order = self._orders.popleft()
            self._waiting_chars -= _chars(order)
            match order:
                case Piece():
                    await self._say(order)
                case End.OF_AUDIO:
                    self._outgoing.end_audio()
                case _:
                    self._outgoing.put(order)

    async def _say(self, piece: Piece) -> None:
        silence_s = piece.silence_s

        def take(pcm: bytes, rate_hz: int) -> None:
            nonlocal silence_s
            if self._lost is None:
                try:
                    self._outgoing.audio(pcm, rate_hz, silence_s=silence_s)
                except OSError as error:
                    self._lose(error)
                silence_s = 0.0

        request = SpeechRequest(
            text=piece.text, voice=piece.voice, sample_rate=self._sample_rate_hz, audio="inline"
        )
        await self._service.synthesize(request, take, caller="wyoming")
        if piece.closes:
            self._outgoing.end_audio()

    def _lose(self, error: OSError) -> None:
        """End the request from within a call that must not raise."""
        self._lost = error
        if self._task is not None:
            self._task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        failure = self._failure_of(task)
        if failure is not None:
            request = self._request
            self._orders = deque(each for each in self._orders if each[0] is not request)
            self._waiting_chars = sum(_chars(order) for _, order in self._orders)
            self._outgoing.break_audio()
            self._listener.failed(failure, request)
        if self._task is None:
            self._begin()
        if self._task is None:
            self._listener.idle()

    def _failure_of(self, task: asyncio.Task[None]) -> BaseException | None:
        failure = asyncio.CancelledError() if task.cancelled() else task.exception()
        # Samples that found no place, or an event that did.
        lost = self._lost or (failure if isinstance(failure, OSError) else None)
        self._lost = None
        if lost is None:
            return failure
        why = lost.strerror or str(lost)
        return DiskFull(f"the audio waited to be read, in a file, and that failed ({why}); read faster")


def _chars(order: Order) -> int:
    return len(order.text) if isinstance(order, Piece) else 0
