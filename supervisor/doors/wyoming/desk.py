"""What all clients of this door share: the service, its voices, and bounds on all of them together."""

import asyncio
from collections.abc import Callable, Sequence  # noqa: TC003 - of an attribute: its type is asked for
from pathlib import Path
from typing import Final, Protocol

from wyoming.event import Event

from supervisor.core.notes import ChildState, Note
from supervisor.doors.backlog import Room
from supervisor.doors.wyoming.offered import info_of
from supervisor.doors.wyoming.reading import Manner
from supervisor.log import Log
from supervisor.loop.speaking import Discovered, Service
from supervisor.wire.messages import Voice

#: Events that came in part, of all clients together: the parent stays small whatever is begun and not ended.
MOST_KEPT_BYTES: Final = 4 * 1024 * 1024


class Keeper(Protocol):
    """A client of whose say something is kept."""

    @property
    def kept_bytes(self) -> int:
        """How much."""
        ...

    def let_go(self) -> None:
        """Keep no more of it: there is too much of all."""
        ...


class Desk:
    """One door's.

    Args:
        service: Is asked.
        manner: How texts are spoken.
        room: For what clients have not read, shared with other doors.
        folder: That of the state.
        log: Takes events.

    Attributes:
        service: See above.
        manner: See above.
        room: See above.
        folder: See above.
        log: See above.
        keepers: Returns the clients.
    """

    def __init__(self, service: Service, manner: Manner, room: Room, folder: Path, log: Log) -> None:
        self.service = service
        self.manner = manner
        self.room = room
        self.folder = folder
        self.log = log
        self.keepers: Callable[[], Sequence[Keeper]] = tuple
        self._found: Discovered | None = None
        self._info: Event | None = None
        self._known = asyncio.Event()
        self._unlisten = service.listen(self._told)
        self._look()

    @property
    def voices(self) -> list[Voice]:
        """Those that the engine has; empty until a child was ready once."""
        return [] if self._found is None else self._found.voices

    async def info(self) -> Event:
        """Return what `describe` is answered with, once the voices are known.

        Whoever asks for it keeps the answer: without voices it would be of no use to him, for good.
        """
        await self._known.wait()
        assert self._found is not None
        if self._info is None:
            self._info = info_of(self._found)
        return self._info

    def relieve(self) -> None:
        """See to it that not too much is kept: who has said most in part is let go first."""
        keepers = self.keepers()
        while sum(keeper.kept_bytes for keeper in keepers) > MOST_KEPT_BYTES:
            max(keepers, key=lambda keeper: keeper.kept_bytes).let_go()

    def close(self) -> None:
        """Look no more."""
        self._unlisten()

    def _told(self, note: Note) -> None:
        # With the child that is ready the voices may be others: a reload, a cloned one.
        if isinstance(note, ChildState) and note.state == "ready":
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        found = self.service.discover()
        if found.voices and found != self._found:
            self._found, self._info = found, None
            self._known.set()
