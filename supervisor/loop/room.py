"""Whether there is room on the disk of the state folder: what a refused write and a look at each poll say."""

from pathlib import Path
from typing import Final

from supervisor.edge.devices import seen_and_mend
from supervisor.edge.disk import free_bytes
from supervisor.loop.health import Ailment, utc

#: Free on a disk before it is written to again after it was full: some segments, and the ledger's log.
ROOM_BYTES: Final = 8 * 1024 * 1024

#: With less than this free the next write is refused: a second of audio, or the ledger's log.
SCARCE_BYTES: Final = 64 * 1024

_MIB: Final = 1024 * 1024


class Room:
    """On one disk.

    Attributes:
        refused_why: What a write was told, while nothing can be written; else empty.
    """

    def __init__(self, folder: Path) -> None:
        """Begin with enough of it.

        Args:
            folder: On the disk.
        """
        self._folder = folder
        self.refused_why = ""
        self._ailment: Ailment | None = None

    @property
    def ailments(self) -> list[Ailment]:
        """What ails, if it is full."""
        return [] if self._ailment is None else [self._ailment]

    def refuse(self, why: str, at_s: float) -> None:
        """Note that a write was refused, at a time of the wall clock; `why` is what the write was told."""
        self.refused_why = why
        self._ailment = full(why, utc(at_s), stops=True)

    def look(self, at_s: float) -> bool:
        """Look how much is free; return whether whoever was refused may try again, or nobody was."""
        free = free_bytes(self._folder)
        if free >= (ROOM_BYTES if self.refused_why else SCARCE_BYTES):
            self.refused_why, self._ailment = "", None
        elif self._ailment is None:
            why = f"the disk is full in {self._folder} ({free} bytes free)"
            self._ailment = full(why, utc(at_s), stops=True)
        return not self.refused_why


def full(why: str, since: str, *, stops: bool, needed_bytes: int = 0) -> Ailment:
    """Return the ailment of a disk.

    Args:
        why: What was seen, maybe with a mend for a command: a service goes on by itself.
        since: When, ISO 8601 in UTC.
        stops: Whether nothing can be written at all.
        needed_bytes: That the next try needs; 0 = not known.
    """
    return Ailment(
        kind="disk_full", words=seen_and_mend(why)[0], mend=mend(needed_bytes), since=since, stops=stops
    )


def mend(needed_bytes: int) -> str:
    """Say what mends it."""
    wanted = max(ROOM_BYTES, needed_bytes) / _MIB
    return f"make room there; it goes on by itself once {wanted:.0f} MiB are free"
