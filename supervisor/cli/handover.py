"""Have a service do a job, and show it as if it were done here (interface §1, decision 31)."""

import os
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from supervisor.cli.agreement import must_agree, with_their_engine
from supervisor.cli.calling import Caller
from supervisor.cli.following import Following, Stops, must_not_be_stopped
from supervisor.cli.outcome import (
    do_job,
    make_log,
    outcome_of,
    report,
    stderr_is_terminal,
    warn_if_replaced,
)
from supervisor.cli.owner import There, service_of, service_that_starts
from supervisor.cli.parser import Arguments
from supervisor.config import Config, Loaded
from supervisor.core.notes import Note, Notice
from supervisor.display import make_display
from supervisor.edge.disk import write_error
from supervisor.edge.ledger_values import job_id_for
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import StateInUse, SupervisorError, TryLater
from supervisor.loop.logged import log_note
from supervisor.loop.requests import InputSpec, JobRequest
from supervisor.loop.seeing import as_seen
from supervisor.loop.speaking import TakenIn
from supervisor.loop.utterance import FOLDER_NAME

#: Texts of so many characters fit on a line with all that is escaped in them; longer ones go in files.
_LINE_CHARS: Final = 150_000

#: To take a job in: a transaction on a disk that may be busy.
_TAKE_IN_S: Final = 60.0

#: Hands the job to a service; returns its id, and whether this command did it.
HandIn = Callable[[Caller], TakenIn]


def do_or_hand_over(
    args: Arguments, loaded: Loaded, state: StateFolder, wanted: Callable[[Config], JobRequest]
) -> int:
    """Do a job here, or have the service do it that owns the state folder; return the exit code.

    Args:
        args: The command line: `--json`, `--socket`.
        loaded: Its configuration.
        state: The state folder.
        wanted: Returns the request, given the configuration that counts.

    Raises:
        SupervisorError: If it could not even begin.
    """
    if (there := service_of(state, args.socket)) is None:
        request = wanted(loaded.config)
        try:
            return report(do_job(loaded, state, request, json=args.json, socket=args.socket), json=args.json)
        except StateInUse:
            if (there := service_that_starts(state, args.socket)) is None:
                raise
    with there.caller:
        must_agree(loaded, there.settings.values, there.who)
        request = wanted(with_their_engine(loaded.config, there.settings.values))
        return hand_over(args, loaded.config, state, there, request, partial(_submit, request, state))


def hand_over(  # noqa: PLR0913, PLR0917 - what a command has in hand by then, each once
    args: Arguments, config: Config, state: StateFolder, there: There, request: JobRequest, hand_in: HandIn
) -> int:
    """Hand a job to a service, show it to its end, and say what came of it; return the exit code.

    Args:
        args: The command line.
        config: Its configuration: for the log.
        state: The state folder.
        there: The service.
        request: The job: what was there before it is told.
        hand_in: Hands it in.

    Raises:
        SupervisorError: If the service refuses it.
    """
    log = make_log(config)
    started_s = time.monotonic()
    log.event("run.started", engine=config.engine.name, state=str(state.path), output=request.output)
    job = job_id_for(request.output)
    try:
        with (
            Stops() as stops,
            closing(make_display(json=args.json, stderr_is_terminal=stderr_is_terminal())) as display,
        ):

            def show(note: Note) -> None:
                if isinstance(note, Notice) and note.name == "job":
                    return  # why it ended, which is told at the end
                log_note(log, note)
                display.show(note)

            warn_if_replaced(state, request, display, log)
            must_not_be_stopped(stops)
            taken = _handed_in(there, hand_in)
            reach = partial(_next_caller, state, args.socket)
            following = Following(taken.job, ours=taken.is_new, show=show, stops=stops, reach=reach)
            over = following.until_over(there.caller)
            outcome = outcome_of(state, taken.job, over.exit_code, over.message)
    except _Refused as error:
        raise error.why from None
    except SupervisorError as error:
        outcome = outcome_of(state, job, error.exit_code, str(error))
    log.event("run.ended", exit_code=outcome.exit_code, seconds=time.monotonic() - started_s)
    return report(outcome, json=args.json)


class _Refused(Exception):
    """The service did not take the job: what the ledger says of it is not of this run."""

    def __init__(self, why: SupervisorError) -> None:
        super().__init__(str(why))
        self.why = why


def _handed_in(there: There, hand_in: HandIn) -> TakenIn:
    try:
        return hand_in(there.caller)
    except SupervisorError as error:
        kind = TryLater if isinstance(error, TryLater) else SupervisorError
        raise _Refused(kind(f"{error} (says {there.who})")) from error


def _next_caller(state: StateFolder, given: Path | None) -> Caller | None:
    there = service_of(state, given)
    return None if there is None else there.caller


def _submit(request: JobRequest, state: StateFolder, caller: Caller) -> TakenIn:
    with given_inputs(request.inputs, state) as inputs:
        params = submission(request, inputs)
        return caller.ask("jobs/submit", TakenIn, limit_s=_TAKE_IN_S, params=params)


def submission(request: JobRequest, inputs: list[object]) -> Mapping[str, object]:
    """Return the params of `jobs/submit` for a request."""
    voice = request.voice
    params: dict[str, object] = {
        "output": request.output,
        "inputs": inputs,
        "voice": voice.name,
        "seed": request.seed,
        "sample_rate": request.sample_rate_hz,
        "format": request.format,
        "folder": str(Path.cwd()),
        "fresh": request.fresh,
        "seen": as_seen(_paths(request)),
    }
    if voice.reference_path is not None:
        params |= {"reference": voice.reference_path, "reference_text": voice.reference_text}
    return params


def _paths(request: JobRequest) -> list[str]:
    """Return what both sides must see alike."""
    is_folder = request.output.endswith("/")
    paths = [request.output if is_folder else str(Path(request.output).parent)]
    paths += [each.path for each in request.inputs if each.path is not None and each.text is None]
    return [*paths, *([request.voice.reference_path] if request.voice.reference_path else [])]


@contextmanager
def given_inputs(inputs: list[InputSpec], state: StateFolder) -> Generator[list[object]]:
    """Give the inputs as `jobs/submit` takes them; texts too long for a line lie in files meanwhile."""
    is_long = sum(len(each.text or "") for each in inputs) > _LINE_CHARS
    files: list[str] = []
    try:
        given: list[object] = []
        for each in inputs:
            if each.text is None:
                given.append(each.name)
                continue
            where = {"path": each.path} if each.path is not None else {}
            if is_long:
                files.append(_text_file(each.text, state))
            text = {"text_file": files[-1]} if is_long else {"text": each.text}
            given.append({"name": each.name, **where, **text})
        yield given
    finally:
        for path in files:
            Path(path).unlink(missing_ok=True)


def _text_file(text: str, state: StateFolder) -> str:
    """Write a text where its service reads it, and where the next one deletes it if we cannot.

    Raises:
        DiskFull: If there is no room.
        Unwritable: If it cannot be written.
    """
    folder = state.path / FOLDER_NAME
    try:
        descriptor, path = tempfile.mkstemp(prefix="given-", suffix=".txt", dir=folder)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(text.encode("utf-8"))
            owner = folder.stat()
            if owner.st_uid != os.geteuid():  # root asks another user's service
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
    except OSError as error:
        raise write_error(folder, error) from error
    return path
