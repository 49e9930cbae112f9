"""Signs of life for the service manager, given by the working loop alone.

The watchdog is fed by a timer of the very loop that does the work: a loop that stands still (a call that
blocks, SIGSTOP) feeds nothing, and neither does one that turns beside something overdue. An idle one does.

What a service calls, in this order; without a service manager each call is nothing:

    with Vitality(Notifier.take(os.environ), told=...) as vitality:   # on the running loop
        vitality.watch(lambda at_s: late("the conductor's next look", conductor.next_deadline_s, at_s))
        vitality.extend(child.start_timeout_s)    # at each start of a child, until `ready`
        vitality.status("loads weights")          # as often as anything changed: 4 a second are said
        vitality.follow(say_how_it_stands, 0.5)   # or have it asked for
        with vitality.waiting("the ledger's write", 60.0): ...   # around whatever must come back in time
        vitality.ready()                          # once the canary spoke; again after each `reloading`
        vitality.reloading()                      # at SIGHUP, before the configuration is read
        vitality.stopping("parks the work")       # at SIGTERM, before the work is parked
        vitality.extend(seconds)                  # as long as parking may take
        vitality.last("gave_up: five died")       # where it ends of something: the line that stays
"""

import asyncio
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Final

from supervisor.edge.clock import monotonic_s
from supervisor.edge.sdnotify import Notifier
from supervisor.loop.overdue import Waits

#: Signs of life in the time within which one is wanted: two may be late or lost.
BEATS: Final = 3

#: Between two beats where no watchdog is set: what was not taken is said again, and starts are extended.
_UNWATCHED_BEAT_S: Final = 5.0

#: Between two status lines: systemd keeps the last one, and nobody reads faster.
_STATUS_EVERY_S: Final = 0.25

#: Answers what is overdue at a time, or None.
Question = Callable[[float], str | None]


def _nobody(_: str) -> None:
    """Tell nobody."""


class Vitality:
    """The service's pulse, from `with` to the end of its block."""

    def __init__(
        self,
        notifier: Notifier,
        *,
        told: Callable[[str], None] = _nobody,
        now_s: Callable[[], float] = monotonic_s,
    ) -> None:
        """Give a pulse; it does not beat yet.

        Args:
            notifier: To the service manager; closed with this.
            told: Takes what is overdue, in words, once each time that it becomes so.
            now_s: CLOCK_MONOTONIC.
        """
        self._notifier = notifier
        self._told = told
        self._now_s = now_s
        self._beat_s = (notifier.watchdog_s or BEATS * _UNWATCHED_BEAT_S) / BEATS
        self._waits = Waits()
        self._questions: list[Question] = []
        self._owed: deque[Callable[[], bool]] = deque()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._phase = "starting"
        self._text = self._shown = ""
        self._shown_s = -_STATUS_EVERY_S
        self._patience_until_s = 0.0
        self._was_overdue: list[str] = []

    def __enter__(self) -> "Vitality":
        """Begin to beat, on the running loop."""
        if self._notifier.is_heard:
            self._beat()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Beat no more."""
        for timer in self._timers.values():
            timer.cancel()
        self._notifier.close()

    # ------------------------------------------------------------------ what is said

    def status(self, text: str) -> None:
        """Say in one line how the service stands."""
        self._text = text
        self._show()

    def follow(self, say: Callable[[], str], every_s: float) -> None:
        """Ask for the status line again and again, so that what changes unsaid shows as soon.

        Args:
            say: Answers from what is known; on the loop, so it waits for nothing.
            every_s: Between two questions.
        """
        if self._notifier.is_heard:
            self._later("follow", every_s, lambda: self.follow(say, every_s))
            self.status(say())

    def ready(self) -> None:
        """Say that the service works: a canary spoke, or a reload is over."""
        if self._phase in ("starting", "reloading"):
            self._phase = "ready"
            self._patience_until_s = 0.0
            self._say(self._notifier.ready)

    def reloading(self) -> None:
        """Say that the configuration is read anew; nothing while the service starts or stops."""
        if self._phase == "ready":
            self._phase = "reloading"
            at_s = self._now_s()
            self._say(lambda: self._notifier.reloading(at_s))

    def stopping(self, text: str = "") -> None:
        """Say that the service is on its way out."""
        if self._phase != "stopping":
            self._phase = "stopping"
            self._patience_until_s = 0.0
            self._say(self._notifier.stopping)
        if text:
            self.status(text)

    def last(self, text: str) -> None:
        """Say what it ended of, at once: nothing is said after it."""
        self._shown = self._text = text
        self._was_overdue = []
        self._notifier.status(text)

    @property
    def is_heard(self) -> bool:
        """Whether there is a service manager: without one, words for it need not be found."""
        return self._notifier.is_heard

    def extend(self, seconds: float) -> None:
        """Let the present start, reload or stop take up to so much longer from now, while the loop works.

        It is asked for in slices of a few beats, so that a loop that stands still has no more than one. A
        ready service has nothing to extend.
        """
        if self._phase != "ready":
            self._patience_until_s = max(self._patience_until_s, self._now_s() + seconds)
            self._ask_for_patience()

    # ------------------------------------------------------------------ what is waited for

    @contextmanager
    def waiting(self, what: str, limit_s: float) -> Generator[None]:
        """Count as overdue if the block takes longer."""
        number = self._waits.begin(what, self._now_s() + limit_s)
        try:
            yield
        finally:
            self._waits.end(number)

    def watch(self, question: Question) -> Callable[[], None]:
        """Have a question asked at each beat; returns what ends that."""
        self._questions.append(question)

        def unwatch() -> None:
            if question in self._questions:
                self._questions.remove(question)

        return unwatch

    def overdue(self) -> list[str]:
        """Say what is overdue now: while there is anything, the watchdog is not fed."""
        at_s = self._now_s()
        said = [question(at_s) for question in self._questions]
        return self._waits.overdue(at_s) + [one for one in said if one is not None]

    # ------------------------------------------------------------------ the pulse

    def _beat(self) -> None:
        self._later("beat", self._beat_s, self._beat)
        overdue = self.overdue()
        for one in overdue[len(self._was_overdue) :]:
            self._told(one)
        self._was_overdue = overdue
        self._deliver()
        self._show()
        if not overdue:
            self._ask_for_patience()
            if self._notifier.watchdog_s is not None:
                self._notifier.alive()

    def _ask_for_patience(self) -> None:
        left_s = self._patience_until_s - self._now_s()
        if left_s > 0 and self._notifier.is_heard:
            self._notifier.extend(min(left_s, BEATS * self._beat_s))

    def _show(self) -> None:
        line = "; ".join([part for part in (self._text, *self._was_overdue) if part])
        if line == self._shown or not self._notifier.is_heard:
            return
        rest_s = self._shown_s + _STATUS_EVERY_S - self._now_s()
        if rest_s > 0:
            if "status" not in self._timers:
                self._later("status", rest_s, self._show)
            return
        if self._notifier.status(line):  # else with the next beat
            self._shown, self._shown_s = line, self._now_s()

    def _say(self, message: Callable[[], bool]) -> None:
        """Say what must arrive: what is not taken now is said again with the next beats, in order."""
        self._owed.append(message)
        self._deliver()

    def _deliver(self) -> None:
        while self._owed and self._owed[0]():
            self._owed.popleft()

    def _later(self, name: str, delay_s: float, call: Callable[[], None]) -> None:
        def due() -> None:
            del self._timers[name]
            call()

        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = asyncio.get_running_loop().call_later(delay_s, due)
