"""A modelled child without torch: private host memory over a life."""

from random import Random

from benchmarks.traces.scenario import HostShape

_STEP_CHARS = 4


class HostChild:
    """One child life.

    Args:
        shape: What it does to its memory.
        rng: Its chance.

    Attributes:
        texts: Spoken in this life.
        leaked_bytes: Of what it holds, what leaked.
    """

    def __init__(self, shape: HostShape, rng: Random) -> None:
        self._shape = shape
        self._rng = rng
        self._warm_texts = rng.randint(4, 15)
        self._arena_bytes = 0
        self._kept: set[int] = set()
        self._kept_bytes = 0
        self.texts = 0
        self.leaked_bytes = 0

    def speak(self, chars: int) -> None:
        """Speak one text."""
        shape = self._shape
        self.texts += 1
        # The heap's top stays where the longest text put it, as far as something small lies above.
        need_bytes = shape.arena_bytes_per_char * chars
        kept = int(need_bytes * shape.arena_kept * self._rng.uniform(0.7, 1.0))
        self._arena_bytes = max(self._arena_bytes, kept)
        step = chars // _STEP_CHARS
        if shape.shape_bytes and step not in self._kept and len(self._kept) < shape.shapes:
            self._kept.add(step)
            self._kept_bytes += int(shape.shape_bytes * self._rng.uniform(0.5, 1.5))
        if shape.leak_bytes and self.texts >= shape.leak_from:
            self.leaked_bytes += shape.leak_bytes

    def private_bytes(self) -> int:
        """Return what it holds now."""
        shape = self._shape
        warm = min(1.0, self.texts / self._warm_texts)
        jitter = self._rng.randint(-shape.jitter_bytes, shape.jitter_bytes)
        held = self._arena_bytes + self._kept_bytes + self.leaked_bytes
        return shape.ready_bytes + int(shape.warm_bytes * warm) + held + jitter
