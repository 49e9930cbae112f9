"""One child life's slot: the lifecycle table with its clock.

Pure: time comes as an argument. The slot knows which state has which deadline; what the
states mean for segments is the conductor's business.
"""

import math
from dataclasses import dataclass

from supervisor.core.lifecycle import TABLE, Do, Event, State


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTimes:
    """How long a state may last, in seconds.

    Attributes:
        start_s: To be ready.
        release_s: To release caches.
        leave_s: Between asking it to exit and SIGTERM.
        term_s: Between SIGTERM and the stack dump that precedes SIGKILL.
        dump_s: For the stack dump; faulthandler needs 0.2 ms even with the GIL held, the
            rest is for a machine that swaps.
        die_s: Between SIGKILL and the verdict that it cannot be killed. A 4 GiB process
            needs 0.2 s; a driver call in progress may hold it for tens of seconds.
    """

    start_s: float
    release_s: float
    term_s: float
    leave_s: float = 2.0
    dump_s: float = 0.5
    die_s: float = 50.0

    def of(self, state: State) -> float:
        """Return how long `state` may last; infinite for states without a deadline."""
        limits_s = {
            State.STARTING: self.start_s,
            State.RELEASING: self.release_s,
            State.LEAVING: self.leave_s,
            State.TERMINATING: self.term_s,
            State.DUMPING: self.dump_s,
            State.DYING: self.die_s,
        }
        return limits_s.get(state, math.inf)


class Slot:
    """State and deadline of one child life."""

    def __init__(self, times: SlotTimes) -> None:
        self._times = times
        self._deadline_s = math.inf
        self.state = State.ABSENT

    @property
    def deadline_s(self) -> float:
        """When the present state runs out of time; infinite if it has none."""
        return self._deadline_s

    def take(self, event: Event, at_s: float) -> tuple[Do, ...]:
        """Apply one event and return what to do; nothing if the table ignores the pair."""
        row = TABLE.get((self.state, event))
        if row is None:
            return ()
        self.state, todo = row
        self._deadline_s = at_s + self._times.of(self.state)
        return todo

    def is_late(self, at_s: float) -> bool:
        """Say whether the present state has outlasted its time."""
        return at_s >= self._deadline_s
