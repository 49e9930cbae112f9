"""A run is over: what is kept, what is told, what is written of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from supervisor import errors
from supervisor.core.notes import Note, Notice
from supervisor.edge.ledger import Ledger
from supervisor.loop.answers import ResultsAnswer
from supervisor.loop.orders import results_order
from supervisor.loop.requests import Outcome
from supervisor.loop.workers import WorkerFailed, run_worker_to_the_end

#: Ends after which the same command goes on without anybody's mending.
_RESUMABLE: Final = frozenset({errors.Interrupted.exit_code, errors.TryLater.exit_code})


def conclude(
    ledger: Ledger, job: str, outputs: list[str], *, keep: bool, show: Callable[[Note], None]
) -> Outcome:
    """Mark a job as done and return how it came out.

    Args:
        ledger: Of its state folder.
        job: Id.
        outputs: Finished files, absolute paths.
        keep: Whether the ledger remembers the job.
        show: Takes what people should know.
    """
    failures, bad_lines = ledger.failures(job), ledger.bad_lines(job)
    # A run in which things failed may be the mistaken one: what it did not use is kept.
    ledger.prune(job, keep_spares=bool(failures or bad_lines))
    ledger.set_state(job, "done", None)
    _tell_of_earlier_files(ledger, job, show)
    view = ledger.view(job)
    if not keep:
        ledger.remove(job)
    return Outcome(
        exit_code=3 if failures or bad_lines else 0,
        view=view,
        outputs=outputs,
        failures=failures,
        bad_lines=bad_lines,
        message="",
    )


def park(ledger: Ledger, job: str, error: errors.SupervisorError) -> str:
    """Note in the ledger why the job stands still.

    Returns:
        Why that could not be noted (a full disk may refuse even that); empty if it was.
    """
    state = "parked" if error.exit_code in _RESUMABLE else "failed"
    try:
        ledger.set_state(job, state, str(error))
    except errors.SupervisorError as also:
        return str(also)
    return ""


async def write_results(state: Path, job: str, show: Callable[[Note], None]) -> None:
    """Have `results.jsonl` written beside a job's files; what forbids it is told, no more."""
    order = results_order(state, job)
    try:
        line = await run_worker_to_the_end(
            "supervisor.planning", lambda: iter([order]), state_marker=str(state), told=lambda _: None
        )
    except WorkerFailed as error:
        said = str(error)
    else:
        answer = msgspec.json.decode(line, type=ResultsAnswer)
        said = answer.error.message if answer.error else answer.ok.notice if answer.ok else ""
    if said:
        show(Notice(level="warning", name="results", text=f"results.jsonl: {said}"))


def _tell_of_earlier_files(ledger: Ledger, job: str, show: Callable[[Note], None]) -> None:
    """Name once what an earlier run delivered beside what is there now: players play all of it."""
    left = [path for path in ledger.earlier_files(job) if Path(path).exists()]
    if left:
        text = f"left from an earlier run: {', '.join(left)}; remove them if you do not want them"
        show(Notice(level="warning", name="earlier_files", text=text))
    ledger.forget_earlier_files(job)
