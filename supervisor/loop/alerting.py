"""Tell the user's own program of what a person may want to know at night: one at a time, never in the way."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, get_args

import msgspec

from supervisor.core.decisions import Policy
from supervisor.core.notes import ChildState, MemoryDecision, Note
from supervisor.edge.alerts import start_alert
from supervisor.edge.pipes import read_some
from supervisor.edge.process import Process
from supervisor.edge.stderrtail import StderrTail
from supervisor.errors import Interrupted, SupervisorError
from supervisor.log import Log

#: An alert that takes longer hangs; it is killed.
LIMIT_S: Final = 30.0

#: Alerts that wait: more than that in half a minute tell nobody anything new.
MOST_WAITING: Final = 32

#: For the last ones when the work is over. A mail goes out in that time; one that hangs holds nobody up.
FAREWELL_S: Final = 10.0


class AlertEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the program reads on its standard input.

    Attributes:
        event: `exhaustion_foreseen`: the leak policy is sure; `watermark`: a mark was reached, and something
            is done about it; `recycle`: a child was replaced; `terminal`: the work ended before its end.
        job: Id.
        life: Of which child; None where it is not about one.
        policy: Who decided; None where none did.
        why: A sentence with the figures.
        memory: Bytes by name, as last read.
        time: ISO 8601, in UTC.
        exit_code: Of `terminal`.
    """

    event: Literal["exhaustion_foreseen", "watermark", "recycle", "terminal"]
    job: str
    life: int | None
    policy: str | None
    why: str
    memory: dict[str, int]
    time: str
    exit_code: int | None = None


def event_of(
    note: Note, *, job: str, at_s: float, decided: MemoryDecision | None = None
) -> AlertEvent | None:
    """Return the event that a note is; None if nobody is to be woken for it.

    Args:
        note: What happened.
        job: Id.
        at_s: Wall clock, seconds since the epoch.
        decided: What was decided last: of a child that handed over, its figures are the last there are.
    """
    match note:
        case MemoryDecision(action="flag"):
            event, policy = "exhaustion_foreseen", note.policy
        case MemoryDecision(policy="watermark", action="clean" | "drain" | "kill" | "pause"):
            event, policy = "watermark", note.policy
        case ChildState(state="gone", recycled=True):
            # What people asked for is no policy's doing.
            event, policy = "recycle", note.reason if note.reason in get_args(Policy) else None
        case _:
            return None
    return AlertEvent(
        event=event,
        job=job,
        life=note.life,
        policy=policy,
        why=note.why,
        memory=note.memory or _figures(note.life, decided),
        time=_iso(at_s),
    )


def _figures(life: int, decided: MemoryDecision | None) -> dict[str, int]:
    return {} if decided is None or decided.life != life else decided.memory


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")


def terminal_event(error: SupervisorError, *, job: str, at_s: float) -> AlertEvent | None:
    """Return the event for what ended the work before its end; None if somebody asked for it."""
    if isinstance(error, Interrupted):
        return None
    return AlertEvent(
        event="terminal",
        job=job,
        life=None,
        policy=None,
        why=str(error),
        memory={},
        time=_iso(at_s),
        exit_code=error.exit_code,
    )


class Alerts:
    """Runs a program for each event, in order, on the event loop.

    Args:
        command: Program and arguments; empty: nobody is told.
        log: Takes how each ended.
        limit_s: For each.
        farewell_s: For all that are left when it is closed.
    """

    def __init__(
        self, command: Sequence[str], log: Log, *, limit_s: float = LIMIT_S, farewell_s: float = FAREWELL_S
    ) -> None:
        self._command = command
        self._log = log
        self._limit_s = limit_s
        self._farewell_s = farewell_s
        self._waiting: deque[AlertEvent] = deque()
        self._running: _Running | None = None
        self._all_told = asyncio.Event()
        self._all_told.set()

    def send(self, event: AlertEvent) -> None:
        """Tell of an event, now or when those before it are told; returns at once, raises nothing."""
        if not self._command:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._lost(event, f"{MOST_WAITING} wait already")
            return
        self._waiting.append(event)
        self._all_told.clear()
        if self._running is None:
            self._next()

    async def close(self) -> None:
        """Wait a while for what is being told, then end it. Idempotent."""
        try:
            await asyncio.wait_for(self._all_told.wait(), self._farewell_s)
        except TimeoutError:
            self._give_up()

    def _next(self) -> None:
        self._running = None
        while self._waiting and self._running is None:
            event = self._waiting.popleft()
            try:
                process = start_alert(self._command, msgspec.json.encode(event) + b"\n")
            except (SupervisorError, OSError) as error:
                self._lost(event, str(error))
            else:
                self._running = _Running(process, event, self._limit_s, self._over)
        if self._running is None:
            self._all_told.set()

    def _over(self, event: AlertEvent, how: str, last_line: str, well: bool) -> None:
        level = "info" if well else "warning"
        self._log.event("alert.ended", level, alert=event.event, how=how, said=last_line or None)
        self._next()

    def _give_up(self) -> None:
        waiting = [*self._waiting]
        self._waiting.clear()
        if self._running is not None:
            self._running.end_now()
        for event in waiting:
            self._lost(event, "the work is over, and those before it took too long")

    def _lost(self, event: AlertEvent, why: str) -> None:
        self._log.event("alert.lost", "warning", alert=event.event, why=why, told=event.why)


class _Running:
    """One program that is being run."""

    def __init__(
        self,
        process: Process,
        event: AlertEvent,
        limit_s: float,
        over: Callable[[AlertEvent, str, str, bool], None],
    ) -> None:
        self._process = process
        self._event = event
        self._tell_over = over
        self._tail = StderrTail()
        self._how = ""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(process.stderr_fd, self._on_words)
        self._loop.add_reader(process.pidfd, self._on_death)
        self._timer = self._loop.call_later(limit_s, self._late, limit_s)

    def end_now(self) -> None:
        """Kill it, and wait for its death as briefly as that takes."""
        self._how = "was ended with the work"
        self._process.end_now()
        self._on_death()

    def _late(self, limit_s: float) -> None:
        self._how = f"took longer than {limit_s:g} s and was killed"
        self._process.kill_group()

    def _on_words(self) -> None:
        received = read_some(self._process.stderr_fd)
        self._tail.feed(received.data)
        if received.ended:
            self._loop.remove_reader(self._process.stderr_fd)

    def _on_death(self) -> None:
        death = self._process.reap()
        self._on_words()
        self._tail.end()
        self._timer.cancel()
        for fd in (self._process.stderr_fd, self._process.pidfd):
            self._loop.remove_reader(fd)
        self._process.close()
        how = self._how or ("cannot be ended" if death is None else death.in_words)
        well = death is not None and death.exit_code == 0
        self._tell_over(self._event, how, self._tail.last_line, well)
