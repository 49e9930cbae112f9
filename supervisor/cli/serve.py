"""`serve [--stdio]`: the service."""

import asyncio
import faulthandler
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor.cli.outcome import make_log
from supervisor.cli.parser import Arguments
from supervisor.cli.request import configuration, state_folder
from supervisor.doors.streams import Streams, claim_streams
from supervisor.edge.runtimefolder import open_control_socket
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import SupervisorError
from supervisor.log import Log

if TYPE_CHECKING:
    from supervisor.doors.control import ControlDoor
    from supervisor.doors.methods import Methods
    from supervisor.doors.stdio import StdioDoor
    from supervisor.loop.speaking import Service


def serve(args: Arguments) -> int:
    """Serve until it is stopped; return the exit code."""
    # Before anything else: whatever a library prints must not come between the door's lines.
    streams = claim_streams() if args.stdio else None
    begun = _take_signals()
    if sys.stderr is not None:
        faulthandler.enable(sys.stderr)  # a watchdog's SIGABRT leaves stacks
    config = configuration(args, speaks=True)
    state = state_folder(args)
    log = make_log(config)
    log.event("run.started", engine=config.engine.name, state=str(state.path), output="")
    doors = _Doors(state.path, args.socket, streams, log, begun)

    from supervisor.loop.serve import run_service  # noqa: PLC0415 - asyncio and the ledger: after all that can be refused

    run_service(
        config=config,
        state=state,
        log=log,
        show=lambda _: None,  # a service has no people at its terminal: the log says it all
        open_doors=doors.open,
        read_again=lambda: configuration(args, speaks=True),
    )
    return 0


def _take_signals() -> asyncio.Event:
    """Take the signals until the loop does: nothing is in hand, so a stop is an end, and a reload nothing.

    Returns:
        To be set when the loop has them. What still comes after it changes no exit code.
    """
    begun = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None if begun.is_set() else os._exit(0))
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)  # the configuration is read in a moment
    return begun


class _Doors:
    """The control socket, and standard input and output where they were asked for."""

    def __init__(
        self, state: Path, socket: Path | None, streams: Streams | None, log: Log, begun: asyncio.Event
    ) -> None:
        self._state = state
        self._socket = socket
        self._streams = streams
        self._log = log
        self._begun = begun
        self._methods: Methods | None = None
        self._control: ControlDoor | None = None
        self._stdio: StdioDoor | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def open(self, service: "Service") -> "_Doors":
        """Open them; the service is asked through them until they are closed."""
        from supervisor.doors.control import ControlDoor  # noqa: PLC0415 - the loop runs by now, and has imported it all
        from supervisor.doors.offer import service_methods  # noqa: PLC0415 - likewise
        from supervisor.doors.stdio import StdioDoor  # noqa: PLC0415 - likewise

        self._begun.set()
        methods = self._methods = service_methods(service, self._log, folder=self._state)
        try:
            place = open_control_socket(self._state, os.environ, self._socket)
        except SupervisorError as error:
            # Without a door there is no use in a service; with another one it is as good.
            if self._socket is not None or self._streams is None:
                raise
            self._log.event("notice", "warning", text=f"no control socket: {error}")
        else:
            self._control = ControlDoor(methods, place, self._log)
            await self._control.open()
            self._note_door(place.path.absolute())
        if self._streams is not None:
            self._stdio = StdioDoor(methods, self._streams, self._log)
            self._stdio.open()
            self._leaving = asyncio.ensure_future(self._leave_with_the_client(self._stdio, service))
        return self

    def _note_door(self, socket: Path) -> None:
        try:
            StateFolder(self._state).note_door(socket)
        except SupervisorError as error:  # in the runtime folder it is found without
            self._log.event("notice", "warning", text=f"where the control socket lies is not noted: {error}")

    async def close(self) -> None:
        """Close them; whoever still waits is told that the service ends."""
        if self._stdio is not None:
            await self._stdio.close()
        if self._control is not None:
            await self._control.close()
        elif self._methods is not None:
            await self._methods.close()
        if self._leaving is not None:
            self._leaving.cancel()

    @staticmethod
    async def _leave_with_the_client(door: "StdioDoor", service: "Service") -> None:
        await door.ended()
        await service.shutdown()
