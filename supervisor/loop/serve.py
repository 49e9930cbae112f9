"""Run a service from its start to its end: its folder, its ledger, its signals, its service manager."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import closing
from typing import Literal

from supervisor.config import Config
from supervisor.config.reload import compare
from supervisor.core.notes import ChildState, Note, Notice, Stage
from supervisor.edge.ledger import Ledger
from supervisor.edge.sdnotify import Notifier
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import SupervisorError
from supervisor.log import Log
from supervisor.loop.house import House, OpenDoors
from supervisor.loop.logged import log_note
from supervisor.loop.signals import STOPS, signals_told
from supervisor.loop.statusline import in_words, last_words
from supervisor.loop.vitality import Vitality

#: After so much time without a beat a service manager gives a start up: weights may load that long.
_PARKING_S = 60.0


def run_service(  # noqa: PLR0913 - what a service is made of, said once and by name
    *,
    config: Config,
    state: StateFolder,
    log: Log,
    show: Callable[[Note], None],
    open_doors: OpenDoors,
    read_again: Callable[[], Config],
) -> None:
    """Serve until SIGTERM, SIGINT or a door's `shutdown`; blocks.

    Args:
        config: All of it.
        state: Where everything is kept; owned while this runs.
        log: Takes events.
        show: Takes notes for people.
        open_doors: Opens what others may ask through.
        read_again: Reads the configuration anew, for SIGHUP.

    Raises:
        SupervisorError: With the exit code, for whatever else ends it. All work is parked then.
    """
    with state.lock(), closing(Ledger.open(state.path)) as ledger:
        ledger.park_abandoned()

        async def serve() -> None:
            running = _Running(log, show, read_again)
            running.house = House(
                config=config, state=state, ledger=ledger, log=log, show=running.show, open_doors=open_doors
            )
            await running.run(config)

        asyncio.run(serve())


class _Running:
    """A house with the signals and the service manager around it."""

    def __init__(self, log: Log, show: Callable[[Note], None], read_again: Callable[[], Config]) -> None:
        self._log = log
        self._shown = show
        self._read_again = read_again
        self._stops = 0
        self._start_s = 0.0
        self._vitality = Vitality(
            Notifier.take(os.environ),
            told=lambda text: log.event("notice", "warning", text=f"overdue: {text}"),
        )
        self.house: House | None = None

    async def run(self, config: Config) -> None:
        """Serve."""
        assert self.house is not None
        self._start_s = config.child.start_timeout_s
        with self._vitality, signals_told({**dict.fromkeys(STOPS, self._stop), signal.SIGHUP: self._reload}):
            self._vitality.watch(self.house.overdue)
            self._vitality.extend(self._start_s)
            house = self.house
            self._vitality.follow(lambda: in_words(house.status()), config.memory.poll_s)
            try:
                await house.run()
            except SupervisorError as error:
                self._vitality.last(last_words(house.status(), error))
                raise

    def show(self, note: Note) -> None:
        """Take what people are told."""
        self._shown(note)
        match note:
            case ChildState(state="starting"):
                self._vitality.extend(self._start_s)
            case ChildState(state="ready"):
                self._vitality.ready()
            case Stage(name="parking"):
                self._vitality.stopping("parks the work")
                self._vitality.extend(_PARKING_S)
            case _:
                pass
        if self.house is not None and self._vitality.is_heard:
            self._vitality.status(in_words(self.house.status()))

    def _stop(self, number: int) -> None:
        assert self.house is not None
        self._stops += 1
        name = signal.Signals(number).name
        self._log.event("signal.taken", signal=name, count=self._stops)
        self.house.stop(f"stopped by {name}", at_once=self._stops > 1)

    def _reload(self, number: int) -> None:
        """Read the configuration anew; one that is wrong changes nothing."""
        assert self.house is not None
        self._log.event("signal.taken", signal=signal.Signals(number).name, count=1)
        self._vitality.reloading()
        try:
            config = self._read_again()
        except SupervisorError as error:
            self.house.note_reload(str(error))
            self._tell("error", f"the configuration stays as it was: {error}")
            self._vitality.ready()
            return
        self.house.note_reload("")
        changes = compare(self.house.config, config)
        for line in changes.in_words():
            self._tell("info", line)
        if changes.changes:
            self._start_s = config.child.start_timeout_s
            self._vitality.extend(self._start_s)
            self.house.reload(config)
        else:
            self._vitality.ready()

    def _tell(self, level: Literal["info", "error"], text: str) -> None:
        note = Notice(level=level, name="reload", text=text)
        log_note(self._log, note)
        self.show(note)
