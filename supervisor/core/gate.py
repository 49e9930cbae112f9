"""The gate between a child's end and its successor's start: is there room on the card again?

The kernel tells of a death at once; the driver gives the memory back later: mostly within a
second, with much pinned host memory after half a minute, and never where something else still
holds it. So after a child that used the card its successor waits here.
"""

from enum import Enum, auto

from supervisor.core.readings import DeviceAnswer, DeviceReading

#: Between two looks. NVML answers in about a millisecond.
POLL_S = 0.1

#: Until here the dead process must be gone from the driver's list as well; after it room suffices.
SOFT_S = 5.0

#: Until here everything is waited for. Pinned host memory of 243 GB took 25.9 s (supervision.md 6.4).
HARD_S = 50.0

#: Share of what the child held that must be back. The rest is noise of the others.
_BACK_SHARE = 0.95


class Way(Enum):
    """What the gate says."""

    OPEN = auto()  # start the successor
    WAIT = auto()  # not yet; look again
    ROOM = auto()  # our bytes are back, and others hold so much that no child fits: wait for them
    HELD = auto()  # our bytes never came back: a person must act


class Gate:
    """One wait. Make one at each burial of a child that used the card."""

    def __init__(self, *, before: DeviceReading, own_bytes: int, at_s: float) -> None:
        """Begin to wait.

        Args:
            before: The last reading with the child alive.
            own_bytes: What it held on the card.
            at_s: When it was reaped, monotonic seconds.
        """
        self._before = before
        self._own_bytes = own_bytes
        self._since_s = at_s
        self.lag_s = 0.0

    @property
    def next_deadline_s(self) -> float:
        """When it is to be judged again though nothing was read, monotonic seconds."""
        return self._since_s + (SOFT_S if self.lag_s < SOFT_S else HARD_S)

    def judge(self, answer: DeviceAnswer | None, *, fits: bool | None, at_s: float) -> Way:
        """Say whether the successor may start.

        Args:
            answer: The driver's latest; None if it has not answered yet.
            fits: Whether a fresh child fits beside what is used now; None = unknown.
            at_s: Monotonic seconds.
        """
        waited_s = self.lag_s = at_s - self._since_s
        if not isinstance(answer, DeviceReading):
            # A driver that says nothing cannot hold up the job: the successor finds out by itself.
            return Way.WAIT if waited_s < SOFT_S else Way.OPEN
        listed = bool(answer.child_bytes) and waited_s < SOFT_S
        back = self._is_back(answer)
        if fits or (back and fits is None):
            return Way.WAIT if listed else Way.OPEN
        if back:
            return Way.ROOM
        return Way.WAIT if waited_s < HARD_S else Way.HELD

    def _is_back(self, now: DeviceReading) -> bool:
        enough_bytes = int(_BACK_SHARE * self._own_bytes)
        if now.used_bytes <= self._before.used_bytes - enough_bytes:
            return True
        # Where the driver lists what others hold, a neighbour that grew meanwhile is no leftover of ours.
        if now.others_bytes is None or self._before.others_bytes is None:
            return False
        ours_before_bytes = self._before.used_bytes - self._before.others_bytes
        return now.used_bytes - now.others_bytes <= ours_before_bytes - enough_bytes
