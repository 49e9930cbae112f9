"""A job is spoken and delivered: what is kept, what is told."""

from collections.abc import Callable
from pathlib import Path

from supervisor.core.notes import Note, Notice
from supervisor.edge.ledger import Ledger
from supervisor.loop.requests import Outcome


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


def _tell_of_earlier_files(ledger: Ledger, job: str, show: Callable[[Note], None]) -> None:
    """Name once what an earlier run delivered beside what is there now: players play all of it."""
    left = [path for path in ledger.earlier_files(job) if Path(path).exists()]
    if left:
        text = f"left from an earlier run: {', '.join(left)}; remove them if you do not want them"
        show(Notice(level="warning", name="earlier_files", text=text))
    ledger.forget_earlier_files(job)
