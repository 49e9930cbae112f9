"""What ails a service: one small value that every door draws from. Pure: times are arguments.

`Signs` overhear what is told of one device and its children; `supervisor/loop/room.py` says what is full.
Neither decides anything. Why it is so: docs/decisions/0032-health.md.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from supervisor.core import actions as do
from supervisor.core.notes import ChildState, Note
from supervisor.core.readings import DeviceAnswer, DeviceReading, UnknownKind
from supervisor.edge.devices import seen_and_mend
from supervisor.wire.messages import Failed, FromChild, Ready

AilmentKind = Literal[
    "gpu_lost",  # it fell off the bus, wants a reset, or is no longer there
    "driver_mismatch",  # the driver's library and kernel module are of different versions
    "driver_hangs",  # the driver does not answer
    "driver_fails",  # the driver answers with an error
    "child_poisoned",  # the child said that it cannot go on, as after a CUDA error; it is replaced
    "child_died",  # the child ended unasked; the next one is not ready yet
    "disk_full",  # of the state folder, or of a finished file
    "reload_refused",  # the configuration was read anew and is wrong: the one before holds on
]


class Ailment(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that ails the service.

    Attributes:
        kind: What it is.
        words: What was seen, with figures.
        mend: What mends it, whoever has to do it.
        since: When it was first seen, ISO 8601 in UTC.
        stops: Whether nothing can be spoken until it is mended.
    """

    kind: AilmentKind
    words: str
    mend: str
    since: str
    stops: bool


#: What the driver says of a device that ails; how a machine is (no GPU, no permission, MIG) is not among it.
_OF_DEVICE: Final[dict[UnknownKind, AilmentKind]] = {
    "lost": "gpu_lost",
    "mismatch": "driver_mismatch",
    "hung": "driver_hangs",
    "error": "driver_fails",
}

_VANISHED: Final = "look at dmesg for Xid messages; reset the GPU or reboot"


def refused(why: str, since: str) -> Ailment:
    """Return what it is that a configuration was read anew and is wrong: the one before holds on.

    Args:
        why: What is wrong with it.
        since: See `Ailment`.
    """
    return Ailment(
        kind="reload_refused",
        words=f"the configuration stays as it was: {why}",
        mend="mend it, look at it with `tts-supervisor config check`, and reload again",
        since=since,
        stops=False,
    )


class Signs:
    """What ails one device and the child on it, as what is told of them shows."""

    def __init__(self) -> None:
        self._device: Ailment | None = None
        self._child: Ailment | None = None
        self._uses_device: bool | None = None  # what the last canary said; None before the first
        self._has_told_figures = False

    @property
    def ailments(self) -> list[Ailment]:
        """All that ails now. A device that no child uses ails nobody."""
        of_device = None if self._uses_device is False else self._device
        return [one for one in (of_device, self._child) if one is not None]

    def read(self, answer: DeviceAnswer, at_s: float) -> None:
        """Take what the driver said, at a time of the wall clock."""
        if isinstance(answer, DeviceReading):
            self._device, self._has_told_figures = None, True
            return
        kind = _OF_DEVICE.get(answer.kind)
        words, mend = seen_and_mend(answer.text)
        if answer.kind == "absent" and self._has_told_figures:
            kind, words, mend = "gpu_lost", f"the GPU is no longer there: {words}", _VANISHED
        if kind is None:
            self._device = None
        elif self._device is None or self._device.kind != kind:
            stops = kind == "gpu_lost"
            self._device = Ailment(kind=kind, words=words, mend=mend, since=utc(at_s), stops=stops)

    def hear(self, message: FromChild, at_s: float) -> None:
        """Take what a child said."""
        match message:
            case Ready():
                self._uses_device = message.uses_device
                self._child = None
            case Failed(sticky=True):
                self._child = Ailment(
                    kind="child_poisoned",
                    words=f"the child said that it cannot go on: {message.message}",
                    mend="it is replaced by itself; if it comes again, look at dmesg for Xid messages",
                    since=utc(at_s),
                    stops=True,
                )
            case _:
                pass

    def note(self, note: Note, at_s: float, *, worker: int | None = None) -> None:
        """Take what people are told of its children.

        Args:
            note: What is told.
            at_s: Of the wall clock.
            worker: Life of the child that can be given work now; None if there is none. A successor that died
                beside it stops nothing.
        """
        match note:
            case ChildState(state="gone", planned=False) if self._child is None and worker is None:
                self._child = Ailment(
                    kind="child_died",
                    words=f"child life {note.life} ended: {note.why}",
                    mend="the next one is started by itself",
                    since=utc(at_s),
                    stops=True,
                )
            case _:
                pass


def of_all(each: Sequence[Signs]) -> list[Ailment]:
    """Return what ails a service on several devices: while one of them speaks, nothing is stopped."""
    found = [signs.ailments for signs in each]
    is_stopped = all(any(one.stops for one in ailments) for ailments in found)
    return [
        one if is_stopped else msgspec.structs.replace(one, stops=False)
        for ailments in found
        for one in ailments
    ]


def ending_with(finish: do.Finish, ailments: Sequence[Ailment]) -> do.Finish:
    """Return how a run ended, with what ailed its device: children that crash on a lost GPU are its doing."""
    of_device = [one for one in ailments if one.kind in _OF_DEVICE.values()]
    if not of_device or finish.ending not in ("gave_up", "configuration"):
        return finish
    lost = any(one.kind == "gpu_lost" for one in of_device)
    said = "; ".join(f"{one.words}; {one.mend}" for one in of_device)
    ending = "held" if lost and finish.ending == "gave_up" else finish.ending
    return replace(finish, ending=ending, why=f"{said} ({finish.why})")


def utc(wall_s: float) -> str:
    """Return a time of the wall clock as ISO 8601 in UTC."""
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds")
