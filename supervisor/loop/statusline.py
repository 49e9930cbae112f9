"""A status in one line, for whoever supervises the service: systemd's `STATUS=`."""

from supervisor.loop.service import Status


def in_words(status: Status) -> str:
    """Say how a service stands: its state and why, what ails it and what mends that, child and queue."""
    child = status.child
    head = f"{status.state}: {status.why}" if status.why else status.state
    ails = [one.mend if one.words == status.why else f"{one.words}; {one.mend}" for one in status.health]
    of_child = "no child" if child is None else f"child {child.pid}, {_stands(status)}"
    return "; ".join([head, *ails, of_child, f"{status.queue} waiting"])


def _stands(status: Status) -> str:
    assert status.child is not None
    return f"{status.child.segments} segments" if status.child.ready else "not ready"
