"""`serve [--stdio] [--http HOST:PORT] [--wyoming URI]...`: the service."""

import asyncio
import faulthandler
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor.cli.lean import leave_tls_out_of_http
from supervisor.cli.outcome import make_log
from supervisor.cli.parser import Arguments
from supervisor.cli.request import configuration, loaded, state_folder
from supervisor.config import Config, HttpConfig
from supervisor.doors.streams import Streams, claim_streams
from supervisor.edge.runtimefolder import open_control_socket
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import ConfigError, SupervisorError, UsageError
from supervisor.log import Log

if TYPE_CHECKING:
    import socket

    from supervisor.doors.control import ControlDoor
    from supervisor.doors.http.server import HttpDoor
    from supervisor.doors.methods import Methods
    from supervisor.doors.stdio import StdioDoor
    from supervisor.doors.wyoming.door import WyomingDoor
    from supervisor.doors.wyoming.uri import Place
    from supervisor.loop.encoders import Encoders
    from supervisor.loop.speaking import Service


def serve(args: Arguments) -> int:
    """Serve until it is stopped; return the exit code."""
    # Before anything else: whatever a library prints must not come between the door's lines.
    wyoming = _Wyoming.asked_for(args)
    streams = claim_streams() if args.stdio else None
    begun = _take_signals()
    if sys.stderr is not None:
        faulthandler.enable(sys.stderr)  # a watchdog's SIGABRT leaves stacks
    found = loaded(args, speaks=True)
    config, state = found.config, state_folder(args)
    log = make_log(config)
    log.event("run.started", engine=config.engine.name, state=str(state.path), output="")
    doors = _Doors(state.path, args.socket, streams, log, begun)
    if wyoming is not None:
        wyoming.terms = config
        doors.wyoming = wyoming
    if args.http is not None:
        leave_tls_out_of_http()
        doors.http = _http(args.http, config.http)

    from supervisor.loop.serve import run_service  # noqa: PLC0415 - asyncio and the ledger: after all that can be refused

    try:
        run_service(
            config=config,
            state=state,
            log=log,
            show=lambda _: None,  # a service has no people at its terminal: the log says it all
            open_doors=doors.open,
            read_again=lambda: configuration(args, speaks=True),
        )
    except ConfigError as error:
        raise found.placed(error) from error
    return 0


def _http(text: str, terms: HttpConfig) -> "_Http":
    """Listen for the HTTP door: what is wrong with its address or key is said before anything is started."""
    from supervisor.doors.http.address import listening  # noqa: PLC0415 - most services have no such door
    from supervisor.doors.http.key import with_key  # noqa: PLC0415 - likewise

    terms = with_key(terms)
    return _Http(sockets=listening(text, terms), terms=terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Http:
    """What the HTTP door is opened with."""

    sockets: "list[socket.socket]"
    terms: HttpConfig


@dataclass(slots=True, kw_only=True)
class _Wyoming:
    """What the Wyoming door is opened with.

    Attributes:
        places: At which it is spoken.
        streams: Where one of them is standard input and output.
        terms: The configuration.
    """

    places: "list[Place]"
    streams: Streams | None
    terms: Config | None = None

    @classmethod
    def asked_for(cls, args: Arguments) -> "_Wyoming | None":
        """Return what the command line asks for; standard input and output are taken with it.

        Raises:
            UsageError: If a place is none, or the streams are another door's.
        """
        if not args.wyoming:
            return None
        from supervisor.doors.wyoming.uri import StdioPlace, places_of  # noqa: PLC0415 - most services have no such door

        places = places_of(args.wyoming)
        has_streams = StdioPlace() in places
        if has_streams and args.stdio:
            raise UsageError("--wyoming stdio:// and --stdio: standard input is one client's; drop either")
        return cls(places=places, streams=claim_streams() if has_streams else None)


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
        self._encoders: Encoders | None = None
        self._served: HttpDoor | None = None
        self.http: _Http | None = None
        self.wyoming: _Wyoming | None = None
        self._wyoming_door: WyomingDoor | None = None

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
            others = (self._streams, self.http, self.wyoming)
            if self._socket is not None or all(door is None for door in others):
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
        if self.http is not None:
            await self._open_http(self.http, service, methods)
        if self.wyoming is not None:
            await self._open_wyoming(self.wyoming, service, methods)
        return self

    async def _open_wyoming(self, wyoming: _Wyoming, service: "Service", methods: "Methods") -> None:
        from supervisor.doors.wyoming.door import Terms, WyomingDoor  # noqa: PLC0415 - with the package: 2 MiB

        assert wyoming.terms is not None
        door = self._wyoming_door = WyomingDoor(
            service=service,
            places=wyoming.places,
            terms=Terms(wyoming=wyoming.terms.wyoming, narration=wyoming.terms.narration),
            room=methods.room,
            folder=self._state,
            streams=wyoming.streams,
            log=self._log,
        )
        await door.open()
        if wyoming.streams is not None:
            self._leaving = asyncio.ensure_future(self._leave_with_the_client(door, service))

    async def _open_http(self, http: _Http, service: "Service", methods: "Methods") -> None:
        from supervisor.doors.http.server import HttpDoor  # noqa: PLC0415 - starlette and uvicorn: 10 MiB
        from supervisor.loop.encoders import Encoders  # noqa: PLC0415 - likewise

        self._encoders = Encoders(state_marker=str(self._state), most=http.terms.encoders)
        self._served = HttpDoor(
            service=service,
            methods=methods,
            encoders=self._encoders,
            terms=http.terms,
            sockets=http.sockets,
            log=self._log,
        )
        await self._served.open()

    def _note_door(self, socket: Path) -> None:
        try:
            StateFolder(self._state).note_door(socket)
        except SupervisorError as error:  # in the runtime folder it is found without
            self._log.event("notice", "warning", text=f"where the control socket lies is not noted: {error}")

    async def close(self) -> None:
        """Close them; whoever still waits is told that the service ends."""
        if self._wyoming_door is not None:
            await self._wyoming_door.close()
        if self._served is not None:
            await self._served.close()
        if self._encoders is not None:
            await self._encoders.close()
        if self._stdio is not None:
            await self._stdio.close()
        if self._control is not None:
            await self._control.close()
        elif self._methods is not None:
            await self._methods.close()
        if self._leaving is not None:
            self._leaving.cancel()

    @staticmethod
    async def _leave_with_the_client(door: "StdioDoor | WyomingDoor", service: "Service") -> None:
        await door.ended()
        await service.shutdown()
