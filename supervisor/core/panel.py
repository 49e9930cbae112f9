"""The panel of memory policies: records in, decisions out; the same object live and in replay.

One per job. What it learned (the footprint of a fresh child, what texts need) it keeps over lives;
all else begins anew at each `LifeReady`. After a `drain` or `kill` it is silent until then, save
that the leak policy may yet become sure while the child goes on.

Each policy is pure and alone in its file; here their wishes are put side by side and the hardest
is done (docs/decisions/0008-the-panel-and-its-precedence.md). An engine that holds no device memory
is told apart by whoever makes the readings: their device fields are None then.
"""

from dataclasses import replace
from typing import Final

from supervisor.core import wording
from supervisor.core.decisions import Act, Decision, Policy, Scope, Thought
from supervisor.core.deviceside import DeviceSide
from supervisor.core.hostside import HostSide
from supervisor.core.memoryterms import OUTLOOK_TEXTS, Marks, MemoryTerms, Outlook
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
from supervisor.core.wishes import Pause, Wish
from supervisor.policy import clock
from supervisor.policy.fragmentation import Fragmentation
from supervisor.policy.slowdown import Slowdown, SlowLives
from supervisor.policy.verdict import Verdict

__all__ = ["OUTLOOK_TEXTS", "Marks", "MemoryTerms", "Outlook", "Panel"]

#: Without a natural boundary for so many segments, every next text begins a unit.
UNIT_TEXTS: Final = 25

#: A driver that tells nothing for so long holds up no job.
_BLIND_S: Final = 30.0

#: Others are waited for so long where the driver does not tell whose memory it is; most are gone by then.
_DOUBT_S: Final = 300.0

#: A text waits no longer than this for others to make room: a job is to come to its end.
_ROOM_WAIT_S: Final = 600.0

#: Policies whose recycle cannot wait: where no successor fits, the job pauses. The others go on.
_URGENT: Final = frozenset[Policy]({"watermark", "lookahead", "headroom"})


class Panel:
    """Weigh what is seen of one job's children."""

    def __init__(self, terms: MemoryTerms) -> None:
        self._terms = terms
        self._device = DeviceSide(terms)
        self._host = HostSide(terms)
        self._sides = (self._device, self._host)
        self._slow_lives = SlowLives()
        self._remarks: list[str] = []
        self._decisions: list[Decision] = []
        self._wishes: list[Wish] = []
        self._refused = False
        self._life = 0
        self._is_begun = False
        self._begin()
        self._silent = True  # until the first life is ready

    def _begin(self) -> None:
        self._silent = self._refused
        self._span = Span()
        self._pause: Pause | None = None
        self._has_waited = False
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
        self._decisions, self._wishes = [], []
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
                self._silent = self._silent or record.life == self._life
            case _:  # what was decided or asked live is decided anew
                pass
        if self._wishes:
            self._settle(record.t)
        return self._decisions

    def ask(self, at_s: float, outlook: Outlook) -> list[Decision]:
        """Say what must happen before the next text is handed out; nothing if it may go on.

        Args:
            at_s: Monotonic seconds.
            outlook: The texts up to the next boundary.
        """
        self._decisions, self._wishes = [], []
        if self._silent:
            return []
        waited, may_degrade = self._has_waited, self._terms.may_degrade
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
        self._has_waited = False
        waits = any(wish.verdict is Verdict.PAUSE for wish in self._wishes)
        if self._pause is not None and self._pause.wish.until == "room" and not waits:
            self._resume(at_s, "the next text finds room")
        self._settle(at_s)
        return self._decisions

    # ------------------------------------------------------------------ what it knows

    def may_go_on(self, chars: int) -> bool:
        """Say whether a text would stay below the hard marks though a drain was decided."""
        return all(side.stays_below_hard(chars) for side in self._sides)

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
        return [thought for side in self._sides for thought in side.thoughts()] + self._own_thoughts()

    def _own_thoughts(self) -> list[Thought]:
        slow, pieces = self._slowdown, self._fragmentation
        pace = (
            f"{1000 * slow.median_s_per_char:.1f} ms a character"
            if slow.median_s_per_char
            else "not known yet"
        )
        limit = self._terms.max_segments
        clock_why = f"{self._span.segments} of {limit} segments" if limit else "off"
        return [
            Thought(
                policy="fit",
                says="pause" if self._pause else "keep",
                why=self._pause.wish.why if self._pause else "",
            ),
            Thought(
                policy="slowdown", says="drain" if slow.why else "keep", why=slow.why or f"own pace {pace}"
            ),
            Thought(policy="fragmentation", says="keep", why="" if pieces is None else pieces.why),
            Thought(policy="clock", says="keep", why=clock_why),
        ]

    # ------------------------------------------------------------------ one life

    def _life_begins(self, ready: LifeReady) -> None:
        if self._pause is not None:
            self._resume(ready.t, "a fresh child is ready")
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
        if self._silent:
            return
        private = self._host.now
        if private is not None and not self._host.is_below(private):
            self._wishes += weigh(self._host, self._host.level(), self._span)
        self._look_at_pieces(end)
        self._look_at_pace(end)
        self._by_the_clock()

    def _boundary(self, boundary: Boundary) -> None:
        self._at_boundary, self._since_boundary = True, 0
        verdict = clock.after_job(self._terms.clean_after)
        if boundary.what == "job" and verdict is not Verdict.KEEP and not self._silent:
            self._wishes.append(Wish(verdict=verdict, policy="clock", why="memory.clean_after is job"))

    def _released(self, released: Released) -> None:
        self._span.cleaned_at = self._span.segments
        self._device.released(released.vitals)
        self._host.view.report(released.vitals)
        if not self._silent:
            self._wishes += weigh(self._host, self._host.level(), self._span)

    def _read(self, reading: Reading) -> None:
        device, host, span = self._device, self._host, self._span
        device.read(reading, within_segment=span.within)
        host.read(reading)
        if reading.device_used is not None:
            self._told_s = reading.t
        if self._silent:
            return
        if self._pause is not None:
            self._look_at_pause(self._pause, reading.t)
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
            self._decide(end.t, "flag", "leak", why)

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
            self._wishes.append(Wish(verdict=verdict, policy="fragmentation", why=pieces.why))

    def _look_at_pace(self, end: SegmentEnd) -> None:
        if end.seconds > 0:
            self._slowdown.take(end.chars, end.t - self._begun_s)
        if self._slowdown.why:
            self._wishes.append(Wish(verdict=Verdict.RECYCLE, policy="slowdown", why=self._slowdown.why))

    def _by_the_clock(self) -> None:
        limit, clean_after = self._terms.max_segments, self._terms.clean_after
        verdict = clock.after_segment(
            segments=self._span.segments, max_segments=limit, clean_after=clean_after
        )
        if verdict is not Verdict.KEEP:
            ended = verdict is Verdict.RECYCLE
            why = f"child.max_segments is {limit}" if ended else "memory.clean_after is segment"
            self._wishes.append(Wish(verdict=verdict, policy="clock", why=why))

    # ------------------------------------------------------------------ side by side

    def _settle(self, at_s: float) -> None:
        """Do the hardest wish, of equals the first; what is softer only beside a pause or a release."""
        for wish in sorted(self._wishes, key=lambda one: -one.verdict):
            if self._do(wish, at_s):
                return

    def _do(self, wish: Wish, at_s: float) -> bool:
        """Do what is wished for; return whether that is all for now."""
        match wish.verdict:
            case Verdict.KILL:
                self._end_life(wish, "kill", at_s)
            case Verdict.REFUSE:
                self._decide(at_s, "refuse", wish.policy, wish.why, wish.scope)
                self._refused = wish.scope == "job"
                self._silent = self._refused
            case Verdict.RECYCLE:
                return self._drain(wish, at_s)
            case Verdict.RELEASE:
                self._clean(wish, at_s)
                return False
            case _:
                self._hold(wish, at_s)
        return True

    def _drain(self, wish: Wish, at_s: float) -> bool:
        blocked = next((side for side in self._sides if not side.successor_fits()), None)
        if blocked is None:
            self._end_life(wish, "drain", at_s)
        elif wish.policy in _URGENT:
            why = wording.no_successor(
                blocked.name, wish.why, fresh_bytes=blocked.fresh, others_bytes=blocked.others
            )
            self._hold(replace(wish, policy="fit", why=why, until="fit"), at_s)
        return blocked is None

    def _end_life(self, wish: Wish, action: Act, at_s: float) -> None:
        if wish.side is not None:
            wish.side.ends_for_growth()
        if wish.policy == "slowdown":
            self._slowdown.replaced()
        self._decide(at_s, action, wish.policy, wish.why)
        self._silent = True

    def _clean(self, wish: Wish, at_s: float) -> None:
        if self._span.is_just_released and self._decisions:
            return  # asked for already
        if wish.policy == "fragmentation" and self._fragmentation is not None:
            self._fragmentation.released()
        self._span.cleaned_at = self._span.segments
        self._decide(at_s, "clean", wish.policy, wish.why)

    def _hold(self, wish: Wish, at_s: float) -> None:
        if self._pause is None:
            self._pause = Pause(wish=wish, at_s=at_s)
            self._decide(at_s, "pause", wish.policy, wish.why)

    def _look_at_pause(self, pause: Pause, at_s: float) -> None:
        fits = all(side.successor_fits() for side in self._sides)
        is_told = self._told_s == at_s
        if is_told and pause.is_over(self._device, successor_fits=fits):
            self._resume(at_s, wording.below_again("device", self._device.view.used))
        elif not is_told and at_s - max(self._told_s, pause.at_s) >= _BLIND_S:
            self._resume(at_s, f"the driver has told nothing for {_BLIND_S:.0f} s")
        elif self._is_in_doubt and at_s - pause.at_s >= _DOUBT_S:
            why = f"{pause.wish.why}; the driver does not tell whose it is: a fresh child will show"
            self._wishes.append(Wish(verdict=Verdict.RECYCLE, policy="watermark", why=why, side=self._device))
        elif pause.wish.until == "room" and at_s - pause.at_s >= _ROOM_WAIT_S:
            self._has_waited = True
            self._resume(at_s, f"no room was made in {_ROOM_WAIT_S:.0f} s")

    @property
    def _is_in_doubt(self) -> bool:
        """Whether this child may hold what is waited for: the driver hides it, torch knows nothing of it."""
        device = self._device
        grew = (device.others or 0) - device.others_least
        return device.view.is_hidden and grew >= device.worth and self._span.segments >= MINIMUM_LIFE

    def _resume(self, at_s: float, why: str) -> None:
        assert self._pause is not None
        self._decide(at_s, "resume", self._pause.wish.policy, why)
        self._pause = None

    def _decide(self, at_s: float, action: Act, policy: Policy, why: str, scope: Scope = "life") -> None:
        self._decisions.append(Decision(t=at_s, action=action, policy=policy, why=why, scope=scope))
