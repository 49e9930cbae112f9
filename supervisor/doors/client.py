"""One client, whatever carries its bytes: lines in, a few at a time; answers, notes and audio out."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from supervisor.doors.backlog import Backlog
from supervisor.doors.carrier import Carrier
from supervisor.doors.conversation import MOST_WAITING, Conversation
from supervisor.doors.lines import Lines
from supervisor.doors.methods import Methods
from supervisor.doors.outbox import Outbox

#: Whole lines that wait for their turn in memory; over it, no more are read. What a client said beyond that
#: waits where it is, in the client's pipe or socket.
_AHEAD_BYTES: Final = 16 * 1024


class _Nobody:
    """Carries nothing: a client and its carrier know one another, and would wait for the collector."""

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def wake(self) -> None:
        pass

    def done(self) -> None:
        pass


_NOBODY: Final = _Nobody()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a client may ask.

    Attributes:
        lines: Looked at in one turn; then everything else in the loop has its turn.
        rest_s: Returns how long one that has more to say rests then.
        most_waiting: Requests in flight.
    """

    lines: int
    rest_s: Callable[[], float]
    most_waiting: int = MOST_WAITING


class Client:
    """Talks to one client until either side has had enough."""

    def __init__(self, methods: Methods, carrier: Carrier, pace: Pace) -> None:
        """Make it.

        Args:
            methods: That may be asked.
            carrier: Brings and takes bytes.
            pace: Of its lines.
        """
        self._loop = asyncio.get_running_loop()
        self._carrier: Carrier = carrier
        self._pace = pace
        self._lines = Lines(aside=Backlog(methods.room))
        self._outbox = Outbox(methods.room, carrier.wake)
        self._conversation = Conversation(methods, self._outbox, self._work, most_waiting=pace.most_waiting)
        self._rest: asyncio.TimerHandle | None = None
        self._ended = False
        self._gone = False

    # ------------------------------------------------------------------ what the carrier brings

    def feed(self, data: bytes) -> None:
        """Take what the client said."""
        self._lines.feed(data)
        self._work()

    def end(self) -> None:
        """Take the end of what it says: it may still read, and is answered."""
        self._ended = True
        self._lines.end()
        self._work()

    def hang_up(self) -> None:
        """Take that it neither says nor reads anything any more; again, nothing happens."""
        self._gone = True
        self._stop_resting()
        self._conversation.hang_up()
        self._lines.close()
        self._carrier = _NOBODY

    # ------------------------------------------------------------------ what the carrier takes

    def pull(self, most_bytes: int) -> bytes:
        """Return the next lines for the client, about so many bytes; none if there are none."""
        was_full = self._outbox.is_full
        lines = self._outbox.pull(most_bytes)
        if was_full and not self._outbox.is_full:
            self._rest_now(0)
        if self._ended or self._conversation.was_shut_down:
            self._rest_now(0)  # perhaps that was the last of it
        return lines

    @property
    def has_more(self) -> bool:
        """Whether there is something to pull."""
        return not self._outbox.is_empty

    # ------------------------------------------------------------------ what a door asks

    @property
    def is_owed(self) -> bool:
        """Whether it waits for an answer and still listens."""
        return self._conversation.waits and not self._ended

    @property
    def waits(self) -> bool:
        """Whether something that it asked is not answered yet."""
        return self._conversation.waits

    def listen(self) -> None:
        """Have it told what the service does, from now on."""
        self._conversation.listen()

    async def close(self) -> None:
        """Answer whatever is in flight: the service has ended. What was answered is still to be pulled."""
        self._stop_resting()
        self._gone = True
        await self._conversation.close()

    # ------------------------------------------------------------------ lines

    def _work(self) -> None:
        """Take some lines; the rest when others had their turn, or once the answers are read."""
        if self._gone:
            return
        is_done = self._rest is None and self._took_all()
        if self._is_over(is_done):
            self._carrier.done()
        elif is_done and not self._ended:
            self._carrier.resume_reading()
        elif self._lines.waiting_bytes > _AHEAD_BYTES:
            self._carrier.pause_reading()

    def _is_over(self, is_done: bool) -> bool:
        has_ended = (self._ended and is_done) or self._conversation.was_shut_down
        return has_ended and not self._conversation.waits and self._outbox.is_empty

    def _took_all(self) -> bool:
        for _ in range(self._pace.lines):
            if self._outbox.is_full:
                return False
            line = self._lines.next()
            if line is None:
                return True
            self._conversation.take(line)
        self._rest_now(self._pace.rest_s())
        return False

    def _rest_now(self, rest_s: float) -> None:
        if self._rest is None and not self._gone:
            self._rest = self._loop.call_later(rest_s, self._rested)

    def _rested(self) -> None:
        self._rest = None
        self._work()

    def _stop_resting(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
        self._rest = None
