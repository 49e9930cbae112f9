"""Where a run happens: all that the runner carries out its work with."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

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
        devices: `child.device`, each with a child of its own.
        wall_s: The wall clock, for records that people read.
        show: Takes notes.
        overheard: Takes lines of the child's stderr.
        nurseries: Where children come from, for each device.
        traces: Take what the memory policies were told and what they decided, for each device; or empty.
    """

    state: StateFolder
    ledger: Ledger
    job: str
    poll_s: float
    devices: tuple[str, ...]
    wall_s: Callable[[], float]
    show: Callable[[Note], None]
    overheard: Callable[[int, str], None]
    nurseries: tuple[Nursery, ...]
    traces: tuple[Callable[[Record], None], ...] = ()


def nurseries_of(
    config: Config,
    hello: Hello,
    *,
    state_marker: str,
    notice: Callable[[Notice], None],
    overheard: Callable[[str], None],
) -> tuple[Nursery, ...]:
    """Return where children come from, for each device.

    Args:
        config: All of it.
        hello: What each child will be told, its device aside.
        state_marker: Real path of the state folder.
        notice: Takes what is said once.
        overheard: Takes each line of the template's stderr.
    """
    return tuple(
        Nursery(
            python=config.child.python,
            state_marker=state_marker,
            start=config.child.start,
            hello=msgspec.structs.replace(hello, device=device),
            notice=notice,
            overheard=overheard,
            warm_limit_s=config.child.start_timeout_s,
        )
        for device in config.child.devices
    )
