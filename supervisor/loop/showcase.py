"""What a service that stays has to show, beside what it answers: see `OnShow`."""

from collections.abc import Callable
from typing import Final

from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_files import pieces_of
from supervisor.edge.ledger_values import AudioPiece, Piece
from supervisor.loop.sights import Heard, Sight, Sights

#: Segments of a job under way that can be heard before it is done: some minutes.
MOST_SEGMENTS: Final = 50


class Showcase:
    """One service's.

    Args:
        sights: As they come.
        ledger: Of its jobs.
    """

    def __init__(self, sights: Sights, ledger: Ledger) -> None:
        self._sights = sights
        self._ledger = ledger

    def look_on(self, told: Callable[[Sight], None]) -> Callable[[], None]:
        """Have sights shown as they come; returns what ends that."""
        return self._sights.look_on(told)

    def output(self, job: str) -> str | None:
        """Return where a job's audio is to lie; None: no such job."""
        return self._ledger.output(job)

    def heard(self, job: str) -> Heard:
        """Return what there is to hear of a job."""
        files = self._ledger.deliveries(job)
        return Heard(files=files, pieces=[] if files else self._pieces(job))

    def _pieces(self, job: str) -> list[Piece]:
        spec, end = self._ledger.spec(job), self._ledger.first_waiting(job)
        if spec is None:
            return []
        segments = list(self._ledger.segments(job, max(0, end - MOST_SEGMENTS), end))
        return _of_one_rate(list(pieces_of(spec, self._ledger.folder, segments)))


def _of_one_rate(pieces: list[Piece]) -> list[Piece]:
    """Return the last of them, from where all audio has one rate; none where there is no audio."""
    rates = {number: one.sample_rate_hz for number, one in enumerate(pieces) if isinstance(one, AudioPiece)}
    if not rates:
        return []
    rate_hz = rates[max(rates)]
    others = [number for number, one_hz in rates.items() if one_hz != rate_hz]
    return pieces[max(others, default=-1) + 1 :]
