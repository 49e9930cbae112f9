"""Tell a process that stands still from one without work, or without a reader for what it made. Pure."""

from dataclasses import dataclass
from typing import Final

#: Looks in a row at which nothing has moved, until a process counts as standing still. Looks and not seconds
#: alone: a machine that slept, or a parent that was stopped, must not condemn it.
LOOKS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What is seen of the pipes of a process at one look.

    Attributes:
        unread_bytes: That it was given and has not read.
        untaken_bytes: That it wrote and nobody has read.
        input_ended: Whether it was told that there is no more: then it has work until it is gone.
        moved_bytes: All that went in or out so far.
    """

    unread_bytes: int
    untaken_bytes: int
    input_ended: bool
    moved_bytes: int


class Stillness:
    """Of one process."""

    def __init__(self) -> None:
        self._last: Flow | None = None
        self._looks = 0

    def look(self, flow: Flow) -> bool:
        """Take what is seen now; say whether it stands still, for so many looks that it never will move."""
        has_work = flow.unread_bytes > 0 or flow.input_ended
        has_room = flow.untaken_bytes == 0
        self._looks = self._looks + 1 if has_work and has_room and flow == self._last else 0
        self._last = flow
        return self._looks >= LOOKS
