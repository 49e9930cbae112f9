"""One child life as the conductor knows it: its slot, what it said of itself, and what is wished of it."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor.core.lifecycle import WITH_SEGMENT, State
from supervisor.core.obituary import EndWish, Reason, Wish
from supervisor.core.slot import Slot, SlotTimes

if TYPE_CHECKING:
    from supervisor.core.hand import Hand
    from supervisor.wire.messages import Ready


@dataclass(frozen=True, slots=True, kw_only=True)
class Recycle:
    """That a fresh child is to take over at the next boundary.

    Attributes:
        why: In words.
        reason: In a word: the policy that says so, or who else is behind it.
        patient: Whether this one may speak on while its successor gets ready. Not where the next
            segment is what a fresh child is wanted for, nor where the clock says that it is over.
    """

    why: str
    reason: Reason
    patient: bool


class Post:
    """A child's place, from before its spawn to its burial; made anew for each life.

    Attributes:
        life: Its number, from 1; 0 for a place that nobody has taken yet.
        slot: Its state and deadline.
        pid: None before it runs.
        greeted: Whether it said its first word.
        ready: What it said when it was ready.
        wish: Why we want it to end; the first reason stands.
        last_words: What it said was broken.
        recycle: That it is to be replaced.
        release_why: Why it is to release its caches at the next boundary; empty if not.
        started_s: When its process was asked for, monotonic seconds.
        reading_until_s: A hand-out waits so long for a fresh reading.
        stopped_since_s: Since when it is stopped (SIGSTOP) while it starts.
        hand: The segment that it speaks; None if none.
        job: Whose segment it had last; empty if none.
        segments: Segments it was through with, well or not.
        asked: Whether the panel was asked about the next text at this boundary.
        idle_since_s: Since when there is nothing for it to do; None while there is.
    """

    def __init__(self, times: SlotTimes, life: int = 0) -> None:
        self.life = life
        self.slot = Slot(times)
        self.pid: int | None = None
        self.greeted = False
        self.ready: Ready | None = None
        self.wish: EndWish | None = None
        self.last_words = ""
        self.recycle: Recycle | None = None
        self.release_why = ""
        self.started_s = math.inf
        self.reading_until_s = -math.inf
        self.stopped_since_s: float | None = None
        self.hand: Hand | None = None
        self.job = ""
        self.segments = 0
        self.asked = False
        self.idle_since_s: float | None = None

    @property
    def state(self) -> State:
        """Where its slot is."""
        return self.slot.state

    @property
    def is_there(self) -> bool:
        """Whether there is a process."""
        return self.slot.state is not State.ABSENT

    @property
    def speaks(self) -> bool:
        """Whether a segment is in its hands."""
        return self.slot.state in WITH_SEGMENT

    @property
    def uses_device(self) -> bool:
        """Whether it said that it holds device memory."""
        return self.ready is not None and self.ready.uses_device

    def lost_s(self, at_s: float) -> float:
        """Return what is lost if it ends now: the time since its segment was handed out, or since its start.

        One that is ready and has nothing in hand loses nothing, however long it has stood so.
        """
        if self.hand is not None:
            return at_s - self.hand.begun_s
        return at_s - self.started_s if self.ready is None else 0.0

    def wish_end(self, wish: Wish, why: str, reason: Reason | None = None) -> None:
        """Note why it is to end; what follows the first reason is only how it came about."""
        if self.wish is None:
            self.wish = EndWish(wish=wish, why=why, reason=reason)

    def want_recycle(self, why: str, *, reason: Reason, patient: bool) -> None:
        """Note that a fresh child is to take over; the first reason stands, unless a later one hurries."""
        if self.recycle is None or (self.recycle.patient and not patient):
            self.recycle = Recycle(why=why, reason=reason, patient=patient)

    def make_way(self) -> None:
        """Note that it is to end for the fresh child that was wanted."""
        assert self.recycle is not None
        self.wish_end("recycle", self.recycle.why, self.recycle.reason)
