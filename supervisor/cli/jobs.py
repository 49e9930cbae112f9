"""`jobs list|show|cancel|retry|verify|remove`: the ledger, beside whoever works in it."""

from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from supervisor.cli import showing
from supervisor.cli.outcome import do_job, report
from supervisor.cli.parser import Arguments
from supervisor.cli.request import configuration, state_folder
from supervisor.cli.which import meant
from supervisor.cli.words import emit, emit_json, tell
from supervisor.config import Given
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_schema import FILE_NAME
from supervisor.edge.ledger_values import ABANDONED, JobSpec, JobView
from supervisor.edge.recordings import prune_recordings
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import StateInUse, SupervisorError, UsageError
from supervisor.loop.requests import InputSpec, JobRequest
from supervisor.narration.plan import Source


def jobs(args: Arguments) -> int:
    """Do one action on the ledger; return the exit code."""
    # Read for its mistakes even where nothing of it is used: a wrong key is exit 2 with every command.
    configuration(args)
    state = state_folder(args)
    match args.action:
        case "list":
            return _list(args, state)
        case "show":
            return _show(args, state)
        case "cancel":
            return _cancel(args, state)
        case "retry":
            return _retry(args, state)
        case "verify":
            return _verify(args, state)
        case "remove":
            return _remove(args, state)


@contextmanager
def _ledger(state: StateFolder, *, read_only: bool) -> Generator[Ledger]:
    with closing(Ledger.open(state.path, read_only=read_only)) as ledger:
        yield ledger


def _known(state: StateFolder, wanted: str, *, whole: bool = False) -> JobView:
    return meant(_views(state), wanted, whole=whole, where=str(state.path))


def _views(state: StateFolder) -> list[JobView]:
    if not (state.path / FILE_NAME).exists():
        # Nothing was ever narrated here: that is an empty list, not an error, and no folder is made for it.
        return []
    owner = state.owner_pid()
    with _ledger(state, read_only=True) as ledger:
        views = ledger.views()
    # Asked before, so that a run that just ended has noted it; and after, for one that just began.
    nobody = owner is None and state.owner_pid() is None
    return [_abandoned(view) for view in views] if nobody else views


def _abandoned(view: JobView) -> JobView:
    """Return how a job stands where nobody owns the state folder: killed, its parent noted nothing."""
    if view.state != "running":
        return view
    return msgspec.structs.replace(view, state="parked", error=ABANDONED)


def _list(args: Arguments, state: StateFolder) -> int:
    views = _views(state)
    if args.json:
        emit_json([view.as_json() for view in views])
    elif views:
        with _ledger(state, read_only=True) as ledger:
            emit("\n".join(showing.overview(views, {view.job: _output(ledger, view.job) for view in views})))
    else:
        tell(f"no jobs in {state.path}")
    return 0


def _output(ledger: Ledger, job: str) -> str:
    spec = ledger.spec(job)
    return "" if spec is None else spec.output


def _show(args: Arguments, state: StateFolder) -> int:
    view = _known(state, args.job)
    with _ledger(state, read_only=True) as ledger:
        spec = ledger.spec(view.job)
        if spec is None:
            raise UsageError(f"job {view.job}: was removed just now")
        shown = showing.job_in_full(ledger, view, spec)
    if args.json:
        emit_json(shown.as_json())
    else:
        emit("\n".join(showing.lines(shown)))
    return 0


def _refuse_if_spoken(state: StateFolder, view: JobView) -> None:
    owner = state.owner_pid()
    if view.state == "running" and owner is not None:
        raise StateInUse(
            f"job {view.job} is being spoken by process {owner}; end that first "
            f"(Ctrl-C there, or kill -INT {owner})"
        )


def _cancel(args: Arguments, state: StateFolder) -> int:
    view = _known(state, args.job, whole=True)
    if view.state in ("done", "cancelled"):
        raise SupervisorError(f"job {view.job} is {view.state}: there is nothing to cancel")
    _refuse_if_spoken(state, view)
    with _ledger(state, read_only=False) as ledger:
        ledger.set_state(view.job, "cancelled", None)
    return _done(
        args, state, view.job, f"cancelled {view.job}; what is finished stays, 'jobs retry' goes on with it"
    )


def _done(args: Arguments, state: StateFolder, job: str, words: str) -> int:
    if args.json:
        emit_json(_known(state, job).as_json())
    else:
        tell(words)
    return 0


def _remove(args: Arguments, state: StateFolder) -> int:
    view = _known(state, args.job, whole=True)
    with state.lock(), _ledger(state, read_only=False) as ledger:
        ledger.remove(view.job)
        prune_recordings(state.path)
    if args.json:
        emit_json(view.as_json())
    else:
        tell(f"removed {view.job}; its finished files stay where they are")
    return 0


def _verify(args: Arguments, state: StateFolder) -> int:
    from supervisor.verify import verify_job  # noqa: PLC0415 - hashes every file: nothing else needs it

    view = _known(state, args.job)
    with _ledger(state, read_only=True) as ledger:
        verdict = verify_job(ledger, state, view.job)
    if args.json:
        emit_json(verdict.as_json())
    else:
        emit("\n".join(showing.verdict_lines(verdict)))
    return 0 if verdict.ok else SupervisorError.exit_code


def _retry(args: Arguments, state: StateFolder) -> int:
    view = _known(state, args.job)
    with _ledger(state, read_only=True) as ledger:
        spec = ledger.spec(view.job)
        if spec is None:
            raise UsageError(f"job {view.job}: was removed just now")
        request = _request_again(ledger, spec)
    # The same engine as the first time, or nothing that is finished would fit.
    config = configuration(
        args, extra=[Given(key="engine.name", value=spec.engine, origin=f"job {view.job}")]
    )
    return report(do_job(config, state, request, json=args.json, socket=args.socket), json=args.json)


def _request_again(ledger: Ledger, spec: JobSpec) -> JobRequest:
    return JobRequest(
        output=spec.output,
        format=spec.format,
        sample_rate_hz=spec.sample_rate_hz,
        voice=spec.voice,
        seed=spec.seed,
        # From the ledger, not from the files: they may have changed or gone, and standard input is past.
        inputs=[_input_again(source, spec.folder) for source in ledger.sources(spec.job)],
        key=spec.key,
        folder=spec.folder,
        again=True,
    )


def _input_again(source: Source, folder: str) -> InputSpec:
    # The name tells how to read the text; texts that never were in a file have names without a suffix.
    path = showing.absolute(str(Path(folder) / source.name)) if "." in source.name else None
    return InputSpec(path=path, name=source.name, text=source.text)
