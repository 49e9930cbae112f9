"""Who was let in once may listen for a while: a ticket in the path, since `<audio>` can send no key.

A ticket is drawn by chance, names nothing, opens what was looked at when it was given, and runs out.
"""

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from supervisor.doors.http.spans import Span

#: From when it is given.
TICKET_S: Final = 3600.0

#: Parts of all tickets together: some hundred KiB; the oldest ticket goes for a new one.
MOST_PARTS: Final = 4000

_TICKET_BYTES: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Something to listen to.

    Attributes:
        name: Of its file, or of what it is.
        seconds: Of audio.
        media: Its type.
        path: Of the finished file; None = it is made of `spans`.
        spans: All of it, as one WAV.
    """

    name: str
    seconds: float
    media: str
    path: str | None = None
    spans: tuple[Span, ...] = ()

    @property
    def weight(self) -> int:
        """What it counts for."""
        return 1 + len(self.spans)


class Tickets:
    """One door's.

    Args:
        now_s: A clock that is never set.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._given: OrderedDict[str, tuple[float, tuple[Part, ...]]] = OrderedDict()

    def give(self, parts: Sequence[Part]) -> str:
        """Return a new ticket for these."""
        ticket = os.urandom(_TICKET_BYTES).hex()
        self._given[ticket] = (self._now_s() + TICKET_S, tuple(parts))
        self._drop_old()
        return ticket

    def part(self, ticket: str, number: int) -> Part | None:
        """Return what a ticket opens; None if it opens nothing, or nothing any more."""
        until_s, parts = self._given.get(ticket, (0.0, ()))
        return parts[number] if number < len(parts) and self._now_s() < until_s else None

    def _drop_old(self) -> None:
        weight = sum(part.weight for _, parts in self._given.values() for part in parts)
        while len(self._given) > 1 and (weight > MOST_PARTS or self._is_over()):
            _, (_, parts) = self._given.popitem(last=False)
            weight -= sum(part.weight for part in parts)

    def _is_over(self) -> bool:
        until_s, _ = next(iter(self._given.values()))
        return until_s <= self._now_s()
