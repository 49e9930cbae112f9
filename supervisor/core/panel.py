"""The panel of memory policies: records in, decisions out; the same object live and in replay.

One per job. What it learned (the footprint of a fresh child, what texts need) it keeps over lives;
all else begins anew at each `LifeReady`. After a `drain` or `kill` it is silent until then, save
that the leak policy may yet become sure while the child goes on.

Each policy is pure and alone in its file; here their wishes are put side by side and the hardest
is done (docs/decisions/0008-the-panel-and-its-precedence.md). An engine that holds no device memory
is told apart by whoever makes the readings: their device fields are None then.
"""

from typing import Final

from supervisor.core.chair import Chair
from supervisor.core.decisions import Decision, Thought
from supervisor.core.deviceside import DeviceSide
from supervisor.core.hostside import HostSide
from supervisor.core.memoryterms import OUTLOOK_TEXTS, Marks, MemoryTerms, Outlook
from supervisor.core.thinking import of_clock, of_life, of_side
from supervisor.core.traces import (
    Boundary,
    LifeEnded,
    LifeReady,
    Reading,
    Record,
    Released,
    SegmentBegin,
    SegmentEnd,
)
from supervisor.core.weighing import (
    MINIMUM_LIFE,
    Span,
    impossible,
    look_ahead,
    resting_mark,
    weigh,
    weigh_crossed,
    weigh_room,
)
from supervisor.core.wishes import Wish
from supervisor.policy import clock
from supervisor.policy.fragmentation import Fragmentation
from supervisor.policy.slowdown import Slowdown, SlowLives
from supervisor.policy.verdict import Verdict

__all__ = ["OUTLOOK_TEXTS", "Marks", "MemoryTerms", "Outlook", "Panel"]
#: Without a natural boundary for so many segments, every next text begins a unit.
UNIT_TEXTS: Final = 25

#: Boundaries after which `memory.clean_after = "job"` releases.
_JOBS: Final = frozenset({"chapter", "line", "job"})


class Panel:
    """Weigh what is seen of one job's children."""

    def __init__(self, terms: MemoryTerms) -> None:
        self._terms = terms
        self._device = DeviceSide(terms)
        self._host = HostSide(terms)
        self._sides = (self._device, self._host)
        self._slow_lives = SlowLives()
        self._remarks: list[str] = []
        self._wishes: list[Wish] = []
        self._chair = Chair(self._device, self._host)
        self._life = 0
        self._is_begun = False
        self._begin()

    def _begin(self) -> None:
        self._span = Span()
        self._flagged = False
        self._begun_s = 0.0
        self._told_s = 0.0
        self._at_boundary = True
        self._since_boundary = 0
        self._slowdown = Slowdown(self._slow_lives)
        self._fragmentation: Fragmentation | None = None

    # ------------------------------------------------------------------ the two verbs

    def take(self, record: Record) -> list[Decision]:
        """Take what happened; return what is to be done, hardest last."""
        self._open()
        match record:
            case Reading():
                self._read(record)
            case SegmentBegin():
                self._segment_begins(record)
            case SegmentEnd():
                self._segment_ends(record)
            case Boundary():
                self._boundary(record)
            case LifeReady():
                self._life_begins(record)
            case Released():
                self._released(record)
            case LifeEnded():
                self._chair.is_silent = self._chair.is_silent or record.life == self._life
            case _:  # what was decided or asked live is decided anew
                pass
        if self._wishes:
            self._chair.settle(self._wishes, self._span, record.t)
        return self._chair.decisions

    def _open(self) -> None:
        self._chair.open()
        self._wishes = []

    def ask(self, at_s: float, outlook: Outlook) -> list[Decision]:
        """Say what must happen before the next text is handed out; nothing if it may go on.

        Args:
            at_s: Monotonic seconds.
            outlook: The texts up to the next boundary.
        """
        self._open()
        chair = self._chair
        if chair.is_silent:
            return []
        waited, may_degrade = chair.has_waited, self._terms.may_degrade
        for side in self._sides:
            if not side.has_room_for(outlook.chars[0]):
                self._wishes += weigh_room(
                    side, outlook.chars[0], self._span, waited=waited, may_degrade=may_degrade
                )
        if self._at_boundary or self._since_boundary >= UNIT_TEXTS:
            for side in self._sides:
                self._wishes += look_ahead(side, outlook.chars[:UNIT_TEXTS], self._span)
        for side in self._sides:
            self._wishes += weigh_crossed(side, self._span)
        waits = any(wish.verdict is Verdict.PAUSE for wish in self._wishes)
        if chair.pause is not None and chair.pause.wish.until == "room" and not waits:
            chair.resume(at_s, "the next text finds room")
        chair.settle(self._wishes, self._span, at_s)
        return chair.decisions

    # ------------------------------------------------------------------ what it knows

    def may_go_on(self, chars: int) -> bool:
        """Say whether a text would stay below the marks though a drain was decided."""
        return all(side.stays_below(chars) for side in self._sides)

    def two_fit(self) -> bool:
        """Say whether a second child would find room beside this one now."""
        device = self._device
        on_device = device.total is None or device.fits_beside() is True
        return on_device and self._host.fits_beside() is True

    def fresh_fits(self) -> bool | None:
        """Say whether a fresh child would fit on the device as last read, this one gone; None = unknown."""
        return self._device.fits_as_read()

    @property
    def fresh_device_bytes(self) -> int | None:
        """What a fresh child holds of the device, as learned; None = not known yet."""
        return self._device.fresh

    @property
    def own_device_bytes(self) -> int | None:
        """What the child holds of the device now; None where nobody can tell."""
        return self._device.own

    def figures(self) -> dict[str, int]:
        """Return the latest figures, in bytes by name."""
        device, vitals = self._device, self._device.view.vitals
        found: dict[str, int | None] = {
            "host_private": self._host.now,
            "device_used": device.view.used,
            "device_total": device.total,
            "child_device": device.own,
            "live": vitals.live,
            "reserved": vitals.reserved,
            "declared": vitals.declared,
        }
        return {name: size for name, size in found.items() if size is not None}

    def remarks(self) -> list[str]:
        """Return what people should be told once: marks that cannot be kept."""
        return list(self._remarks)

    def thoughts(self) -> list[Thought]:
        """Return what each policy thinks now."""
        of_sides = [thought for side in self._sides for thought in of_side(side)]
        of_all = of_life(self._chair.pause, self._slowdown, self._fragmentation)
        return [*of_sides, *of_all, of_clock(self._span.segments, self._terms.max_segments)]

    # ------------------------------------------------------------------ one life

    def _life_begins(self, ready: LifeReady) -> None:
        self._chair.life_begins(ready.t)
        self._begin()
        self._life, self._is_begun = ready.life, True
        self._device.begin_life(ready.vitals)
        self._host.begin_life(ready.vitals)
        self._look_at_baseline()

    def _segment_begins(self, begin: SegmentBegin) -> None:
        if not self._is_begun:  # a trace that was cut: what it begins with is all there is
            self._life_begins(LifeReady(t=begin.t, life=self._life))
        self._span.within, self._at_boundary, self._begun_s = True, False, begin.t
        self._span.chars = begin.chars
        self._device.view.begin()
        self._host.view.begin()

    def _segment_ends(self, end: SegmentEnd) -> None:
        self._span.within = False
        self._span.segments += 1
        self._since_boundary += 1
        self._device.spoken(end.chars, end.vitals)
        self._host.spoken(end.chars, end.vitals)
        self._flag(end)
        if self._chair.is_silent:
            return
        self._wishes += weigh(self._host, self._host.level(), self._span)
        self._look_at_pieces(end)
        self._look_at_pace(end)
        self._by_the_clock()

    def _boundary(self, boundary: Boundary) -> None:
        self._at_boundary, self._since_boundary = True, 0
        verdict = clock.after_job(self._terms.clean_after)
        if boundary.what in _JOBS and verdict is not Verdict.KEEP and not self._chair.is_silent:
            self._wishes.append(Wish(verdict=verdict, policy="clock", why="memory.clean_after is job"))

    def _released(self, released: Released) -> None:
        self._span.cleaned_at = self._span.segments
        self._device.released(released.vitals)
        self._host.view.report(released.vitals)
        if not self._chair.is_silent:
            self._wishes += weigh(self._host, self._host.level(), self._span)

    def _read(self, reading: Reading) -> None:
        device, host, span = self._device, self._host, self._span
        device.read(reading, within_segment=span.within)
        host.read(reading)
        if reading.device_used is not None:
            self._told_s = reading.t
        if self._chair.is_silent:
            return
        self._wishes += self._chair.look_at_pause(span, reading.t, told_s=self._told_s)
        if not span.segments and not span.within:
            self._look_at_baseline()
        # Nearly every reading is below the marks, and a replay has a million of them.
        used, private = reading.device_used, reading.child_host
        if used is not None and not device.is_below(used):
            self._wishes += weigh(device, device.level_at_reading(), span)
        if private is not None and not host.is_below(private):
            self._wishes += weigh(host, host.level(), span)

    # ------------------------------------------------------------------ the policies that have no side

    def _look_at_baseline(self) -> None:
        for side in self._sides:
            wish, remark = impossible(side), resting_mark(side)
            if wish is not None:
                self._wishes.append(wish)
            if remark is not None and remark not in self._remarks:
                self._remarks.append(remark)

    def _flag(self, end: SegmentEnd) -> None:
        leak = self._device.leak
        why = "" if leak is None else leak.why
        if not why and end.vitals.live is None and self._host.leak is not None:
            why = self._host.leak.why
        if why and not self._flagged:
            self._flagged = True
            self._chair.decide(end.t, "flag", "leak", why)

    def _look_at_pieces(self, end: SegmentEnd) -> None:
        vitals = end.vitals
        if vitals.retries is None and vitals.inactive_split is None:
            return
        if self._fragmentation is None:
            self._fragmentation = Fragmentation(worth_bytes=self._device.worth)
        pieces = self._fragmentation
        verdict = pieces.take(retries=vitals.retries, inactive_split_bytes=vitals.inactive_split)
        is_due = verdict is Verdict.RELEASE or self._span.segments >= MINIMUM_LIFE
        if verdict is not Verdict.KEEP and is_due:
            self._wishes.append(
                Wish(verdict=verdict, policy="fragmentation", why=pieces.why, note_done=pieces.released)
            )

    def _look_at_pace(self, end: SegmentEnd) -> None:
        slow = self._slowdown
        if end.seconds > 0:
            slow.take(end.chars, end.t - self._begun_s)
        if slow.why:
            wish = Wish(verdict=Verdict.RECYCLE, policy="slowdown", why=slow.why, note_done=slow.replaced)
            self._wishes.append(wish)

    def _by_the_clock(self) -> None:
        limit, clean_after = self._terms.max_segments, self._terms.clean_after
        verdict = clock.after_segment(
            segments=self._span.segments, max_segments=limit, clean_after=clean_after
        )
        if verdict is not Verdict.KEEP:
            ended = verdict is Verdict.RECYCLE
            why = f"child.max_segments is {limit}" if ended else "memory.clean_after is segment"
            self._wishes.append(Wish(verdict=verdict, policy="clock", why=why))
