"""What the ledger says of jobs to people."""

from supervisor.edge.ledger_values import Failure
from supervisor.narration.plan import BadLine

#: Of what was not spoken, so many are named in a view, each with so much of its message.
_MOST_NAMED = 3
_MESSAGE_CHARS = 120


def not_spoken(bad_lines: list[BadLine], failures: list[Failure]) -> str:
    """Return in a few words what is missing from a job that is over."""
    each = [f"line {bad.line}: {_short(bad.message)}" for bad in bad_lines]
    each += [f"segment {failure.number}: {failure.kind}: {_short(failure.message)}" for failure in failures]
    named = each[:_MOST_NAMED]
    if len(each) > len(named):
        named.append(f"and {len(each) - len(named)} more")
    return f"{len(each)} not spoken: {'; '.join(named)}"


def _short(message: str) -> str:
    return message if len(message) <= _MESSAGE_CHARS else f"{message[: _MESSAGE_CHARS - 1]}…"


def no_job(job: str) -> str:
    """Return what to say of a job that is not there."""
    return f"there is no job {job} here; `tts-supervisor jobs list` shows those there are"


def not_planned(job: str) -> str:
    """Return what to say where a job's plan is needed that has none."""
    return (
        f"job {job} is not planned yet: the service that it was submitted to does that when its turn comes; "
        "where none runs, `jobs retry` does it"
    )
