"""How long a child may go without progress on the segment in its hands."""

import math


class Stall:
    """One segment's progress clock. Make one per hand-out."""

    def __init__(self, stall_s: float, *, at_s: float) -> None:
        self._stall_s = stall_s
        self._last_s = at_s

    def progress(self, at_s: float) -> None:
        """Note that the child showed progress."""
        self._last_s = max(self._last_s, at_s)

    @property
    def deadline_s(self) -> float:
        """When it counts as stalled, monotonic seconds; never if `stall_s` is 0."""
        return self._last_s + self._stall_s if self._stall_s > 0 else math.inf

    def is_stalled(self, at_s: float) -> bool:
        """Say whether it went without progress for too long."""
        return at_s >= self.deadline_s
