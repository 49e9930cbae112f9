"""What one who looks on is shown beside a service's notes: readings of memory, moved jobs, the broom's work.

Nobody may be looking on; nothing is made ready for nobody.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, Protocol

import msgspec

from supervisor.core.traces import Reading, Record
from supervisor.edge.ledger_values import Delivery, Piece
from supervisor.loop.service import CannotAsk, GivenBack

Memory = Literal["device", "host"]


class MemoryReading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Memory as it was read once, on one device, in bytes; None where nobody says.

    Attributes:
        device: Its number, from 0.
        name: What it is called: `"cuda:0"`, `"cpu"`.
        of: The GPU's memory, where the child holds some of it; else the machine's.
        total: Of it.
        ours: That the child holds.
        others: That everybody else does.
        soft: The mark of which a child is replaced at its next boundary.
        hard: The mark over which it is killed.
    """

    device: int
    name: str
    of: Memory
    total: int | None
    ours: int | None
    others: int | None
    soft: int | None
    hard: int | None


class JobMoved(msgspec.Struct, frozen=True, kw_only=True):
    """Something of a job changed, and `Service.job` says what."""

    job: str


class BroomUsed(msgspec.Struct, frozen=True, kw_only=True):
    """A release or a recycle that somebody asked for is over.

    Attributes:
        what: Was asked for.
        gave: What came of it; None = it could not be done.
        error: Why not; empty if it was done.
    """

    what: Literal["clean", "recycle"]
    gave: GivenBack | None = None
    error: str = ""


#: How a service ended: as it was asked to, in a state that wants a person, or of another error.
EndState = Literal["stopped", "failed", "gpu_lost", "driver_does_not_let_go", "cannot_be_killed", "gave_up"]


class ServiceOver(msgspec.Struct, frozen=True, kw_only=True):
    """The service ends; in a word, since the words for it may quote what a child said."""

    state: EndState


Sight = MemoryReading | JobMoved | BroomUsed | ServiceOver


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A job's audio, as far as there is any.

    Attributes:
        files: Finished and delivered; empty while there are none.
        pieces: What was spoken last without a gap, all of one rate, where no file is finished.
    """

    files: list[Delivery]
    pieces: list[Piece]


class OnShow(Protocol):
    """What whoever looks on a service may see."""

    def look_on(self, told: Callable[[Sight], None]) -> Callable[[], None]:
        """Have sights shown as they come; returns what ends that.

        Readings of memory are shown from the next runner on: who looks on before the service speaks sees all.
        """
        ...

    def output(self, job: str) -> str | None:
        """Return where a job's audio is to lie, absolute; a folder's ends with "/". None: no such job."""
        ...

    def heard(self, job: str) -> Heard:
        """Return what there is to hear of a job."""
        ...


class Weighing(Protocol):
    """What a conductor knows of its child's memory."""

    def figures(self) -> dict[str, int]:
        """Return the latest figures, in bytes by name."""
        ...

    def marks(self) -> dict[str, int]:
        """Return the marks that are known, in bytes by name."""
        ...


class Sights:
    """Those of one service."""

    def __init__(self) -> None:
        self._told: list[Callable[[Sight], None]] = []

    def look_on(self, told: Callable[[Sight], None]) -> Callable[[], None]:
        """Have one more shown what there is to see; returns what ends that."""
        self._told.append(told)

        def look_away() -> None:
            if told in self._told:
                self._told.remove(told)

        return look_away

    def show(self, sight: Sight) -> None:
        """Show something to all who look on."""
        for told in list(self._told):
            told(sight)

    def moved(self, job: str) -> None:
        """Show that a job moved."""
        if self._told:
            self.show(JobMoved(job=job))

    async def of_broom(self, what: Literal["clean", "recycle"], doing: Awaitable[GivenBack]) -> GivenBack:
        """Wait for what was asked of a child, and show what came of it.

        Raises:
            CannotAsk: As what is waited for does.
        """
        try:
            gave = await doing
        except CannotAsk as failure:
            self.show(BroomUsed(what=what, error=str(failure)))
            raise
        self.show(BroomUsed(what=what, gave=gave))
        return gave

    def tapped(
        self,
        traces: Sequence[Callable[[Record], None]],
        names: Sequence[str],
        weighing: Sequence[Weighing],
    ) -> tuple[Callable[[Record], None], ...]:
        """Return what takes the records of each device: the traces themselves where nobody looks on.

        Args:
            traces: For each device; or empty.
            names: Of the devices, as configured.
            weighing: What is known of the child of each.
        """
        if not self._told:
            return tuple(traces)
        return tuple(
            self._tap(number, name, traces[number] if traces else None, weighing[number])
            for number, name in enumerate(names)
        )

    def _tap(
        self, number: int, name: str, trace: Callable[[Record], None] | None, weighing: Weighing
    ) -> Callable[[Record], None]:
        def take(record: Record) -> None:
            if trace is not None:
                trace(record)
            if isinstance(record, Reading):
                self.show(reading_of(number, name, record, weighing))

        return take


def reading_of(number: int, name: str, record: Reading, weighing: Weighing) -> MemoryReading:
    """Return what a record says of the memory that matters on a device.

    Args:
        number: Of the device.
        name: As configured.
        record: Just taken by the policies.
        weighing: What they know now.
    """
    own = weighing.figures().get("child_device")
    marks = weighing.marks()
    if own and record.device_used is not None:
        return MemoryReading(
            device=number,
            name="cuda:0" if name == "auto" else name,
            of="device",
            total=record.device_total,
            ours=own,
            others=max(0, record.device_used - own),
            soft=marks.get("device_soft"),
            hard=marks.get("device_hard"),
        )
    return MemoryReading(
        device=number,
        name="cpu" if name == "auto" else name,
        of="host",
        total=record.host_total,
        ours=record.child_host,
        others=_of_others(record),
        soft=marks.get("host_soft"),
        hard=marks.get("host_hard"),
    )


def _of_others(record: Reading) -> int | None:
    if record.host_total is None or record.host_available is None:
        return None
    return max(0, record.host_total - record.host_available - (record.child_host or 0))
