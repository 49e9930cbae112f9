"""How long a child may go without progress on the segment in its hands.

The bound is learned: five times the longest that this job's children were ever silent, by the
second of audio that came of it (NVRx learns its timeouts likewise), and never under a floor. So an
engine that thinks for a minute over a long text is not killed for it, and no figure has to be set.
"""

import math
from typing import Final

#: Times the longest silence seen (NVRx `timeouts_calc`: safety factor 5).
_FACTOR: Final = 5.0

#: A text shorter than this costs what any text costs: silence is not told by its length.
_SHORT_S: Final = 2.0
_SHORT_CHARS: Final = 20


class Stall:
    """One segment's progress clock. Make one per hand-out."""

    def __init__(self, stall_s: float, *, at_s: float) -> None:
        self._stall_s = stall_s
        self._last_s = at_s
        self._longest_s = 0.0

    def progress(self, at_s: float) -> None:
        """Note that the child showed progress."""
        self._longest_s = max(self._longest_s, at_s - self._last_s)
        self._last_s = max(self._last_s, at_s)

    @property
    def longest_s(self) -> float:
        """The longest time between signs of progress so far."""
        return self._longest_s

    @property
    def deadline_s(self) -> float:
        """When it counts as stalled, monotonic seconds; never if `stall_s` is 0."""
        return self._last_s + self._stall_s if self._stall_s > 0 else math.inf

    def is_stalled(self, at_s: float) -> bool:
        """Say whether it went without progress for too long."""
        return at_s >= self.deadline_s


class Silences:
    """Learn how long a child may be silent. One per job; `limit_s` makes the next hand-out's `Stall`.

    Args:
        floor_s: `child.stall_s`; 0 = children never stall.
    """

    def __init__(self, floor_s: float) -> None:
        self._floor_s = floor_s
        self._silence_per_audio_s = 0.0
        self._audio_s_per_char = 0.0

    def finished(self, *, longest_s: float, chars: int, audio_s: float) -> None:
        """Note a segment that was spoken.

        Args:
            longest_s: The longest time between signs of progress (`Stall.longest_s`).
            chars: Of its text.
            audio_s: Seconds of audio that came of it.
        """
        per_audio_s = longest_s / max(audio_s, _SHORT_S)
        self._silence_per_audio_s = max(self._silence_per_audio_s, per_audio_s)
        self._audio_s_per_char = max(self._audio_s_per_char, audio_s / max(chars, _SHORT_CHARS))

    def limit_s(self, chars: int) -> float:
        """Return how long the child may be silent over a text of that length; 0 = for ever."""
        if self._floor_s <= 0:
            return 0.0
        audio_s = max(_SHORT_S, self._audio_s_per_char * chars)
        return max(self._floor_s, _FACTOR * self._silence_per_audio_s * audio_s)
