"""Habits of children: what stays in memory after a text, each alone, to be combined in a kind.

Every function returns a maker: called once at the start of a life, so that what a habit remembers
(caches, garbage, onsets) ends with the life, while its figures stay the same for all lives of a job.
"""

from collections import deque
from collections.abc import Callable
from random import Random

from benchmarks.traces.allocator import MIB, Part
from benchmarks.traces.model import Habit, ModelChild

Maker = Callable[[Random], Habit]


def leak(size: int, *, from_text: int = 1, chance: float = 1.0, spread: float = 0.0) -> Maker:
    """Keep bytes after each text.

    Args:
        size: Bytes each time.
        from_text: The first text of a life that leaks.
        chance: That a text leaks at all.
        spread: Each leak is drawn between `1 - spread` and `1 + spread` of the size.
    """

    def make(rng: Random) -> Habit:
        def habit(child: ModelChild, _tokens: int) -> None:
            if child.texts >= from_text and rng.random() < chance:
                child.keep(int(size * rng.uniform(1.0 - spread, 1.0 + spread)))

        return habit

    return make


def leak_per_token(size: int) -> Maker:
    """Keep bytes for each token of each text."""

    def make(_rng: Random) -> Habit:
        def habit(child: ModelChild, tokens: int) -> None:
            child.keep(size * tokens)

        return habit

    return make


def leak_every(count: int, size: int) -> Maker:
    """Keep bytes after every so many texts of a life."""

    def make(_rng: Random) -> Habit:
        def habit(child: ModelChild, _tokens: int) -> None:
            if child.texts % count == 0:
                child.keep(size)

        return habit

    return make


def leak_outside(size: int, *, from_text: int = 1) -> Maker:
    """Grow on the card outside the allocator after each text: sessions, plans, modules."""

    def make(_rng: Random) -> Habit:
        def habit(child: ModelChild, _tokens: int) -> None:
            if child.texts >= from_text:
                child.grow_other(size)

        return habit

    return make


def leak_on_host(size: int) -> Maker:
    """Grow private host memory after each text."""

    def make(_rng: Random) -> Habit:
        def habit(child: ModelChild, _tokens: int) -> None:
            child.host_bytes += size

        return habit

    return make


def cache(entries: int, size: int, *, chance: float = 0.5) -> Maker:
    """Keep a cache of at most so many entries, the oldest out first; a text brings one by chance."""

    def make(rng: Random) -> Habit:
        kept: deque[Part] = deque()

        def habit(child: ModelChild, _tokens: int) -> None:
            if rng.random() >= chance:
                return
            if len(kept) == entries:
                child.cached_bytes -= kept[0].size
                child.drop(kept.popleft())
            kept.append(child.keep(size))
            child.cached_bytes += kept[-1].size

        return habit

    return make


def garbage(period: int, size: int) -> Maker:
    """Leave cycles after each text; the collector comes after so many texts."""

    def make(_rng: Random) -> Habit:
        def habit(child: ModelChild, _tokens: int) -> None:
            child.litter(size)
            if child.texts % period == 0:
                child.collect()

        return habit

    return make


def fragments(count: int) -> Maker:
    """Keep small parts for long, replaced one by one: they pin the blocks that they lie in."""

    def make(rng: Random) -> Habit:
        kept: list[Part] = []

        def habit(child: ModelChild, _tokens: int) -> None:
            if len(kept) == count:
                child.drop(kept.pop(rng.randrange(count)))
            kept.append(child.keep(rng.randrange(1, 4) * MIB // 2))

        return habit

    return make
