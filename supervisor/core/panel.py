"""The panel of memory policies: records in, decisions out; the same object live and in replay.

One per job. What it learned (the footprint of a fresh child, what texts need) it keeps over lives;
all else begins anew at each `LifeReady`. After a `drain` or `kill` it is silent until then.

Each policy is pure and alone in its file; here their wishes are put side by side and the hardest
is done (docs/decisions/0008-the-panel-and-its-precedence.md). An engine that holds no device memory
is told apart by whoever makes the readings: their device fields are None then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from supervisor.core import wording
from supervisor.core.decisions import Act, Decision, Policy, Scope, Thought
from supervisor.core.memoryterms import OUTLOOK_TEXTS, Marks, MemoryTerms, Outlook
from supervisor.core.sides import DeviceSide, HostSide, Side
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
from supervisor.policy import clock
from supervisor.policy.fragmentation import Fragmentation
from supervisor.policy.headroom import Room, judge_room
from supervisor.policy.lookahead import WARM_UP
from supervisor.policy.slowdown import Slowdown, SlowLives
from supervisor.policy.verdict import Verdict
from supervisor.policy.watermark import Level, WatermarkLimits, judge_level

__all__ = ["OUTLOOK_TEXTS", "Marks", "MemoryTerms", "Outlook", "Panel"]

#: A life is not replaced for its memory before this, save where there is no time to wait.
MINIMUM_LIFE: Final = WARM_UP + 3

#: Without a natural boundary for so many segments, every next text begins a unit.
UNIT_TEXTS: Final = 25

#: After a release, this many segments are judged as released: another would give back the same.
_RELEASE_COUNTS: Final = 8

#: A driver that tells nothing for so long holds up no job.
_BLIND_S: Final = 30.0

#: Below the hard mark by this share of the total before a pause ends.
_RELIEF: Final = 0.01

#: Policies whose recycle cannot wait: where no successor fits, the job pauses. The others go on.
_URGENT: Final = frozenset[Policy]({"watermark", "lookahead", "headroom"})

#: What ends a pause: the mark is left, a text finds room, or a fresh child does.
Until = Literal["mark", "room", "fit"]

_ACTS: Final[dict[Verdict, Act]] = {
    Verdict.PAUSE: "pause",
    Verdict.RELEASE: "clean",
    Verdict.RECYCLE: "drain",
    Verdict.REFUSE: "refuse",
    Verdict.KILL: "kill",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    verdict: Verdict
    policy: Policy
    why: str
    side: Side | None
    scope: Scope
    until: Until
    low_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pause:
    """Why nothing is handed out.

    Attributes:
        until: What ends it.
        low_bytes: What the text needs.
        at_s: Since when.
        why: In words.
    """

    until: Until
    low_bytes: int
    at_s: float
    why: str


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
        self._wishes: list[_Wish] = []
        self._refused = False
        self._life = 0
        self._is_begun = False
        self._begin()
        self._silent = True  # until the first life is ready

    def _begin(self) -> None:
        self._silent = self._refused
        self._within = False
        self._segments = 0
        self._cleaned_at: int | None = None
        self._pause: _Pause | None = None
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
        for side in self._sides:
            if side.crossed:
                self._weigh_crossed(side)
            self._weigh_room(side, outlook.chars[0])
            if self._at_boundary or self._since_boundary >= UNIT_TEXTS:
                self._look_ahead(side, outlook.chars[:UNIT_TEXTS])
        waits_for_room = any(wish.verdict is Verdict.PAUSE for wish in self._wishes)
        if self._pause is not None and self._pause.until == "room" and not waits_for_room:
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
        clock_why = f"{self._segments} of {limit} segments" if limit else "off"
        return [
            Thought(
                policy="fit",
                says="pause" if self._pause else "keep",
                why=self._pause.why if self._pause else "",
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
            self._decide(ready.t, "resume", "fit", "a fresh child is ready")
        self._begin()
        self._life, self._is_begun = ready.life, True
        self._device.begin_life(ready.vitals)
        self._host.begin_life(ready.vitals)
        self._look_at_baseline()

    def _segment_begins(self, begin: SegmentBegin) -> None:
        if not self._is_begun:  # a trace that was cut: what it begins with is all there is
            self._life_begins(LifeReady(t=begin.t, life=self._life))
        self._within, self._at_boundary, self._begun_s = True, False, begin.t
        self._device.view.begin()
        self._host.view.begin()

    def _segment_ends(self, end: SegmentEnd) -> None:
        self._within = False
        self._segments += 1
        self._since_boundary += 1
        self._device.spoken(end.chars, end.vitals)
        self._host.spoken(end.chars, end.vitals)
        if self._silent:
            return
        self._flag(end)
        self._weigh(self._host, self._host.level())
        if end.seconds > 0:
            self._slowdown.take(end.chars, end.t - self._begun_s)
        if self._slowdown.why:
            self._wish(Verdict.RECYCLE, "slowdown", self._slowdown.why)
        self._look_at_pieces(end)
        self._by_the_clock()

    def _boundary(self, boundary: Boundary) -> None:
        self._at_boundary, self._since_boundary = True, 0
        if boundary.what == "job" and not self._silent:
            self._wish(clock.after_job(self._terms.clean_after), "clock", "memory.clean_after is job")

    def _released(self, released: Released) -> None:
        self._cleaned_at = self._segments
        self._device.released(released.vitals)
        self._host.view.report(released.vitals)
        if not self._silent:
            self._weigh(self._host, self._host.level())

    def _read(self, reading: Reading) -> None:
        device, host = self._device, self._host
        device.read(reading, within_segment=self._within)
        host.read(reading)
        if reading.device_used is not None:
            self._told_s = reading.t
        if self._pause is not None:
            self._look_at_pause(self._pause, reading.t)
        if self._silent:
            return
        if not self._segments and not self._within:
            self._look_at_baseline()
        if reading.device_used is not None:
            self._weigh(device, device.level_at_reading())
        if reading.child_host is not None:
            self._weigh(host, host.level())

    # ------------------------------------------------------------------ the policies, one by one

    def _look_at_baseline(self) -> None:
        for side in self._sides:
            limits, fresh = side.limits, side.fresh
            if limits is None or fresh is None or fresh < limits.soft_bytes:
                continue
            if fresh >= limits.hard_bytes:
                why = wording.impossible(side.name, limits, fresh, side.total)
                self._wish(Verdict.REFUSE, "watermark", why, scope="job")
            remark = wording.not_acted_on(side.name, limits)
            if remark not in self._remarks:
                self._remarks.append(remark)

    def _weigh(self, side: Side, level: Level | None) -> None:
        limits = side.limits
        if limits is None or level is None:
            return
        if level.used_bytes < limits.soft_bytes:
            side.crossed = False
        elif level.used_bytes >= limits.hard_bytes:
            self._weigh_hard(side, limits, level)
        elif self._within:
            side.crossed = True
        else:
            self._weigh_soft(side, limits, level)

    def _weigh_hard(self, side: Side, limits: WatermarkLimits, level: Level) -> None:
        verdict = judge_level(limits, level, released=self._counts_as_released, worth_bytes=side.worth)
        why = wording.above(side.name, limits, level)
        if verdict is Verdict.KILL:
            self._wish(verdict, "watermark", why, side=side)
        elif side is self._device:
            # Our own growth is in it, and yet a fresh child would stand too high.
            ours = level.grown_bytes >= side.worth
            self._wish(verdict, "fit" if ours else "watermark", why, until="mark")

    def _weigh_soft(self, side: Side, limits: WatermarkLimits, level: Level) -> None:
        side.crossed = False
        level = side.warm(level)
        verdict = judge_level(limits, level, released=self._counts_as_released, worth_bytes=side.worth)
        why = wording.above(side.name, limits, level)
        if verdict is Verdict.RELEASE:
            self._wish(verdict, "watermark", why)
        elif verdict is Verdict.RECYCLE and self._is_old_enough(side):
            self._wish(verdict, "watermark", f"{why}, after a release", side=side)

    def _weigh_crossed(self, side: Side) -> None:
        """Weigh what was seen within a segment and not read again since: it is between two now."""
        side.crossed = False
        limits, level = side.limits, side.level()
        if limits is not None and level is not None:
            self._weigh_soft(
                side, limits, replace(level, used_bytes=min(level.used_bytes, limits.hard_bytes - 1))
            )

    def _is_old_enough(self, side: Side) -> bool:
        left = MINIMUM_LIFE - self._segments
        return left <= 0 or side.leaves_no_time(left)

    def _weigh_room(self, side: Side, chars: int) -> None:
        room = side.room()
        if room is None:
            return
        high_bytes = max(side.need_high(chars), int(side.rate))
        low_bytes = side.need.low_bytes(chars)
        released = self._cleaned_at == self._segments
        verdict = judge_room(room, high_bytes=high_bytes, low_bytes=low_bytes, released=released)
        if verdict is Verdict.REFUSE:
            self._refuse_text(side, room, chars, low_bytes)
        elif verdict is not Verdict.KEEP and (self._segments or verdict is not Verdict.RECYCLE):
            why = wording.no_room(
                side.name, chars=chars, need_bytes=high_bytes, used_bytes=room.used, limit_bytes=room.limit
            )
            self._wish(verdict, "headroom", why, side=side, until="room", low_bytes=low_bytes)

    def _refuse_text(self, side: Side, room: Room, chars: int, low_bytes: int) -> None:
        why = wording.never_fits(
            side.name,
            chars=chars,
            need_bytes=low_bytes,
            fresh_bytes=room.fresh,
            others_bytes=room.others_least,
            limit_bytes=room.limit,
        )
        policy: Policy = "degrade" if self._terms.may_degrade else "headroom"
        self._wish(Verdict.REFUSE, policy, why, scope="text")

    def _look_ahead(self, side: Side, chars: Sequence[int]) -> None:
        if self._segments and side.grown >= side.worth and not side.comes_as_far(chars):
            why = wording.too_far(side.name, chars=chars, rate_bytes=side.rate, used_bytes=side.now)
            self._wish(Verdict.RECYCLE, "lookahead", why, side=side)

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
        if verdict is Verdict.RELEASE or (verdict is Verdict.RECYCLE and self._segments >= MINIMUM_LIFE):
            self._wish(verdict, "fragmentation", pieces.why, side=self._device)

    def _by_the_clock(self) -> None:
        limit, clean_after = self._terms.max_segments, self._terms.clean_after
        verdict = clock.after_segment(segments=self._segments, max_segments=limit, clean_after=clean_after)
        if verdict is Verdict.RECYCLE:
            self._wish(verdict, "clock", f"child.max_segments is {limit}")
        elif verdict is Verdict.RELEASE:
            self._wish(verdict, "clock", "memory.clean_after is segment")

    # ------------------------------------------------------------------ side by side

    @property
    def _counts_as_released(self) -> bool:
        return self._cleaned_at is not None and self._segments - self._cleaned_at < _RELEASE_COUNTS

    def _wish(
        self,
        verdict: Verdict,
        policy: Policy,
        why: str,
        *,
        side: Side | None = None,
        scope: Scope = "life",
        until: Until = "mark",
        low_bytes: int = 0,
    ) -> None:
        if verdict is not Verdict.KEEP:
            wish = _Wish(
                verdict=verdict,
                policy=policy,
                why=why,
                side=side,
                scope=scope,
                until=until,
                low_bytes=low_bytes,
            )
            self._wishes.append(wish)

    def _settle(self, at_s: float) -> None:
        """Do the hardest wish, of equals the first; what is softer only beside a pause or a release."""
        for wish in sorted(self._wishes, key=lambda one: -one.verdict):
            if self._do(wish, at_s):
                return

    def _do(self, wish: _Wish, at_s: float) -> bool:
        """Do what is wished for; return whether that is all for now."""
        match wish.verdict:
            case Verdict.KILL:
                self._end_life(wish, at_s)
            case Verdict.REFUSE:
                self._decide(at_s, "refuse", wish.policy, wish.why, wish.scope)
                self._refused = wish.scope == "job"
                self._silent = self._refused
            case Verdict.RECYCLE:
                return self._drain(wish, at_s)
            case Verdict.RELEASE:
                return self._clean(wish, at_s)
            case _:
                self._hold(wish, at_s)
        return True

    def _drain(self, wish: _Wish, at_s: float) -> bool:
        blocked = next((side for side in self._sides if not side.successor_fits()), None)
        if blocked is None:
            self._end_life(wish, at_s)
            return True
        if wish.policy in _URGENT:
            why = wording.no_successor(
                blocked.name, wish.why, fresh_bytes=blocked.fresh, others_bytes=blocked.others
            )
            self._hold(replace(wish, policy="fit", why=why, until="fit"), at_s)
        return False

    def _end_life(self, wish: _Wish, at_s: float) -> None:
        if wish.side is not None:
            wish.side.ends_for_growth()
        if wish.policy == "slowdown":
            self._slowdown.replaced()
        self._decide(at_s, _ACTS[wish.verdict], wish.policy, wish.why)
        self._silent = True

    def _clean(self, wish: _Wish, at_s: float) -> bool:
        if wish.policy == "fragmentation" and self._fragmentation is not None:
            self._fragmentation.released()
        self._cleaned_at = self._segments
        self._decide(at_s, "clean", wish.policy, wish.why)
        return False

    def _hold(self, wish: _Wish, at_s: float) -> None:
        if self._pause is None:
            self._pause = _Pause(until=wish.until, low_bytes=wish.low_bytes, at_s=at_s, why=wish.why)
            self._decide(at_s, "pause", wish.policy, wish.why)

    def _look_at_pause(self, pause: _Pause, at_s: float) -> None:
        is_told = self._told_s == at_s
        if is_told and self._is_over(pause):
            self._resume(at_s, wording.below_again("device", self._device.view.used))
        elif not is_told and at_s - max(self._told_s, pause.at_s) >= _BLIND_S:
            self._resume(at_s, f"the driver has told nothing for {_BLIND_S:.0f} s")

    def _is_over(self, pause: _Pause) -> bool:
        device = self._device
        room = device.room()
        if pause.until == "fit" or device.limits is None or room is None:
            return all(side.successor_fits() for side in self._sides)
        if pause.until == "mark":
            return room.used < device.limits.hard_bytes - _RELIEF * (device.total or 0)
        return (room.fresh or 0) + (room.others or 0) + pause.low_bytes <= room.limit

    def _resume(self, at_s: float, why: str) -> None:
        self._pause = None
        self._decide(at_s, "resume", "watermark", why)

    def _decide(self, at_s: float, action: Act, policy: Policy, why: str, scope: Scope = "life") -> None:
        self._decisions.append(Decision(t=at_s, action=action, policy=policy, why=why, scope=scope))
