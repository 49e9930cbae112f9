"""Memory that is free and of no use: an allocator that searches, and pieces that nothing fits in.

Two signs: torch's allocator had to empty its cache to find room (`alloc_retries`), which costs the
time of a synchronisation each; and free pieces within blocks in use grow (`inactive_split`), which
no release gives back while the block is in use. First a release; where it does not come back, a
recycle, for nothing else moves what is live.
"""

from collections import deque
from typing import Final

from supervisor.policy.verdict import Verdict

#: Segments looked back upon, and how many of them must have searched.
_LATELY: Final = 10
_SEARCHED: Final = 3


class Fragmentation:
    """One child life.

    Args:
        worth_bytes: Growth of free pieces that counts.
    """

    def __init__(self, *, worth_bytes: int) -> None:
        self._worth_bytes = worth_bytes
        self._retries: int | None = None
        self._searched: deque[bool] = deque(maxlen=_LATELY)
        self._least_split_bytes: int | None = None
        self._split_bytes = 0
        self._released = False
        self._after_release = 0
        self.why = ""

    def take(self, *, retries: int | None, inactive_split_bytes: int | None) -> Verdict:
        """Take what its allocator says after a segment, and say what that calls for."""
        self._count(retries)
        self._measure(inactive_split_bytes)
        searches = sum(self._searched) >= _SEARCHED
        pieces_bytes = self._split_bytes - (self._least_split_bytes or 0)
        if not searches and not self._searched_now:
            self.why = ""
            return Verdict.KEEP
        self.why = (
            f"torch's allocator searched for room in {sum(self._searched)} of the last {len(self._searched)} "
            f"segments, and {pieces_bytes / 2**20:.0f} MiB more than at its best are in pieces"
        )
        if not self._released:
            return Verdict.RELEASE
        if searches and pieces_bytes >= self._worth_bytes and self._after_release >= _SEARCHED:
            return Verdict.RECYCLE
        return Verdict.KEEP

    def released(self) -> None:
        """Note that caches were released for it."""
        self._released = True
        self._after_release = 0

    @property
    def _searched_now(self) -> bool:
        return bool(self._searched) and self._searched[-1]

    def _count(self, retries: int | None) -> None:
        if retries is None:
            return
        # The first figure is the start's own.
        searched = self._retries is not None and retries > self._retries
        self._retries = retries
        self._searched.append(searched)
        self._after_release += searched
        if not any(self._searched):
            self._released = False  # all is well again: the next time begins with a release

    def _measure(self, inactive_split_bytes: int | None) -> None:
        if inactive_split_bytes is None:
            return
        self._split_bytes = inactive_split_bytes
        least = self._least_split_bytes
        self._least_split_bytes = inactive_split_bytes if least is None else min(least, inactive_split_bytes)
