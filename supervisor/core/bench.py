"""The segments that wait, and the one in the child's hands: where no segment gets lost.

A segment is in exactly one place: on the queue, in hand, being stored, or over (done or set
aside). Every method returns the actions that make its step durable.
"""

from collections import deque
from collections.abc import Iterable

import msgspec

from supervisor.core import actions as do
from supervisor.core.hand import Hand
from supervisor.core.obituary import Obituary
from supervisor.core.segments import WaitingSegment
from supervisor.policy.attempts import Next, is_forgiven, judge_attempt
from supervisor.policy.stall import Silences

#: Waiting segments kept at hand; the book itself stays in the ledger.
FETCH_SEGMENTS = 32


class Bench:
    """Segments of one job."""

    def __init__(self, *, attempts: int, stall_s: float) -> None:
        """Begin with nothing.

        Args:
            attempts: `child.attempts`.
            stall_s: `child.stall_s`: a floor under what is learned.
        """
        self._allowed = attempts
        self._silences = Silences(stall_s)
        self._queue: deque[WaitingSegment] = deque()
        self._storing: set[str] = set()
        self._fetched_to = -1
        self._fetching = False
        self._stale = False
        self._exhausted = False
        self._handouts = 0
        self._past: tuple[int, bytes] | None = None  # of which chapter, and what its last segment left
        self.hand: Hand | None = None

    @property
    def has_waiting(self) -> bool:
        """Whether a segment is at hand to be handed out."""
        return bool(self._queue)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to hand out: all that there is was fetched and is not waiting."""
        return self._exhausted and not self._queue

    @property
    def is_stored(self) -> bool:
        """Whether nothing is on its way to the disk."""
        return not self._storing

    @property
    def queue(self) -> Iterable[WaitingSegment]:
        """The segments at hand, in order."""
        return self._queue

    @property
    def next_chars(self) -> int:
        """Characters of the next segment; there must be one."""
        return len(self._queue[0].text)

    def fetch(self) -> list[do.Action]:
        """Ask for more segments when few are left."""
        if self._fetching or self._exhausted or len(self._queue) > FETCH_SEGMENTS // 2:
            return []
        self._fetching = True
        return [do.Fetch(after=self._fetched_to, limit=FETCH_SEGMENTS)]

    def offer(self, segments: tuple[WaitingSegment, ...], *, exhausted: bool) -> None:
        """Take the answer to `Fetch`."""
        self._fetching = False
        if self._stale:  # asked for before the cuts were changed
            self._stale = False
            return
        self._exhausted = exhausted
        if segments:
            self._fetched_to = segments[-1].number
        # Equal segments share a key and one hand-out; a second batch may bring the twin of one
        # that is still at hand.
        known = {segment.key for segment in self._queue} | self._storing
        if self.hand is not None:
            known.add(self.hand.segment.key)
        for segment in segments:
            if segment.key not in known:
                known.add(segment.key)
                self._queue.append(segment)

    def hand_out(self, at_s: float) -> list[do.Action]:
        """Take the next segment in hand: counted before it is handed out."""
        self._handouts += 1
        segment = self._with_past(self._queue.popleft())
        self.hand = Hand(
            segment, attempt=self._handouts, stall_s=self._silences.limit_s(len(segment.text)), at_s=at_s
        )
        return [do.Claim(key=segment.key), do.OpenAudio(key=segment.key)]

    def _with_past(self, segment: WaitingSegment) -> WaitingSegment:
        """Return it with what was spoken in this run before it, where that is of its chapter."""
        if self._past is None or self._past[0] != segment.chapter:
            return segment
        return msgspec.structs.replace(segment, past=self._past[1])

    def forget_fetched(self) -> None:
        """Fetch what waits anew: it was cut otherwise."""
        self._queue.clear()
        self._fetched_to = -1
        self._exhausted = False
        self._stale = self._fetching

    @property
    def next_chapter(self) -> int:
        """Chapter of the next segment; there must be one."""
        return self._queue[0].chapter

    def refuse(self, kind: str, message: str) -> tuple[WaitingSegment, list[do.Action]]:
        """Set the next segment aside without handing it out."""
        segment = self._queue.popleft()
        return segment, [do.SetAside(key=segment.key, kind=kind, message=message)]

    def store(self, hand: Hand, done: do.Done) -> do.Action:
        """Let go of a segment that was spoken: its audio goes to the disk."""
        self.hand = None
        self._silences.finished(
            longest_s=hand.stall.longest_s,
            chars=len(hand.segment.text),
            audio_s=done.samples / done.sample_rate_hz,
        )
        self._storing.add(hand.segment.key)
        self._past = (hand.segment.chapter, done.past)
        return do.StoreAudio(segment=hand.segment, done=done, attempts=hand.attempts)

    def stored(self, segment: WaitingSegment) -> None:
        """Note that a segment's audio is on disk and in the ledger."""
        self._storing.discard(segment.key)

    def store_failed(self) -> list[do.Action]:
        """Let go of all that cannot be stored: no attempt is to blame, and the ledger has it waiting."""
        keys = sorted(self._storing)
        if self.hand is not None:
            keys.append(self.hand.segment.key)
        self.hand = None
        self._storing.clear()
        self._past = None  # what it left is lost with its audio
        actions: list[do.Action] = []
        for key in keys:
            actions += [do.DropAudio(key=key), do.Unclaim(key=key, killed=False)]
        return actions

    def charge(self, hand: Hand, kind: str, message: str, *, retryable: bool) -> tuple[Next, list[do.Action]]:
        """Make the segment in hand pay for its hand-out: it goes back to the front, or aside."""
        self.hand = None
        segment = hand.segment
        dropped = do.DropAudio(key=segment.key)
        after = judge_attempt(attempts=hand.attempts, allowed=self._allowed, retryable=retryable)
        if after is Next.SET_ASIDE:
            return after, [dropped, do.SetAside(key=segment.key, kind=kind, message=message)]
        self._queue.appendleft(msgspec.structs.replace(segment, attempts=hand.attempts))
        return after, [dropped, do.Charge(key=segment.key)]

    def is_to_be_charged(self, hand: Hand, obituary: Obituary) -> bool:
        """Say whether the death of the child that held it costs the segment an attempt."""
        killed = hand.segment.killed + 1
        return obituary.charged or (obituary.outside and not is_forgiven(killed=killed))

    def take_back(self, hand: Hand, obituary: Obituary) -> list[do.Action]:
        """Put the segment in hand back to the front, uncharged."""
        self.hand = None
        back = hand.segment
        if obituary.outside:
            back = msgspec.structs.replace(back, killed=back.killed + 1)
        self._queue.appendleft(back)
        return [do.DropAudio(key=back.key), do.Unclaim(key=back.key, killed=obituary.outside)]

    def is_last_try(self, hand: Hand) -> bool:
        """Say whether the next hand-out of this segment is the last that it gets."""
        return hand.attempts + 1 >= self._allowed
