"""One client, whatever carries its bytes: events in, a few at a time; events out.

    describe                             info
    ping                                 pong
    synthesize                           audio-start, audio-chunk..., audio-stop
    synthesize-start, synthesize-chunk,  the same for each sentence as it becomes whole,
      ..., synthesize-stop                 synthesize-stopped
    select-program                       nothing, or an error where it is another's
    whatever else there is               nothing
    what cannot be done                  error, and the end of the connection

Home Assistant waits for `audio-stop`, whatever else comes, or for the end of the connection: so that is what
follows an error. Over standard input and output it would end the service: there an error is only its
request's, unless what came is no Wyoming.
"""

import asyncio
from typing import Final

from wyoming.error import Error
from wyoming.event import Event

from supervisor.doors.carrier import Carrier
from supervisor.doors.wyoming.desk import Desk
from supervisor.doors.wyoming.frames import Frames, Malformed, WrongData
from supervisor.doors.wyoming.hearing import Hearing
from supervisor.doors.wyoming.outgoing import Outgoing
from supervisor.doors.wyoming.speaker import Speaker
from supervisor.errors import DiskFull, SupervisorError
from supervisor.loop.service import CannotAsk

#: Events, or slices of a text, that are looked at in one turn of the loop; then others have theirs, …
_TURN: Final = 8
#: … and half of the time at least.
_REST_S: Final = 0.001

#: `describe`s of one client that wait for the first child.
_MOST_DESCRIBING: Final = 8


class Talk:
    """Talks to one client until either side has had enough.

    Args:
        desk: Shared with others.
        carrier: Brings and takes bytes.
        survives: Whether the connection outlives an error that is only a request's.
    """

    def __init__(self, desk: Desk, carrier: Carrier, *, survives: bool = False) -> None:
        self._loop = asyncio.get_running_loop()
        self._desk = desk
        self._carrier = carrier
        self._survives = survives
        self._frames = Frames()
        self._outgoing = Outgoing(desk.room, carrier.wake)
        self._speaker = Speaker(desk.service, self._outgoing, desk.manner.sample_rate_hz, self)
        self._hearing = Hearing(desk, self._speaker, self._put, self._describe)
        self._describing: set[asyncio.Task[Event]] = set()
        self._rest: asyncio.TimerHandle | None = None
        self._ended = False  # it says no more
        self._deaf = False  # it is told an error: what it says after that does not count
        self._gone = False

    # ------------------------------------------------------------------ what the carrier brings

    def feed(self, data: bytes) -> None:
        """Take what the client said."""
        if self._deaf or self._gone:
            return
        self._frames.feed(data)
        self._work()
        self._desk.relieve()

    def end(self) -> None:
        """Take the end of what it says: it may still read, and hears what it asked for."""
        self._ended = True
        self._work()

    def let_go(self) -> None:
        """Keep no more of what it said: there is too much of all."""
        message = "too much was said in part, on all connections together; try again"
        self._refuse(CannotAsk(message, kind="busy", retryable=True), ends=True)
        self._work()

    def turn_away(self) -> None:
        """Tell it that there is no place for it."""
        message = "too many connections wait for speech already (wyoming.connections); try again"
        self._refuse(CannotAsk(message, kind="busy", retryable=True))

    def hang_up(self) -> None:
        """Take that it neither says nor reads anything any more; again, nothing happens."""
        self._gone = True
        self._forget()
        self._outgoing.close()

    # ------------------------------------------------------------------ what the carrier takes

    def pull(self, most_bytes: int) -> bytes:
        """Return what comes next for the client, at most so much; none if there is none.

        Raises:
            OSError: If it lies on the disk and cannot be read: the client must be let go.
        """
        data = self._outgoing.pull(most_bytes)
        self._speaker.read()
        self._rest_now(0)  # there may be room for more, or that was the last of it
        return data

    @property
    def has_more(self) -> bool:
        """Whether there is something to pull."""
        return not self._outgoing.is_empty

    # ------------------------------------------------------------------ what a door asks

    @property
    def is_owed(self) -> bool:
        """Whether it waits for something, or has not read what it got."""
        return self._is_busy or self.has_more

    @property
    def kept_bytes(self) -> int:
        """How much is kept of what it said."""
        return self._frames.kept_bytes

    def close(self) -> None:
        """Tell it that the service ends, if it waits for something; take no more."""
        was_busy = self._is_busy
        self._forget()
        self._deaf = True
        if was_busy:
            self._outgoing.break_audio()
            self._put(Error(text="the service ends", code="shutting_down").event())
        self._work()

    # ------------------------------------------------------------------ turns

    @property
    def _is_busy(self) -> bool:
        return self._speaker.is_busy or self._hearing.is_behind or bool(self._describing)

    @property
    def _is_full(self) -> bool:
        return self._outgoing.is_full or self._speaker.is_full or len(self._describing) >= _MOST_DESCRIBING

    def _work(self) -> None:
        """Look at some of what was said; at the rest when others had their turn, or once there is room."""
        if self._gone or self._rest is not None:
            return
        is_done = self._deaf or self._took_all()
        if (self._deaf or (self._ended and is_done)) and not self.is_owed:
            self._carrier.done()
        elif is_done and not self._ended:
            self._carrier.resume_reading()
        else:
            self._carrier.pause_reading()

    def _took_all(self) -> bool:
        """Look at some; return whether there is no more to look at."""
        for _ in range(_TURN):
            if self._is_full:
                return False
            try:
                if not self._took_one():
                    return True
            except Exception as error:  # noqa: BLE001 - a bug in an answer must not end the night's work
                self._refuse(error)
                if self._deaf:
                    return True
        self._rest_now(_REST_S)
        return False

    def _took_one(self) -> bool:
        """Look at one thing that was said; return whether there was one."""
        if self._hearing.is_behind:
            self._hearing.catch_up()
            return True
        frame = self._frames.next()
        if frame is not None:
            self._hearing.take(frame)
        elif self._ended and not self._frames.is_between:
            raise Malformed("the end came in the middle of an event")
        return frame is not None

    def _rest_now(self, rest_s: float) -> None:
        if self._rest is None and not self._gone:
            self._rest = self._loop.call_later(rest_s, self._rested)

    def _rested(self) -> None:
        self._rest = None
        self._work()

    # ------------------------------------------------------------------ what is told

    def idle(self) -> None:
        """Take that all is spoken."""
        self._work()

    def failed(self, failure: BaseException, request: object) -> None:
        """Take that a request cannot be spoken, or not to its end."""
        self._hearing.forget(request)
        error = self._error_of(failure)
        if not self._survives:
            self._deaf = True
            self._hearing.clear()
            self._speaker.stop()
        self._put(error)

    def _refuse(self, failure: BaseException, *, ends: bool = False) -> None:
        """Tell that something cannot be done, once what was asked for before is."""
        self._hearing.lose_thread()
        if ends or not self._survives or isinstance(failure, Malformed):
            self._deaf, self._frames = True, Frames()
        self._speaker.take(failure, [self._error_of(failure)])

    def _error_of(self, failure: BaseException) -> Event:
        """Return how a failure is told; a bug is logged."""
        match failure:
            case CannotAsk():
                code, text = failure.kind, str(failure)
            case Malformed() | WrongData():
                code, text = "bad_input", str(failure)
            case DiskFull():
                code, text = "disk_full", str(failure)
            case asyncio.CancelledError():
                code, text = "shutting_down", "the service ends"
            case _:
                code = "internal"
                text = str(failure) if isinstance(failure, SupervisorError) else repr(failure)
                self._desk.log.event("bug", "error", where="door", method="wyoming", message=text)
        return Error(text=text, code=code).event()

    def _describe(self) -> None:
        task = asyncio.create_task(self._desk.info(), name="describe")
        self._describing.add(task)
        task.add_done_callback(self._described)

    def _described(self, task: asyncio.Task[Event]) -> None:
        self._describing.discard(task)
        if task.cancelled() or self._gone:
            return
        failure = task.exception()
        if failure is None:
            self._put(task.result())
        else:
            self._refuse(failure)
        self._work()

    def _put(self, event: Event) -> None:
        try:
            self._outgoing.put(event)
        except OSError:
            # Not even that can be told: the end of the connection says it.
            self._deaf = True
            self._forget()
            self._outgoing.close()
            self._rest_now(0)

    def _forget(self) -> None:
        self._speaker.stop()
        self._hearing.clear()
        describing, self._describing = self._describing, set()
        for task in describing:
            task.cancel()
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
