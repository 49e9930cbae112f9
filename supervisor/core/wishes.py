"""What one policy wishes for, and a pause that is under way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from supervisor.core.decisions import Policy, Scope
from supervisor.core.deviceside import DeviceSide
from supervisor.core.sides import Side
from supervisor.policy.headroom import Room
from supervisor.policy.verdict import Verdict

#: What ends a pause: the mark is left, a text finds room, or a fresh child does.
Until = Literal["mark", "room", "fit"]

#: Below the hard mark by this share of the total before a pause ends: else it would flutter.
_RELIEF: Final = 0.01


def _forget() -> None:
    """Most policies remember nothing."""


def _for_nothing(_: Room) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one policy wishes for.

    Attributes:
        verdict: What is to be done.
        policy: Who says so.
        why: A sentence with the figures.
        side: Of which memory, where it is for its growth.
        scope: What a refusal is about.
        until: What ends a pause.
        waits: Whether the text that waits for room would still have to.
        note_done: Called when it is done: the policy remembers it.
    """

    verdict: Verdict
    policy: Policy
    why: str
    side: Side | None = None
    scope: Scope = "life"
    until: Until = "mark"
    waits: Callable[[Room], bool] = _for_nothing
    note_done: Callable[[], None] = _forget


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why nothing is handed out.

    Attributes:
        wish: What it is for.
        at_s: Since when.
    """

    wish: Wish
    at_s: float

    def is_over(self, device: DeviceSide, *, successor_fits: bool) -> bool:
        """Say whether what it waits for has come, by the device's latest reading."""
        limits, room = device.limits, device.room()
        if self.wish.until == "fit" or limits is None or room is None:
            return successor_fits
        if self.wish.until == "mark":
            # As it was read: within a segment the child's word is from before it.
            return _is_below_hard(device, device.view.used or 0)
        return not self.wish.waits(room)

    def ends_by_release(self, device: DeviceSide) -> bool:
        """Say whether a release that is worth it is all that the hard mark needs to be left."""
        if self.wish.until != "mark" or device.releasable < device.worth:
            return False
        return _is_below_hard(device, (device.now or 0) - device.releasable)


def _is_below_hard(device: DeviceSide, used_bytes: int) -> bool:
    hard_bytes = 0 if device.limits is None else device.limits.hard_bytes
    return used_bytes < hard_bytes - _RELIEF * (device.total or 0)
