"""A status in one line, for whoever supervises the service: systemd's `STATUS=`."""

from typing import Final

from supervisor.errors import GaveUp, GpuLost, ProcessStuck, SupervisorError
from supervisor.loop.service import Status
from supervisor.loop.sights import EndState

#: The state of a service that has come to an end which wants a person.
_ENDS: Final[dict[type[SupervisorError], EndState]] = {
    GpuLost: "driver_does_not_let_go",
    ProcessStuck: "cannot_be_killed",
    GaveUp: "gave_up",
}


def in_words(status: Status) -> str:
    """Say how a service stands: its state and why, what ails it and what mends that, child and queue."""
    child = status.child
    head = f"{status.state}: {status.why}" if status.why else status.state
    ails = [one.mend if one.words == status.why else f"{one.words}; {one.mend}" for one in status.health]
    of_child = "no child" if child is None else f"child {child.pid}, {_stands(status)}"
    return "; ".join([head, *ails, of_child, f"{status.queue} waiting"])


def ended_as(status: Status, error: SupervisorError) -> EndState:
    """Return how a service ended; `failed` where its error is none that has a state.

    Args:
        status: As it stood then.
        error: What ended it.
    """
    lost = any(one.kind == "gpu_lost" for one in status.health)
    return "gpu_lost" if lost and isinstance(error, GpuLost) else _ENDS.get(type(error), "failed")


def last_words(status: Status, error: SupervisorError) -> str:
    """Say what a service ended of: the line that stays.

    Args:
        status: As it stood then.
        error: What ended it.
    """
    state = ended_as(status, error)
    return str(error) if state == "failed" else f"{state}: {error}"


def _stands(status: Status) -> str:
    assert status.child is not None
    return f"{status.child.segments} segments" if status.child.ready else "not ready"
