"""Do a job with a display, and say what came of it."""

import contextlib
import os
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

from supervisor.cli.door import control_door
from supervisor.cli.words import emit, emit_json, tell
from supervisor.config import Config, Loaded, faults_in_words
from supervisor.core.notes import Notice
from supervisor.display import Display, make_display
from supervisor.edge.journal import journal_of
from supervisor.edge.ledger_values import job_id_for
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import StateInUse, SupervisorError
from supervisor.log import Log
from supervisor.loop.requests import JobRequest, Outcome

#: More failures than this are counted, not listed: `jobs show` has them all.
_MOST_LISTED = 50

_AGAIN = "run the same command again to try just them"


def stderr_is_terminal() -> bool:
    """Say whether a bar can be drawn; False where standard error is closed."""
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False


def do_job(
    found: Loaded, state: StateFolder, request: JobRequest, *, json: bool, socket: Path | None = None
) -> Outcome:
    """Run a job to its end, shown as interface §1 says.

    What ends a job that is in the ledger comes back as its outcome, with its exit code.

    Args:
        found: All of the configuration.
        state: Where it is kept.
        request: The job.
        json: Shown as JSON lines.
        socket: `--socket`: where it can be asked while it runs; None = where that is by default.

    Raises:
        SupervisorError: If it could not even begin.
    """
    from supervisor.loop import run_job  # noqa: PLC0415 - asyncio and the ledger: after all that can be refused

    config = found.config
    log = make_log(config)
    started_s = time.monotonic()
    log.event("run.started", engine=config.engine.name, state=str(state.path), output=request.output)
    try:
        with closing(make_display(json=json, stderr_is_terminal=stderr_is_terminal())) as display:
            warn_if_replaced(state, request, display, log)
            door = control_door(state, socket, log, partial(_remark, display, log))
            outcome = run_job(config, state, request, display.show, log, door=door)
    except StateInUse:
        # The ledger is another's: what it says of this job is not ours to tell.
        raise
    except SupervisorError as error:
        outcome = _ended(state, request, error, found.placed(error))
    log.event("run.ended", exit_code=outcome.exit_code, seconds=time.monotonic() - started_s)
    return outcome


def _remark(display: Display, log: Log, text: str) -> None:
    from supervisor.loop.logged import log_note  # noqa: PLC0415 - do_job has imported it

    note = Notice(level="warning", name="door", text=text)
    log_note(log, note)
    display.show(note)


def warn_if_replaced(state: StateFolder, request: JobRequest, display: Display, log: Log) -> None:
    """Say that a file is going to be replaced that this job has not made."""
    from supervisor.loop.logged import log_note  # noqa: PLC0415 - do_job has imported it

    path = Path(request.output)
    if not path.is_file() or request.output in _delivered(state, job_id_for(request.output)):
        return
    text = f"{path} exists and will be replaced when the narration is complete"
    note = Notice(level="warning", name="output.replaced", text=text)
    log_note(log, note)
    display.show(note)


def _delivered(state: StateFolder, job: str) -> set[str]:
    from supervisor.edge.ledger import Ledger  # noqa: PLC0415 - do_job has imported it

    try:
        with closing(Ledger.open(state.path, read_only=True)) as ledger:
            return {delivery.path for delivery in ledger.deliveries(job)}
    except SupervisorError:
        # No ledger yet, or none that can be read: the run will tell.
        return set()


def make_log(config: Config) -> Log:
    """Return the log that the configuration asks for."""
    faults = config.engine.faults
    words = None if faults is None else faults_in_words(faults)
    return Log(format=config.log.format, level=config.log.level, faults=words, journal=journal_of(os.environ))


def outcome_of(state: StateFolder, job: str, exit_code: int, message: str) -> Outcome:
    """Return how a job came out that a service did: what it says, with what the ledger knows of the job.

    Args:
        state: The state folder.
        job: Id.
        exit_code: Of the command.
        message: Why it is not all done; empty otherwise.
    """
    from supervisor.edge.ledger import Ledger  # noqa: PLC0415 - who follows a service has imported it

    with closing(Ledger.open(state.path, read_only=True)) as ledger:
        view, submission = ledger.view(job), ledger.submission(job)
        # What the ledger knows of one that could not be planned is of an earlier run, perhaps of other texts.
        is_planned = submission is None or bool(submission.planned)
        return Outcome(
            exit_code=exit_code,
            view=view,
            outputs=[] if view is None or message else view.outputs,
            failures=ledger.failures(job) if is_planned else [],
            bad_lines=ledger.bad_lines(job) if is_planned else [],
            message=message,
        )


def _ended(state: StateFolder, request: JobRequest, error: SupervisorError, told: SupervisorError) -> Outcome:
    """Return how a job came out that an error ended, or raise what is told of it."""
    from supervisor.edge.ledger import Ledger  # noqa: PLC0415 - the loop has imported it

    job = job_id_for(request.output)
    try:
        with closing(Ledger.open(state.path, read_only=True)) as ledger:
            view, failures, bad_lines = ledger.view(job), ledger.failures(job), ledger.bad_lines(job)
    except SupervisorError:
        # No ledger, or none that can be read: the error itself says more.
        raise told from None
    if view is None or view.error != str(error):
        # It ended before the job was planned: the ledger knows nothing of this run.
        raise told from None
    return Outcome(
        exit_code=told.exit_code,
        view=view,
        outputs=[],
        failures=failures,
        bad_lines=bad_lines,
        message=str(told),
    )


def report(outcome: Outcome, *, json: bool, paths: bool = True) -> int:
    """Say what came of a job, on both streams, and return the exit code.

    Args:
        outcome: From the loop.
        json: Results as JSON.
        paths: The finished paths on standard output, one a line.
    """
    for line in failure_lines(outcome):
        tell(line)
    if outcome.message:
        tell(f"tts-supervisor: {outcome.message}")
    # Who read our output may have left, as `head` does: that changes nothing about the job.
    with contextlib.suppress(BrokenPipeError):
        if json:
            emit_json(_result(outcome))
        elif paths:
            for path in outcome.outputs:
                emit(path)
    return outcome.exit_code


def _result(outcome: Outcome) -> dict[str, object]:
    if outcome.view is not None:
        return {"result": outcome.view.as_json()}
    return {"error": {"message": outcome.message, "exit_code": outcome.exit_code}}


def failure_lines(outcome: Outcome) -> list[str]:
    """List what failed, each with its reason, and the mend at the end."""
    lines = [
        f"segment {failure.number + 1} (chapter {failure.chapter + 1}, {failure.text_head!r}): "
        f"{failure.kind} after {failure.attempts} attempts: {failure.message}"
        for failure in outcome.failures
    ]
    lines += [f"line {bad.line}: {bad.message}" for bad in outcome.bad_lines]
    if not lines:
        return []
    kept = lines[:_MOST_LISTED]
    if len(lines) > len(kept):
        kept.append(f"and {len(lines) - len(kept)} more: tts-supervisor jobs show ID lists them all")
    there = ", silence in their place" if outcome.outputs else ""  # no file, no silence
    return [f"not spoken ({len(lines)}){there}; {_AGAIN}:", *(f"  {line}" for line in kept)]
