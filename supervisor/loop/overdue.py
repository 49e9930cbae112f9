"""What the loop waits for, until when, and what of it is overdue. Pure: the time is an argument.

A loop that turns is not yet a loop that works: it may turn for ever beside an answer that never comes. So
whatever must come within a bounded time is named here while it is waited for. Idleness is nothing
that is waited for, and never overdue.
"""

from dataclasses import dataclass
from typing import Final

#: A busy machine, a swapped page, a laptop's lid: a timer that is late by less than this is no sign.
GRACE_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Something that must have come by a time.

    Attributes:
        what: In words, for the log and the status line: `"the ledger's write"`.
        until_s: Monotonic seconds.
    """

    what: str
    until_s: float

    def overdue(self, at_s: float) -> str | None:
        """Say by how much it is overdue; None while it is not."""
        return late(self.what, self.until_s, at_s, grace_s=0.0)


class Waits:
    """All that is waited for now."""

    def __init__(self) -> None:
        self._waits: dict[int, Wait] = {}
        self._next = 0

    def begin(self, what: str, until_s: float) -> int:
        """Wait for something; returns the number that ends it."""
        self._next += 1
        self._waits[self._next] = Wait(what=what, until_s=until_s)
        return self._next

    def end(self, number: int) -> None:
        """It came, or is wanted no more; again, nothing happens."""
        self._waits.pop(number, None)

    def overdue(self, at_s: float) -> list[str]:
        """Say what is overdue, oldest first."""
        said = [wait.overdue(at_s) for wait in self._waits.values()]
        return [one for one in said if one is not None]


def late(what: str, due_s: float | None, at_s: float, *, grace_s: float = GRACE_S) -> str | None:
    """Say that something is late; None while it is not, or where nothing is due.

    Args:
        what: In words.
        due_s: When it should have been, as `Conductor.next_deadline_s` has it.
        at_s: Now, on the same clock.
        grace_s: Seconds that count as punctual.
    """
    if due_s is None or at_s <= due_s + grace_s:
        return None
    return f"{what} is {at_s - due_s:.0f} s late"
