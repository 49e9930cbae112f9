"""Where a run happens: all that the runner carries out its work with."""

from collections.abc import Callable
from dataclasses import dataclass

from supervisor.config import Config
from supervisor.core.notes import Note, Notice
from supervisor.core.traces import Record
from supervisor.edge.ledger import Ledger
from supervisor.edge.statefolder import StateFolder
from supervisor.loop.nursery import Nursery
from supervisor.wire.messages import Hello


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run happens.

    Attributes:
        state: Its folder, owned by us.
        ledger: In it.
        job: Id, where the run is of one job; else empty.
        poll_s: Between readings of memory.
        device: `child.device`.
        wall_s: The wall clock, for records that people read.
        show: Takes notes.
        overheard: Takes lines of the child's stderr.
        nursery: Where children come from.
        trace: Takes what the memory policies were told and what they decided; None = not recorded.
    """

    state: StateFolder
    ledger: Ledger
    job: str
    poll_s: float
    device: str
    wall_s: Callable[[], float]
    show: Callable[[Note], None]
    overheard: Callable[[int, str], None]
    nursery: Nursery
    trace: Callable[[Record], None] | None = None


def nursery_of(
    config: Config,
    hello: Hello,
    *,
    state_marker: str,
    notice: Callable[[Notice], None],
    overheard: Callable[[str], None],
) -> Nursery:
    """Return where children come from, as the configuration says.

    Args:
        config: All of it.
        hello: What each child will be told.
        state_marker: Real path of the state folder.
        notice: Takes what is said once.
        overheard: Takes each line of the template's stderr.
    """
    return Nursery(
        python=config.child.python,
        state_marker=state_marker,
        start=config.child.start,
        hello=hello,
        notice=notice,
        overheard=overheard,
        warm_limit_s=config.child.start_timeout_s,
    )
