"""`piper`: Piper's command line, for programs that were written for it."""

import asyncio
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from supervisor.cli.agreement import must_agree
from supervisor.cli.calling import Caller
from supervisor.cli.outcome import make_log
from supervisor.cli.owner import service_of
from supervisor.cli.parser import Arguments
from supervisor.cli.pipertempo import has_tempo, tempo_keys
from supervisor.cli.request import configuration, loaded, state_folder
from supervisor.cli.words import tell
from supervisor.config import Config, Loaded
from supervisor.core.notes import Note, Notice
from supervisor.doors.piper.terms import Mode, Terms
from supervisor.doors.streams import Streams, claim_streams
from supervisor.edge.disk import make_folder
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import StateInUse, UsageError
from supervisor.loop.wanting import unreadable

if TYPE_CHECKING:
    from supervisor.doors.lines import Unkept
    from supervisor.doors.piper.reciter import Speaks
    from supervisor.loop.house import House

#: Another `piper` or `say` has the state folder for some seconds; then it is somebody's for the night.
_PATIENCE_S: Final = 30.0
_LOOK_S: Final = 0.1


def piper(args: Arguments) -> int:
    """Speak lines; return the exit code: 1 if one of them could not be spoken."""
    is_terminal = sys.stdout.isatty()
    args.verbose = args.verbose or args.debug
    found = loaded(args, speaks=True)
    config = found.config
    given = _given_lines(args)
    terms = _terms(args, config, is_terminal=is_terminal)
    streams = _claimed()
    if terms.mode == "folder":
        make_folder(terms.path)
    for option in args.ignored:
        _tell(args, f"{option}: means nothing here, and is ignored")
    if args.length_scale != 1.0 and not has_tempo(config.engine.name):
        _tell(args, f"--length-scale: the engine {config.engine.name!r} has one tempo, and speaks at that")
    return _Command(args, found, _Recital(args, terms, streams, given)).run()


def _tell(args: Arguments, text: str) -> None:
    if not args.quiet:
        tell(f"piper: {text}")


def _claimed() -> Streams:
    try:
        return claim_streams()
    except UsageError as error:
        raise UsageError("standard input and output: one of them is closed; lead both somewhere") from error


def _terms(args: Arguments, config: Config, *, is_terminal: bool) -> Terms:
    mode, path = _output(args, is_terminal=is_terminal)
    return Terms(
        json=args.json_input,
        mode=mode,
        path=path,
        by_text=args.output_dir_naming == "text",
        model=args.model,
        speaker=args.speaker,
        voices=config.piper.voices,
        sentence_silence_s=args.sentence_silence,
        folder=state_folder(args).path,
    )


def _output(args: Arguments, *, is_terminal: bool) -> tuple[Mode, Path]:
    here = Path.cwd()
    if args.output_raw:
        mode: Mode = "raw"
    elif args.output_dir is not None:
        return "folder", here / args.output_dir
    elif args.output in {"-", "/dev/stdout"}:
        mode = "wav"
    elif args.output is not None:
        return "file", Path(args.output)
    elif args.json_input or is_terminal:
        return "folder", here  # Piper's own default
    else:
        mode = "wav"
    if is_terminal:
        raise UsageError("standard output is a terminal, no place for samples; redirect it, or give -f FILE")
    return mode, here


def _given_lines(args: Arguments) -> "list[bytes] | None":
    """Return the lines that do not come from standard input; None if they do.

    Raises:
        UsageError: If a text and files are given.
        InputError: If a file cannot be read.
    """
    if args.words and args.inputs:
        raise UsageError("-i and a text: both say what to speak; leave one out")
    if args.words:
        return [" ".join(args.words).encode()]
    if args.inputs:
        return [line for name in args.inputs for line in _lines_of(name)]
    return None


def _lines_of(name: str) -> Iterator[bytes]:
    try:
        yield from Path(name).read_bytes().splitlines()
    except OSError as error:
        raise unreadable(name, error) from error


class _Given:
    """Lines that are there already."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = iter(lines)

    async def next(self) -> "bytes | Unkept | None":
        """Return the next."""
        return next(self._lines, None)

    def close(self) -> None:
        """Nothing is open."""


class _Recital:
    """All lines, spoken once by whoever speaks.

    Attributes:
        exit_code: 0 once all of them are spoken.
        bug: What ended it that should not have happened.
    """

    def __init__(self, args: Arguments, terms: Terms, streams: Streams, given: list[bytes] | None) -> None:
        self._args = args
        self._terms = terms
        self._streams = streams
        self._given = given
        self.exit_code = 1
        self.bug: Exception | None = None

    async def by(self, speaks: "Speaks") -> None:
        """Have them spoken; on the event loop."""
        from supervisor.doors.piper.reciter import Ends, Reciter  # noqa: PLC0415 - asyncio: after all refusals
        from supervisor.doors.piper.stdin import Stdin  # noqa: PLC0415 - likewise
        from supervisor.doors.piper.stdout import Stdout  # noqa: PLC0415 - likewise

        stdout = Stdout(self._streams.outlet_fd, self._terms.folder)
        source = Stdin(self._streams.inlet_fd) if self._given is None else _Given(self._given)
        said = _Said(self._args)
        try:
            is_well = await Reciter(self._terms, source, stdout, speaks, said).run()
            self.exit_code = 0 if is_well else 1
        except Ends as error:
            tell(f"piper: {error}; what came before it is spoken, the rest is not")
        except Exception as error:  # noqa: BLE001 - whoever speaks must end too, and then it is told
            self.bug = error
        finally:
            source.close()
            stdout.close()


class _Said:
    """Takes what people are told: failures always, remarks unless -q."""

    def __init__(self, args: Arguments) -> None:
        self._args = args

    def failed(self, text: str) -> None:
        """Tell what was not spoken."""
        tell(f"piper: {text}")

    def remark(self, text: str) -> None:
        """Tell what is worth knowing."""
        _tell(self._args, text)


class _Command:
    """One run: by a service of its own, or by the one that owns the state folder."""

    def __init__(self, args: Arguments, found: Loaded, recital: _Recital) -> None:
        self._args = args
        self._found = found
        self._recital = recital
        self._task: asyncio.Task[None] | None = None

    def run(self) -> int:
        """Speak all lines; return the exit code."""
        state = state_folder(self._args)
        until_s = time.monotonic() + _PATIENCE_S
        while not self._spoke(state, is_last=time.monotonic() >= until_s):
            time.sleep(_LOOK_S)
        if self._recital.bug is not None:
            raise self._recital.bug
        return self._recital.exit_code

    def _spoke(self, state: StateFolder, *, is_last: bool) -> bool:
        try:
            self._by_ourselves(state)
        except StateInUse:
            if self._by_service(state):
                return True
            if is_last:
                raise
            return False
        return True

    # ------------------------------------------------------------------ a service of our own

    def _by_ourselves(self, state: StateFolder) -> None:
        from supervisor.loop.serve import run_service  # noqa: PLC0415 - asyncio: after all that can be refused

        config = configuration(
            self._args, speaks=True, extra=tempo_keys(self._found.config, self._args.length_scale)
        )
        run_service(
            config=config,
            state=state,
            log=make_log(config),
            show=self._show,
            open_doors=self._open,
            read_again=lambda: config,
        )

    async def _open(self, house: "House") -> "_Command":
        self._task = asyncio.ensure_future(self._recite(house))
        return self

    async def close(self) -> None:
        """Let the lines be: whoever spoke them ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _recite(self, house: "House") -> None:
        await self._recital.by(house)
        house.stop("the lines are over", at_once=True)  # what is in hand by now nobody waits for

    def _show(self, note: Note) -> None:
        if isinstance(note, Notice) and note.level != "info":
            _tell(self._args, note.text)

    # ------------------------------------------------------------------ another's

    def _by_service(self, state: StateFolder) -> bool:
        """Have the service do it that owns the folder; return whether there is one.

        Raises:
            UsageError: If it would speak otherwise than this command was told.
            TryLater: If it listens and cannot answer now.
        """
        if (there := service_of(state, self._args.socket)) is None:
            return False
        with there.caller:
            must_agree(self._found, there.settings.values, there.who)
            if self._args.length_scale != 1.0:
                # Remarked alone: programs give it with every line, and what is said stays the same.
                _tell(self._args, "--length-scale: the service that speaks has its own tempo")
            connection = there.caller.another()
        asyncio.run(self._spoken_by(there.caller, connection))
        return True

    async def _spoken_by(self, caller: Caller, connection: socket.socket) -> None:
        from supervisor.doors.piper.elsewhere import Elsewhere  # noqa: PLC0415 - see above
        from supervisor.loop.signals import stops_told  # noqa: PLC0415 - likewise

        speaks = await Elsewhere.over(connection, caller.silent)
        speaking = asyncio.ensure_future(self._recital.by(speaks))

        def stop(_: int) -> None:
            speaking.cancel()

        try:
            with stops_told(stop):
                await asyncio.wait([speaking])
        finally:
            await speaks.close()
        if speaking.cancelled():  # and nothing is left of the line in hand
            tell("piper: stopped")
        else:
            speaking.result()
