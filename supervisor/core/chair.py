"""Who speaks for the panel: wishes in, decisions out, and the pauses that are under way.

The hardest wish is done, of equals the first (docs/decisions/0008-the-panel-and-its-precedence.md).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from supervisor.core import wording
from supervisor.core.decisions import Act, Decision, Policy, Scope
from supervisor.core.deviceside import DeviceSide
from supervisor.core.hostside import HostSide
from supervisor.core.weighing import MINIMUM_LIFE, Span
from supervisor.core.wishes import Pause, Wish
from supervisor.policy.verdict import Verdict

#: A driver that tells nothing for so long holds up no job.
_BLIND_S: Final = 30.0

#: Others are waited for so long where the driver does not tell whose memory it is; most are gone by then.
_DOUBT_S: Final = 300.0

#: A text waits no longer than this for others to make room: a job is to come to its end.
_ROOM_WAIT_S: Final = 600.0

#: Policies whose recycle cannot wait: where no successor fits, the job pauses. The others go on.
_URGENT: Final = frozenset[Policy]({"watermark", "lookahead", "headroom"})


class Chair:
    """Decide for one job's children.

    Attributes:
        is_silent: Whether nothing is decided until the next life begins.
        pause: Why nothing is handed out; None if it may be.
        decisions: Since `open`.
    """

    def __init__(self, device: DeviceSide, host: HostSide) -> None:
        self._device = device
        self._sides = (device, host)
        self._refused = False
        self.is_silent = True
        self.pause: Pause | None = None
        self._in_vain: int | None = None
        self._pause_cleaned = False
        self.decisions: list[Decision] = []

    def open(self) -> None:
        """Begin to collect decisions anew."""
        self.decisions = []

    def life_begins(self, at_s: float) -> None:
        """Speak again; what was waited for is over."""
        if self.pause is not None:
            self.resume(at_s, "a fresh child is ready")
        self.is_silent = self._refused

    def decide(self, at_s: float, action: Act, policy: Policy, why: str, scope: Scope = "life") -> None:
        """Keep one decision."""
        self.decisions.append(Decision(t=at_s, action=action, policy=policy, why=why, scope=scope))

    def settle(self, wishes: Iterable[Wish], span: Span, at_s: float) -> None:
        """Do the hardest wish, of equals the first; what is softer only beside a pause or a release."""
        for wish in sorted(wishes, key=lambda one: -one.verdict):
            if self._do(wish, span, at_s):
                return

    # ------------------------------------------------------------------ one wish

    def _do(self, wish: Wish, span: Span, at_s: float) -> bool:
        """Do what is wished for; return whether that is all for now."""
        match wish.verdict:
            case Verdict.KILL:
                self._end_life(wish, "kill", at_s)
            case Verdict.REFUSE:
                self.decide(at_s, "refuse", wish.policy, wish.why, wish.scope)
                self.is_silent = self._refused = wish.scope == "job"
            case Verdict.RECYCLE:
                return self._drain(wish, at_s)
            case Verdict.RELEASE:
                self._clean(wish, span, at_s)
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
        wish.note_done()
        self.decide(at_s, action, wish.policy, wish.why)
        self.is_silent = True

    def _clean(self, wish: Wish, span: Span, at_s: float) -> None:
        if any(one.action == "clean" for one in self.decisions) or (self.pause and self._pause_cleaned):
            return  # nothing is spoken during a pause: another would give back nothing
        self._pause_cleaned = True
        wish.note_done()
        span.cleaned_at = span.segments
        self.decide(at_s, "clean", wish.policy, wish.why)

    # ------------------------------------------------------------------ pauses

    def _hold(self, wish: Wish, at_s: float) -> None:
        if self.pause is None:
            self.pause = Pause(wish=wish, at_s=at_s)
            self._pause_cleaned = any(one.action == "clean" for one in self.decisions)
            self.decide(at_s, "pause", wish.policy, wish.why)

    def resume(self, at_s: float, why: str) -> None:
        """End the pause that is under way."""
        assert self.pause is not None
        self.decide(at_s, "resume", self.pause.wish.policy, why)
        self.pause = None

    def look_at_pause(self, span: Span, at_s: float, *, told_s: float) -> list[Wish]:
        """Ask whether a pause has come to its end.

        Args:
            span: Of the life.
            at_s: When a reading was taken.
            told_s: When the driver told something last: then, or earlier.

        Returns:
            What is wished for where it has lasted too long.
        """
        pause = self.pause
        if pause is None:
            return []
        if told_s == at_s and pause.is_over(self._device, successor_fits=self._successor_fits):
            self.resume(at_s, wording.below_again("device", self._device.view.used))
        elif told_s != at_s and at_s - max(told_s, pause.at_s) >= _BLIND_S:
            self.resume(at_s, f"the driver has told nothing for {_BLIND_S:.0f} s")
        elif self._is_in_doubt(pause, span) and at_s - pause.at_s >= _DOUBT_S:
            why = f"{pause.wish.why}; the driver does not tell whose it is: a fresh child will show"
            return [Wish(verdict=Verdict.RECYCLE, policy="watermark", why=why, side=self._device)]
        elif pause.wish.until == "room" and at_s - pause.at_s >= _ROOM_WAIT_S:
            self._in_vain = self._device.others
            self.resume(at_s, f"no room was made in {_ROOM_WAIT_S:.0f} s")
        return []

    @property
    def has_waited(self) -> bool:
        """Whether a text waited for room as long as one may, and others have given nothing back since."""
        others = self._device.others
        return (
            self._in_vain is not None and others is not None and others + self._device.worth > self._in_vain
        )

    @property
    def _successor_fits(self) -> bool:
        return all(side.successor_fits() for side in self._sides)

    def _is_in_doubt(self, pause: Pause, span: Span) -> bool:
        """Say whether what is waited for may be this child's: the driver hides it, torch does not know it."""
        device = self._device
        if not device.view.is_hidden or device.others_grew < device.worth or span.segments < MINIMUM_LIFE:
            return False
        return not pause.ends_by_release(device)
