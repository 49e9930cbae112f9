"""The segments of one job that wait, are spoken, or are on their way to the disk.

A segment is in exactly one place: on the queue, in hand, being stored, or over (done or set
aside). Every method returns the actions that make its step durable.
"""

from collections import deque

import msgspec

from supervisor.core import actions as do
from supervisor.core.hand import Hand
from supervisor.core.segments import WaitingSegment
from supervisor.core.tallies import JobSize, Tallies
from supervisor.wire.messages import Done

#: Waiting segments kept at hand; the book itself stays in the ledger.
FETCH_SEGMENTS = 32


class Tray:
    """One job, or one request.

    Attributes:
        job: Id.
        ahead: Whether it goes before jobs: a request, for which somebody waits.
        tallies: How far it is.
        queue: The segments at hand, in order.
        withdrawn: Whether nobody wants it any more: what is in hand is dropped when it is done.
    """

    def __init__(self, size: JobSize, *, ahead: bool, at_s: float, carries_past: bool = False) -> None:
        """Begin with nothing fetched."""
        self.job = size.job
        self.ahead = ahead
        self.tallies = Tallies(size, at_s=at_s)
        self.queue: deque[WaitingSegment] = deque()
        self.withdrawn = False
        self._carries_past = carries_past
        self._in_hand: dict[str, int] = {}  # chapters by key
        self._storing: set[str] = set()
        self._fetched_to = -1
        self._fetching = False
        self._stale = False
        self._exhausted = False
        self._past: dict[int, bytes] = {}  # by chapter: what its last segment left

    @property
    def is_handed_out(self) -> bool:
        """Whether nothing is left to hand out: all that there is was fetched and is not waiting."""
        return (self._exhausted or self.withdrawn) and not self.queue

    @property
    def next(self) -> WaitingSegment | None:
        """The segment that may be handed out next; None while there is none at hand.

        With a past to carry, a chapter is in one child's hands at a time.
        """
        if not self._carries_past:
            return self.queue[0] if self.queue else None
        busy = set(self._in_hand.values())
        return next((segment for segment in self.queue if segment.chapter not in busy), None)

    @property
    def is_stored(self) -> bool:
        """Whether nothing is on its way to the disk."""
        return not self._storing

    @property
    def is_over(self) -> bool:
        """Whether every segment is done or set aside."""
        return self.is_handed_out and not self._in_hand and not self._storing

    # ------------------------------------------------------------------ from the shelf

    def fetch(self) -> list[do.Action]:
        """Ask for more segments when few are left."""
        if self._fetching or self._exhausted or self.withdrawn or len(self.queue) > FETCH_SEGMENTS // 2:
            return []
        self._fetching = True
        return [do.Fetch(job=self.job, after=self._fetched_to, limit=FETCH_SEGMENTS)]

    def offer(self, segments: tuple[WaitingSegment, ...], *, exhausted: bool) -> None:
        """Take the answer to `Fetch`."""
        self._fetching = False
        stale, self._stale = self._stale, False
        if stale or self.withdrawn:  # asked for before the cuts were changed, or for nobody
            return
        self._exhausted = exhausted
        if segments:
            self._fetched_to = segments[-1].number
        # Equal segments share a key and one hand-out; a second batch may bring the twin of one
        # that is still at hand.
        known = {segment.key for segment in self.queue} | self._storing | self._in_hand.keys()
        for segment in segments:
            if segment.key not in known:
                known.add(segment.key)
                self.queue.append(segment)

    def forget_fetched(self) -> None:
        """Fetch what waits anew: it was cut otherwise."""
        self.queue.clear()
        self._fetched_to = -1
        self._exhausted = False
        self._stale = self._fetching

    def withdraw(self) -> None:
        """Hand out no more of it."""
        self.withdrawn = True
        self.queue.clear()

    # ------------------------------------------------------------------ one segment

    def take(self) -> tuple[WaitingSegment, list[do.Action]]:
        """Take the next segment in hand: counted before it is handed out."""
        waiting = self.next
        assert waiting is not None
        self.queue.remove(waiting)
        segment = self._with_past(waiting)
        self._in_hand[segment.key] = segment.chapter
        return segment, [
            do.Claim(job=self.job, key=segment.key),
            do.OpenAudio(job=self.job, key=segment.key),
        ]

    def _with_past(self, segment: WaitingSegment) -> WaitingSegment:
        """Return it with what was spoken in this run before it, where that is of its chapter."""
        past = self._past.get(segment.chapter)
        return segment if past is None else msgspec.structs.replace(segment, past=past)

    def refuse(self, kind: str, message: str) -> tuple[WaitingSegment, list[do.Action]]:
        """Set the next segment aside without handing it out."""
        segment = self.next
        assert segment is not None
        self.queue.remove(segment)
        return segment, [do.SetAside(job=self.job, key=segment.key, kind=kind, message=message)]

    def store(self, hand: Hand, done: Done) -> do.Action:
        """Let go of a segment that was spoken: its audio goes to the disk."""
        del self._in_hand[hand.segment.key]
        self._storing.add(hand.segment.key)
        # Of chapters that are neither at hand nor in hand the ledger knows it as well.
        near = {segment.chapter for segment in self.queue} | set(self._in_hand.values())
        self._past = {chapter: past for chapter, past in self._past.items() if chapter in near}
        self._past[hand.segment.chapter] = done.past
        return do.StoreAudio(segment=hand.segment, done=done, attempts=hand.attempts)

    def stored(self, segment: WaitingSegment) -> None:
        """Note that a segment's audio is on disk and in the ledger."""
        self._storing.discard(segment.key)

    def set_aside(self, hand: Hand, kind: str, message: str) -> list[do.Action]:
        """Give the segment in hand up for good."""
        key = hand.segment.key
        del self._in_hand[key]
        return [
            do.DropAudio(job=self.job, key=key),
            do.SetAside(job=self.job, key=key, kind=kind, message=message),
        ]

    def put_back(self, hand: Hand, back: WaitingSegment, told: do.Charge | do.Unclaim) -> list[do.Action]:
        """Put the segment in hand back to the front; nobody gets it again where the job was withdrawn.

        Args:
            hand: Where it was.
            back: The segment as it waits now.
            told: What the ledger is told of the hand-out.
        """
        del self._in_hand[hand.segment.key]
        if not self.withdrawn:
            self.queue.appendleft(back)
        return [do.DropAudio(job=self.job, key=hand.segment.key), told]

    def drop(self, hand: Hand) -> list[do.Action]:
        """Let go of what was spoken for nobody."""
        return self.put_back(hand, hand.segment, self._unclaim(hand.segment.key))

    def store_failed(self) -> list[do.Action]:
        """Let go of all that cannot be stored: no attempt is to blame, and the ledger has it waiting."""
        keys = [*sorted(self._storing), *sorted(self._in_hand)]
        self._storing.clear()
        self._in_hand.clear()
        self._past.clear()  # what it left is lost with its audio
        self.forget_fetched()
        actions: list[do.Action] = []
        for key in keys:
            actions += [do.DropAudio(job=self.job, key=key), self._unclaim(key)]
        return actions

    def _unclaim(self, key: str) -> do.Unclaim:
        return do.Unclaim(job=self.job, key=key, killed=False)
