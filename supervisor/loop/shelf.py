"""Where the segments of one job are kept: what the runner writes to and fetches from."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from supervisor.core.segments import WaitingSegment
from supervisor.core.tallies import JobSize
from supervisor.edge.audiofile import AudioPart
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import StoredAudio
from supervisor.edge.statefolder import StateFolder, audio_name
from supervisor.narration.degrading import Recut

#: Has a chapter cut otherwise, given its number and why.
RecutChapter = Callable[[int, str], Awaitable[Recut]]

#: Told of a segment that is set aside: the kind of its failure, and why.
GivenUp = Callable[[str, str], None]


def unheard(_kind: str, _why: str) -> None:
    """Nobody wants to know."""


class Shelf(Protocol):
    """One job's. Each call that writes has done so when it returns, as durably as the job is."""

    @property
    def job(self) -> str:
        """Id of the job, or of the request."""
        ...

    def waiting(self, after: int, limit: int) -> list[WaitingSegment]:
        """Return what is neither done nor set aside behind a number, in order, at most so many."""
        ...

    def size(self) -> JobSize:
        """Return how large the job is, and how far."""
        ...

    def begin_audio(self, key: str) -> AudioPart:
        """Begin the file of a segment."""
        ...

    def audio_name(self, key: str) -> str:
        """Return where a finished segment lies, below the state folder."""
        ...

    def claim(self, key: str) -> None:
        """Count a hand-out before it is handed out."""
        ...

    def unclaim(self, key: str, *, killed: bool) -> None:
        """Take a hand-out back; `killed`: it was ended from outside."""
        ...

    def charge(self, key: str) -> None:
        """Let a hand-out count."""
        ...

    def set_aside(self, key: str, kind: str, message: str) -> None:
        """Give a segment up, with the reason."""
        ...

    def done(self, stored: StoredAudio, attempts: int) -> None:
        """Record a finished segment; its audio lies at its path."""
        ...

    def set_paused(self, why: str) -> None:
        """Record that the job stands still, or goes on (empty)."""
        ...

    async def recut(self, chapter: int, why: str) -> Recut:
        """Have a chapter cut otherwise."""
        ...


class LedgerShelf:
    """Of a job in the ledger."""

    def __init__(  # noqa: PLR0913 - what a job is made of, said once and by name
        self,
        state: StateFolder,
        ledger: Ledger,
        job: str,
        recut: RecutChapter,
        *,
        worded: Callable[[str], str] = str,
        given_up: GivenUp = unheard,
    ) -> None:
        """Make it.

        Args:
            state: Where the audio lies.
            ledger: Knows the job; it is planned.
            job: Id.
            recut: See `recut`.
            worded: Returns what is noted of why a segment failed.
            given_up: Told of each segment that is set aside, once that is noted.
        """
        self._state = state
        self._ledger = ledger
        self._job = job
        self._recut = recut
        self._worded = worded
        self._given_up = given_up

    @property
    def job(self) -> str:  # noqa: D102 -- as in Shelf, here and below
        return self._job

    def waiting(self, after: int, limit: int) -> list[WaitingSegment]:  # noqa: D102 -- likewise
        return self._ledger.waiting(self._job, after, limit)

    def size(self) -> JobSize:  # noqa: D102 -- likewise
        return self._ledger.job_size(self._job)

    def begin_audio(self, key: str) -> AudioPart:  # noqa: D102 -- likewise
        return AudioPart(self._state.audio_path(self._job, key))

    def audio_name(self, key: str) -> str:  # noqa: D102 -- likewise
        return audio_name(self._job, key)

    def claim(self, key: str) -> None:  # noqa: D102 -- likewise
        self._ledger.claim(self._job, key)

    def unclaim(self, key: str, *, killed: bool) -> None:  # noqa: D102 -- likewise
        self._ledger.unclaim(self._job, key, killed=killed)

    def charge(self, key: str) -> None:  # noqa: D102 -- likewise
        self._ledger.charge(self._job, key)

    def set_aside(self, key: str, kind: str, message: str) -> None:  # noqa: D102 -- likewise
        why = self._worded(message)
        self._ledger.set_aside(self._job, key, kind, why)
        self._given_up(kind, why)

    def done(self, stored: StoredAudio, attempts: int) -> None:  # noqa: D102 -- likewise
        self._ledger.done(self._job, stored, attempts=attempts)

    def set_paused(self, why: str) -> None:  # noqa: D102 -- likewise
        self._ledger.set_state(self._job, "paused" if why else "running", why or None)

    async def recut(self, chapter: int, why: str) -> Recut:  # noqa: D102 -- likewise
        return await self._recut(chapter, why)
