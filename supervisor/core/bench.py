"""What there is to speak: a tray for each job and each request, and the order in which they are served.

Requests go before jobs, each in order of arrival; of several requests that are spoken at once each gets a
segment in turn. Where no segment gets lost is the tray's business.
"""

from collections.abc import Iterator
from itertools import chain

import msgspec

from supervisor.core import actions as do
from supervisor.core.hand import Hand
from supervisor.core.obituary import Obituary
from supervisor.core.segments import WaitingSegment
from supervisor.core.tallies import JobSize
from supervisor.core.tray import FETCH_SEGMENTS, Tray
from supervisor.policy.attempts import Next, is_forgiven, judge_attempt
from supervisor.policy.stall import Silences

__all__ = ["FETCH_SEGMENTS", "Bench"]


class Bench:
    """All trays of one run.

    Attributes:
        closed: Whether no job will come beside those that are here.
    """

    def __init__(self, *, attempts: int, stall_s: float, carries_past: bool = False) -> None:
        """Begin with nothing.

        Args:
            attempts: `child.attempts`.
            stall_s: `child.stall_s`: a floor under what is learned.
            carries_past: Whether what a segment leaves is for the next of its chapter.
        """
        self._carries_past = carries_past
        self._allowed = attempts
        self._silences = Silences(stall_s)
        self._trays: list[Tray] = []
        self._handouts = 0
        self.closed = False

    # ------------------------------------------------------------------ trays

    def begin(self, size: JobSize, *, ahead: bool, at_s: float) -> None:
        """Take a job in, behind those of its kind."""
        place = sum(tray.ahead for tray in self._trays) if ahead else len(self._trays)
        self._trays.insert(place, Tray(size, ahead=ahead, at_s=at_s, carries_past=self._carries_past))

    def tray(self, job: str) -> Tray | None:
        """Return a job's tray; None if it is over, or never came."""
        return next((tray for tray in self._trays if tray.job == job), None)

    def clear(self) -> list[str]:
        """Let go of the trays of which every segment is over; return their jobs."""
        over = [tray.job for tray in self._trays if tray.is_over]
        self._trays = [tray for tray in self._trays if not tray.is_over]
        return over

    @property
    def has_trays(self) -> bool:
        """Whether any job is here."""
        return bool(self._trays)

    @property
    def head(self) -> Tray | None:
        """The tray that is served next; one whose segments are still being fetched is waited for.

        One of which every chapter at hand is in somebody's hands is passed over.
        """
        open_ones = (tray for tray in self._trays if not tray.is_handed_out)
        return next((tray for tray in open_ones if tray.next is not None or not tray.queue), None)

    def of(self, segment: WaitingSegment) -> Tray:
        """Return the tray of a segment that is waiting, in hand or being stored."""
        tray = self.tray(segment.job)
        assert tray is not None, "a tray stays while something of it is in hand or being stored"
        return tray

    # ------------------------------------------------------------------ what waits

    @property
    def has_waiting(self) -> bool:
        """Whether a segment is at hand to be handed out."""
        return self.head is not None and self.head.next is not None

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to hand out, and nothing will come."""
        return self.closed and all(tray.is_handed_out for tray in self._trays)

    @property
    def is_stored(self) -> bool:
        """Whether nothing is on its way to the disk."""
        return all(tray.is_stored for tray in self._trays)

    @property
    def queue(self) -> Iterator[WaitingSegment]:
        """The segments at hand, in order."""
        return chain.from_iterable(tray.queue for tray in self._trays)

    @property
    def next(self) -> WaitingSegment:
        """The next segment; there must be one."""
        segment = None if self.head is None else self.head.next
        assert segment is not None
        return segment

    def fetch(self) -> list[do.Action]:
        """Ask for more segments where few are left."""
        return [action for tray in self._trays for action in tray.fetch()]

    # ------------------------------------------------------------------ one segment

    def hand_out(self, at_s: float) -> tuple[Hand, list[do.Action]]:
        """Take the next segment in hand: counted before it is handed out."""
        tray = self.head
        assert tray is not None
        self._handouts += 1
        segment, actions = tray.take()
        if tray.ahead:
            self._trays.remove(tray)
            self._trays.insert(sum(other.ahead for other in self._trays), tray)
        stall_s = self._silences.limit_s(len(segment.text))
        return Hand(segment, attempt=self._handouts, stall_s=stall_s, at_s=at_s), actions

    def store(self, hand: Hand, done: do.Done) -> list[do.Action]:
        """Let go of a segment that was spoken: its audio goes to the disk, if somebody still wants it."""
        tray = self.of(hand.segment)
        if tray.withdrawn:
            return tray.drop(hand)
        self._silences.finished(
            longest_s=hand.stall.longest_s,
            chars=len(hand.segment.text),
            audio_s=done.samples / done.sample_rate_hz,
        )
        return [tray.store(hand, done)]

    def store_failed(self) -> list[do.Action]:
        """Let go of all that cannot be stored."""
        return [action for tray in self._trays for action in tray.store_failed()]

    def charge(self, hand: Hand, kind: str, message: str, *, retryable: bool) -> tuple[Next, list[do.Action]]:
        """Make a segment in hand pay for its hand-out: it goes back to the front, or aside."""
        segment, tray = hand.segment, self.of(hand.segment)
        after = judge_attempt(attempts=hand.attempts, allowed=self._allowed, retryable=retryable)
        if after is Next.SET_ASIDE:
            return after, tray.set_aside(hand, kind, message)
        back = msgspec.structs.replace(segment, attempts=hand.attempts)
        return after, tray.put_back(hand, back, do.Charge(job=segment.job, key=segment.key))

    def is_to_be_charged(self, hand: Hand, obituary: Obituary) -> bool:
        """Say whether the death of the child that held it costs the segment an attempt."""
        killed = hand.segment.killed + 1
        return obituary.charged or (obituary.outside and not is_forgiven(killed=killed))

    def take_back(self, hand: Hand, obituary: Obituary) -> list[do.Action]:
        """Put a segment in hand back to the front, uncharged."""
        back = hand.segment
        if obituary.outside:
            back = msgspec.structs.replace(back, killed=back.killed + 1)
        unclaim = do.Unclaim(job=back.job, key=back.key, killed=obituary.outside)
        return self.of(back).put_back(hand, back, unclaim)

    def is_last_try(self, hand: Hand) -> bool:
        """Say whether the next hand-out of this segment is the last that it gets."""
        return hand.attempts + 1 >= self._allowed
