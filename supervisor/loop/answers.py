"""What the short-lived processes answer, and what their errors mean for a command."""

from typing import Final

import msgspec

from supervisor import errors
from supervisor.core import actions as do
from supervisor.edge.ledger_values import Delivery
from supervisor.narration.plan import PlanSummary


class WorkerError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a worker could not do its work.

    Attributes:
        kind: `usage`, `bad_input`, `disk_full`, `unwritable`, `in_use`, `bad_audio` or `internal`.
        message: What was seen, and the mend.
        input: Of planning: the input it is about.
        path: Of delivery: the file it is about.
        needed_bytes: Of a full disk: that were to be written; 0 = not known.
    """

    kind: str
    message: str
    input: str = ""
    path: str = ""
    needed_bytes: int = 0


class PlanAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The planning process's line: one of the two."""

    ok: PlanSummary | None = None
    error: WorkerError | None = None


class DeliveryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The delivery process's line: one of the two."""

    ok: Delivery | None = None
    error: WorkerError | None = None


class ResultsWritten(msgspec.Struct, frozen=True, kw_only=True):
    """What came of `results.jsonl`; see `supervisor/planning/results.py`."""

    path: str = ""
    notice: str = ""


class ResultsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The planning process's line about it: one of the two."""

    ok: ResultsWritten | None = None
    error: WorkerError | None = None


_WORKER_ERRORS: Final[dict[str, type[errors.SupervisorError]]] = {
    "usage": errors.UsageError,
    "bad_input": errors.InputError,
    "unwritable": errors.Unwritable,
    "in_use": errors.TryLater,
}

_ENDINGS: Final[dict[do.Ending, type[errors.SupervisorError]]] = {
    "stopped": errors.Interrupted,
    "full": errors.DiskFull,
    "unwritable": errors.Unwritable,
    "cannot": errors.TryLater,
    "configuration": errors.ConfigError,
    "gave_up": errors.GaveUp,
    "stuck": errors.ProcessStuck,
    "held": errors.GpuLost,
}


def worker_error(error: WorkerError | None) -> errors.SupervisorError:
    """Return what a worker's error ends a command with; None = it answered with neither."""
    if error is None:
        return errors.SupervisorError("a worker answered neither a result nor an error; please report it")
    if error.kind == "disk_full":
        return errors.DiskFull(error.message, needed_bytes=error.needed_bytes)
    return _WORKER_ERRORS.get(error.kind, errors.SupervisorError)(error.message)


def ending_error(finish: do.Finish) -> errors.SupervisorError:
    """Return what a run that was not spoken to its end ends a command with."""
    return _ENDINGS[finish.ending](finish.why)
