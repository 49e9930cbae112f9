"""`jobs list|show|cancel|pause|resume|retry|verify|remove`: the ledger, beside whoever works in it."""

import time
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager

import msgspec

from supervisor.cli import showing
from supervisor.cli.agreement import must_agree
from supervisor.cli.calling import Caller
from supervisor.cli.handover import hand_over
from supervisor.cli.outcome import do_job, report
from supervisor.cli.owner import There, service_of
from supervisor.cli.parser import Arguments
from supervisor.cli.request import configuration, loaded, state_folder
from supervisor.cli.which import meant
from supervisor.cli.words import emit, emit_json, table, tell
from supervisor.config import Given
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_schema import FILE_NAME, LedgerError
from supervisor.edge.ledger_values import ABANDONED, HELD, JobView
from supervisor.edge.ledger_words import not_planned
from supervisor.edge.recordings import prune_recordings
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import StateInUse, SupervisorError, UsageError
from supervisor.loop.requests import JobRequest
from supervisor.loop.speaking import TakenIn
from supervisor.loop.submitted import request_again

#: For a segment in hand, as `clean` waits.
_PATIENCE_S = 900.0

_CANCELLED = "cancelled {}; what is finished stays, 'jobs retry' goes on with it"
_PAUSED = "paused {}; 'jobs resume' goes on with it"
_RESUMED = "{} goes on"
_QUEUED = "{} is queued: the service goes on with it once it runs; 'jobs retry' does it now"

#: Of a job that somebody works at, or did when he was killed.
_IN_HAND = ("running", "paused")

#: Of a job that a service has, or is to go on with.
_OPEN = (*_IN_HAND, "queued", "parked")


class JobState(msgspec.Struct, frozen=True, kw_only=True):
    """What `jobs/cancel` and `jobs/retry` answer, as far as it is used here."""

    state: str


def jobs(args: Arguments) -> int:
    """Do one action on the ledger; return the exit code."""
    # Read for its mistakes even where nothing of it is used: a wrong key is exit 2 with every command.
    configuration(args)
    state = state_folder(args)
    actions: dict[str, Callable[[Arguments, StateFolder], int]] = {
        "list": _list,
        "show": _show,
        "cancel": _cancel,
        "pause": _pause,
        "resume": _resume,
        "retry": _retry,
        "verify": _verify,
        "remove": _remove,
    }
    return actions[args.action](args, state)


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
    if not _is_in_hand(view):
        return view
    return msgspec.structs.replace(view, state="parked", error=ABANDONED)


def _list(args: Arguments, state: StateFolder) -> int:
    views = _views(state)
    if args.json:
        emit_json([view.as_json() for view in views])
    elif views:
        with _ledger(state, read_only=True) as ledger:
            emit("\n".join(showing.overview(views, defaultdict(str, ledger.outputs()))))
    else:
        tell(f"no jobs in {state.path}")
    return 0


def _show(args: Arguments, state: StateFolder) -> int:
    view = _known(state, args.job)
    with _ledger(state, read_only=True) as ledger:
        spec = ledger.spec(view.job)
        if spec is None:
            return _show_unplanned(args, view, request_again(ledger, view.job))
        shown = showing.job_in_full(ledger, view, spec)
    if args.json:
        emit_json(shown.as_json())
    else:
        emit("\n".join(showing.lines(shown)))
    return 0


def _show_unplanned(args: Arguments, view: JobView, request: JobRequest) -> int:
    """Show a job that was submitted, and of which nothing but that is known."""
    inputs = [each.name for each in request.inputs]
    if args.json:
        emit_json({**view.as_json(), "output": request.output, "inputs": inputs, "seed": request.seed})
        return 0
    voice = request.voice.called or "the service's own"
    rows = [("job", view.job), ("state", f"{view.state}: {view.error or 'not planned yet'}")]
    rows += [("output", request.output), ("voice", f"{voice}, seed {request.seed}")]
    emit("\n".join(table([*rows, *(("source", name) for name in inputs)])))
    return 0


def _is_in_hand(view: JobView) -> bool:
    return view.state in _IN_HAND and view.error != HELD


def _refuse_if_spoken(state: StateFolder, view: JobView) -> None:
    owner = state.owner_pid()
    if _is_in_hand(view) and owner is not None:
        raise StateInUse(
            f"job {view.job} is being spoken by process {owner}; end that first "
            f"(Ctrl-C there, or kill -INT {owner})"
        )


def _cancel(args: Arguments, state: StateFolder) -> int:
    view = _known(state, args.job, whole=True)
    if view.state in ("done", "cancelled"):
        raise SupervisorError(f"job {view.job} is {view.state}: there is nothing to cancel")
    if view.state in _OPEN and (there := service_of(state, None)) is not None:
        found = _ask_there(there, "jobs/cancel", view.job)
        if found.state != "cancelled":
            raise SupervisorError(
                f"job {view.job} is {found.state} by now: its files are being written, or are there"
            )
        return _done(args, state, view.job, _CANCELLED.format(view.job))
    _refuse_if_spoken(state, view)
    with _ledger(state, read_only=False) as ledger:
        # A service may have taken it up just now, between the look and this.
        if not ledger.cancel(view.job, in_hand=state.owner_pid() is None):
            _refuse_if_spoken(state, _known(state, view.job))
            ledger.set_state(view.job, "cancelled", None)
    return _done(args, state, view.job, _CANCELLED.format(view.job))


def _pause(args: Arguments, state: StateFolder) -> int:
    view = _known(state, args.job, whole=True)
    if view.state not in _OPEN:
        raise SupervisorError(f"job {view.job} is {view.state}: there is nothing to pause")
    if (there := service_of(state, None)) is not None:
        _ask_there(there, "jobs/pause", view.job)
        return _done(args, state, view.job, _PAUSED.format(view.job))
    _refuse_if_spoken(state, view)
    with _ledger(state, read_only=False) as ledger:
        if not ledger.hold(view.job, in_hand=state.owner_pid() is None):  # taken up just now
            _refuse_if_spoken(state, _known(state, view.job))
    return _done(args, state, view.job, _PAUSED.format(view.job))


def _resume(args: Arguments, state: StateFolder) -> int:
    view = _known(state, args.job, whole=True)
    if view.error != HELD:
        raise SupervisorError(
            f"job {view.job} is {view.state}, not paused by request: 'jobs retry' goes on with it"
        )
    if (there := service_of(state, None)) is not None:
        _ask_there(there, "jobs/resume", view.job)
        return _done(args, state, view.job, _RESUMED.format(view.job))
    with _ledger(state, read_only=False) as ledger:
        ledger.resume(view.job, time.time())
    return _done(args, state, view.job, _QUEUED.format(view.job))


def _ask_there(there: There, method: str, job: str) -> JobState:
    """Have the service do it that owns the state folder: when the segment in hand is done."""
    with there.caller as service:
        return service.ask(method, JobState, limit_s=_PATIENCE_S, params={"job": job})


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
        if ledger.spec(view.job) is None:
            raise LedgerError(not_planned(view.job))  # of nothing, everything would be accounted for
        verdict = verify_job(ledger, state, view.job)
    if args.json:
        emit_json(verdict.as_json())
    else:
        emit("\n".join(showing.verdict_lines(verdict)))
    return 0 if verdict.ok else SupervisorError.exit_code


def _retry(args: Arguments, state: StateFolder) -> int:
    view = _known(state, args.job)
    with _ledger(state, read_only=True) as ledger:
        spec, request = ledger.spec(view.job), request_again(ledger, view.job)
    # The same engine as the first time, or nothing that is finished would fit.
    engine = [] if spec is None else [Given(key="engine.name", value=spec.engine, origin=f"job {view.job}")]
    if (there := service_of(state, args.socket)) is not None:
        return _retry_there(args, state, there, view, request)
    found = loaded(args, extra=engine)
    return report(do_job(found, state, request, json=args.json, socket=args.socket), json=args.json)


def _retry_there(
    args: Arguments, state: StateFolder, there: There, view: JobView, request: JobRequest
) -> int:
    """Have the service go on with it that owns the state folder; watch it, and return the exit code."""
    in_hand = view.state in _OPEN and view.state != "parked"

    def retry(service: Caller) -> TakenIn:
        service.ask("jobs/retry", JobState, limit_s=_PATIENCE_S, params={"job": view.job})
        return TakenIn(job=view.job, is_new=not in_hand)

    with there.caller:
        found = loaded(args)
        must_agree(found, there.settings.values, there.who)
        _must_be_the_engine(state, view.job, there)
        return hand_over(args, found.config, state, there, request, retry)


def _must_be_the_engine(state: StateFolder, job: str, there: There) -> None:
    """Refuse another engine than the job was spoken with: nothing that is finished would fit."""
    with _ledger(state, read_only=True) as ledger:
        spec = ledger.spec(job)
    theirs = there.settings.values.get("engine.name", "").strip('"')
    if spec is not None and spec.engine != theirs:
        raise UsageError(
            f"job {job} is spoken by the engine {spec.engine!r}, and {there.who} has {theirs!r}: give it "
            "that engine, or retry where no service runs"
        )
