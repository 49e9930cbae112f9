"""What goes along with a job and never holds it up: door, trace, alerts, and what the service is told."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Protocol

from supervisor.config import Config
from supervisor.core.notes import MemoryDecision, Note, Notice
from supervisor.core.traces import Record
from supervisor.edge.tracefile import TraceFile
from supervisor.errors import SupervisorError
from supervisor.log import Log
from supervisor.loop.alerting import Alerts, event_of, terminal_event
from supervisor.loop.service import Steering


class Closer(Protocol):
    """Something that was opened."""

    async def close(self) -> None:
        """Close it; idempotent."""
        ...


class Attended(Steering, Protocol):
    """A service that is told every note."""

    def note(self, note: Note) -> None:
        """Take what people are told."""
        ...


#: Opens what others may ask a service through.
Door = Callable[[Steering], Awaitable[Closer]]


class Company:
    """Open while a job runs."""

    def __init__(
        self, config: Config, service: Attended, doors: Sequence[Door], *, job: str, log: Log
    ) -> None:
        """Make it; nothing is opened before it is entered.

        Args:
            config: All of it.
            service: Is told every note, and asked through the door.
            doors: Open them.
            job: Id.
            log: Takes how alerts were told.
        """
        self._config = config
        self._service = service
        self._doors = doors
        self._stack = AsyncExitStack()
        self._traces: list[TraceFile] = []
        self._job = job
        self._log = log
        self._alerts: Alerts | None = None
        self._decided: MemoryDecision | None = None

    async def enter(self, show: Callable[[Note], None]) -> None:
        """Open the trace and the door.

        Args:
            show: Takes what is to be said of them.

        Raises:
            SupervisorError: If either cannot be opened.
        """
        if self._config.alerts.command:
            self._alerts = Alerts(self._config.alerts.command, self._log)
            self._stack.push_async_callback(self._alerts.close)
        path = self._config.memory.record
        if path is not None:
            for number in range(len(self._config.child.devices)):
                trace = TraceFile(
                    path if number == 0 else path.with_name(f"{path.name}.{number + 1}"),
                    tell=lambda text: show(Notice(level="warning", name="memory.record", text=text)),
                    loop=asyncio.get_running_loop(),
                )
                self._traces.append(trace)
                self._stack.callback(trace.close)
        for door in self._doors:
            self._stack.push_async_callback((await door(self._service)).close)

    async def leave(self) -> None:
        """Close all of it."""
        await self._stack.aclose()

    @property
    def traces(self) -> tuple[Callable[[Record], None], ...]:
        """Take records, for each device; empty where none are wanted. The first's file has the name given."""
        return tuple(trace.take for trace in self._traces)

    def note(self, note: Note) -> None:
        """Take what people are told."""
        self._service.note(note)
        if isinstance(note, MemoryDecision):
            self._decided = note
        if self._alerts is not None:
            event = event_of(note, job=self._job, at_s=time.time(), decided=self._decided)
            if event is not None:
                self._alerts.send(event)

    def failed(self, error: SupervisorError) -> None:
        """Take what ended the job before its end."""
        event = terminal_event(error, job=self._job, at_s=time.time())
        if event is not None and self._alerts is not None:
            self._alerts.send(event)
