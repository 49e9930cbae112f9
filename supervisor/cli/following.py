"""Follow a job that a service does until it is over: shown as one's own, and stopped as one's own."""

import os
import select
import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Final

import msgspec

from supervisor.cli.calling import PROMPT_S, Caller, is_answer, result_of
from supervisor.cli.stops import SIGNALS
from supervisor.core.notes import Note, Notice, Stage
from supervisor.doors.jsonrpc import Answer
from supervisor.doors.retelling import Told, note_of
from supervisor.edge import proc
from supervisor.edge.runtimefolder import NoService
from supervisor.errors import Interrupted, TryLater

#: For a service that ended to be followed by the next: systemd takes one to six seconds.
RETURN_S: Final = 20.0

#: Between two looks for it.
_LOOK_S: Final = 0.2


class Over(msgspec.Struct, frozen=True, kw_only=True):
    """What `jobs/watch` answers, as far as it is used here.

    Attributes:
        state: Of the job.
        exit_code: That the command ends with.
        message: Why it is not all done.
    """

    state: str
    exit_code: int
    message: str = ""


class _Done(msgspec.Struct, frozen=True):
    """An answer of which nothing is wanted but that it is no error."""


class Stops:
    """Takes the signals that stop a job, while its block lasts.

    Attributes:
        taken: Their names, in order.
        wake: Readable from the first of them on, until `cleared`.
    """

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.wake, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before = {number: signal.getsignal(number) for number in SIGNALS}

    def __enter__(self) -> "Stops":
        for number, standing in self._before.items():
            if number != signal.SIGHUP or standing != signal.SIG_IGN:  # nohup: it outlives its terminal
                signal.signal(number, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, standing in self._before.items():
            signal.signal(number, signal.SIG_DFL if standing is None else standing)
        os.close(self.wake)
        os.close(self._waker)

    def _take(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.taken.append(signal.Signals(number).name)
        os.write(self._waker, b"!")

    def clear(self) -> None:
        """Take that they were looked at."""
        try:
            while os.read(self.wake, 64):
                pass
        except BlockingIOError:
            return

    def came_within(self, limit_s: float) -> bool:
        """Wait for one."""
        poll = select.poll()
        poll.register(self.wake, select.POLLIN)
        return bool(poll.poll(limit_s * 1000))


class Following:
    """One job, over as many connections as it takes.

    Args:
        job: Its id.
        ours: Whether this command handed it in: then a signal takes it back.
        show: Takes what is told.
        stops: Taken from before the job was handed in.
        reach: Connects to the service that owns the state folder; None if there is none.
    """

    def __init__(
        self,
        job: str,
        *,
        ours: bool,
        show: Callable[[Note], None],
        stops: Stops,
        reach: Callable[[], Caller | None],
    ) -> None:
        self._job = job
        self._ours = ours
        self._show = show
        self._stops = stops
        self._reach = reach
        self._cancels: int | None = None  # the request that takes the job back
        self._seen = 0  # stops that were acted on
        self._is_silent = self._has_complained = False

    def until_over(self, caller: Caller) -> Over:
        """Return how the job came out.

        Args:
            caller: The first connection; it is closed with those that follow it.

        Raises:
            Interrupted: If a signal stopped it: the job, or only this.
            TryLater: If the service is gone and no other comes.
            SupervisorError: If the service refuses.
        """
        while True:
            try:
                with caller:
                    return self._followed(caller)
            except NoService:
                caller = self._next_service()

    # ------------------------------------------------------------------ one connection

    def _followed(self, caller: Caller) -> Over:
        watch = caller.send("jobs/watch", {"job": self._job})
        while True:
            self._look_at_stops(caller)
            said = caller.hear(PROMPT_S, self._stops.wake)
            if said is None:
                self._wonder(caller)
                continue
            self._is_silent = self._has_complained = False
            if said.method == "job/note":
                self._retell(said)
            elif is_answer(said, watch):
                return self._over(said)
            elif self._cancels is not None and is_answer(said, self._cancels):
                result_of(said, _Done)

    def _over(self, said: Answer) -> Over:
        if said.error is not None and said.error.data is not None and said.error.data.kind == "shutting_down":
            raise NoService(said.error.message)
        over = result_of(said, Over)
        if self._stops.taken and over.state == "cancelled":
            raise Interrupted(f"stopped by {self._stops.taken[0]}; run the same command again to go on")
        return over

    def _retell(self, said: Answer) -> None:
        told = msgspec.json.decode(said.params, type=Told)
        note = note_of(told) if told.job == self._job else None
        if note is not None:
            self._show(note)

    def _wonder(self, caller: Caller) -> None:
        """Ask for a sign of life; where none came to the last one, say so, once."""
        if self._stops.taken[self._seen :]:
            return
        if not self._is_silent:
            self._is_silent = True
            caller.send("ping")
        elif not self._has_complained:
            self._has_complained = True
            stopped = proc.state(caller.pid) == "stopped"
            mend = f"it is stopped (SIGSTOP); kill -CONT {caller.pid} lets it go on" if stopped else "waiting"
            self._say(f"the service, process {caller.pid}, does not answer: {mend}")

    # ------------------------------------------------------------------ stops

    def _look_at_stops(self, caller: Caller) -> None:
        self._stops.clear()
        if len(self._stops.taken) == self._seen:
            return
        is_first, self._seen = self._seen == 0, len(self._stops.taken)
        if not (is_first and self._ours) or len(self._stops.taken) > 1:
            raise Interrupted(self._left())
        self._show(Stage(name="parking", detail=""))
        self._cancels = caller.send("jobs/cancel", {"job": self._job})

    def _left(self) -> str:
        name = self._stops.taken[0]
        if self._ours:
            return f"stopped by {name}; job {self._job} is being stopped; run the same command again to go on"
        return (
            f"stopped by {name}; job {self._job} was in hand before, and the service goes on with it: "
            f"'tts-supervisor jobs cancel {self._job}' ends it"
        )

    # ------------------------------------------------------------------ no connection

    def _next_service(self) -> Caller:
        """Wait for the next service on this state folder.

        Raises:
            TryLater: If none comes.
            Interrupted: If a signal comes, or came.
        """
        if not self._stops.taken:
            safe = f"job {self._job} and all that is spoken of it are on the disk"
            self._say(f"the service ended; {safe}; waiting {RETURN_S:g} s for the next")
        until_s = time.monotonic() + RETURN_S
        while time.monotonic() < until_s:
            if self._stops.taken or self._stops.came_within(_LOOK_S):
                raise Interrupted(
                    f"stopped by {self._stops.taken[0]}; the service has ended, and the next one goes on "
                    f"with job {self._job}; where none runs, the same command does"
                )
            found = self._reach()
            if found is not None:
                self._say("the service is back")
                return found
        raise TryLater(
            f"the service ended, and none came back within {RETURN_S:g} s; job {self._job} and all that is "
            "spoken of it are on the disk: start the service and it goes on, or run the same command again"
        )

    def _say(self, text: str) -> None:
        self._show(Notice(level="warning", name="service", text=text))


def must_not_be_stopped(stops: Stops) -> None:
    """Leave before anything was handed in, if a signal came.

    Raises:
        Interrupted: If one did.
    """
    if stops.taken:
        raise Interrupted(f"stopped by {stops.taken[0]}; run the same command again to go on")
