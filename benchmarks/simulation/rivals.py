"""The usual cures, as others apply them, each in a few lines.

None of them looks ahead, and none asks whose memory it is. A restart costs 42 s: what a cold start of a
model of this size takes in others' reports. Levels are of the whole card as NVML gives it, read while a
text is spoken and after it, so what crosses a level is seen, and killed, within a text.
"""

# ruff: noqa: ARG002 -- every rule is told the same, and most look at little of it

from collections.abc import Callable
from random import Random
from typing import Final

from benchmarks.simulation.cases import Text
from benchmarks.simulation.job import Rule, Step
from benchmarks.traces.allocator import MIB
from benchmarks.traces.model import Card, ModelChild, Spoken

#: Others' cold restart: import, load, warm-up.
COLD_S: Final = 42.0


class Nothing:
    """Restart after an out-of-memory error, and never before."""

    name = "nothing (restart after OOM)"
    start_s = COLD_S
    survives_oom = False
    rest_s = 0.0

    def born(self, child: ModelChild) -> None:
        """Take no note."""

    def before(self, child: ModelChild, ahead: tuple[int, ...], *, last_try: bool) -> Step:
        """Go on."""
        return "go"

    def begins(self, child: ModelChild, chars: int) -> None:
        """Take no note."""

    def within(self, child: ModelChild, spoken: Spoken) -> bool:
        """Never kill."""
        return False

    def over(self, child: ModelChild, text: Text, spoken: Spoken) -> None:
        """Take no note."""

    def released(self, child: ModelChild) -> None:
        """Take no note."""

    def waited(self, child: ModelChild) -> None:
        """Take no note."""

    def overlap(self, child: ModelChild, chars: int) -> float | None:
        """One at a time."""
        return None

    def ended(self, card: Card) -> None:
        """Take no note."""

    def may_start(self, card: Card) -> bool:
        """Start at once."""
        return True


class EmptyAndRest(Nothing):
    """`empty_cache` after every text, then a rest of 5 s: what users of web tools do."""

    name = "empty_cache + rest of 5 s"
    rest_s = 5.0

    def __init__(self) -> None:
        self._due = False

    def before(self, child: ModelChild, ahead: tuple[int, ...], *, last_try: bool) -> Step:
        """Release once after each text."""
        return "clean" if self._due else "go"

    def over(self, child: ModelChild, text: Text, spoken: Spoken) -> None:
        """Ask for a release."""
        self._due = True

    def released(self, child: ModelChild) -> None:
        """Ask no more."""
        self._due = False


class EverySoMany(Nothing):
    """Replace the child after so many texts, at the next boundary.

    Args:
        name: For the table.
        count: Texts of a life.
        jitter: Up to so many more, drawn for each life.
        level: And kill it where the card is fuller than this share; more than 1 is never.
    """

    def __init__(self, name: str, *, count: int, jitter: int = 0, level: float = 2.0) -> None:
        self.name = name
        self._count = count
        self._jitter = jitter
        self._level = level
        self._rng = Random(count)
        self._due = count
        self._at_boundary = True

    def born(self, child: ModelChild) -> None:
        """Draw the length of this life."""
        self._due = self._count + (self._rng.randint(0, self._jitter) if self._jitter else 0)

    def before(self, child: ModelChild, ahead: tuple[int, ...], *, last_try: bool) -> Step:
        """Replace it when its time is over and a boundary is reached."""
        return "recycle" if child.texts >= self._due and self._at_boundary else "go"

    def within(self, child: ModelChild, spoken: Spoken) -> bool:
        """Kill above the level."""
        return spoken.peak.used > self._level * spoken.peak.total

    def over(self, child: ModelChild, text: Text, spoken: Spoken) -> None:
        """Note where we are."""
        self._at_boundary = bool(text.ends)


class Level(Nothing):
    """Kill the child where the whole card is fuller than a share."""

    def __init__(self, share: float) -> None:
        self.name = f"NVML level {share:.0%}, kill"
        self._share = share

    def within(self, child: ModelChild, spoken: Spoken) -> bool:
        """Kill above the level."""
        return spoken.peak.used > self._share * spoken.peak.total


class Growth(Nothing):
    """Kill the child where the card grew by more than 512 MB since its first text."""

    name = "NVML growth > 512 MB, kill"

    def __init__(self) -> None:
        self._first: int | None = None

    def born(self, child: ModelChild) -> None:
        """Forget the last child's first text."""
        self._first = None

    def within(self, child: ModelChild, spoken: Spoken) -> bool:
        """Kill above the growth."""
        return self._first is not None and spoken.peak.used - self._first > 512 * MIB

    def over(self, child: ModelChild, text: Text, spoken: Spoken) -> None:
        """Take what the first text leaves as the measure."""
        if self._first is None:
            self._first = spoken.after.used


class Every60Seconds(Nothing):
    """Look once a minute, as memmon does; restart where the process holds more than its level.

    Args:
        name: For the table.
        level: Says whether a process is above its level.
    """

    def __init__(self, name: str, level: Callable[[ModelChild, Spoken], bool]) -> None:
        self.name = name
        self._level = level
        self._looked_s = 0.0

    def within(self, child: ModelChild, spoken: Spoken) -> bool:
        """Look when a minute is over; kill above the level."""
        if spoken.peak_at_s - self._looked_s < 60.0:  # noqa: PLR2004 -- the minute of the name
            return False
        self._looked_s = spoken.peak_at_s
        return self._level(child, spoken)


def _holds_too_much_of_the_card(_child: ModelChild, spoken: Spoken) -> bool:
    return spoken.peak.child > 0.75 * spoken.peak.total


def _holds_too_much_of_the_host(child: ModelChild, _spoken: Spoken) -> bool:
    return child.host_bytes > 1.5 * child.kind.footprint.host_bytes


def rivals() -> list[Rule]:
    """Return every rule but ours, made anew: some remember."""
    return [
        Nothing(),
        EverySoMany("max_segments = 100, NVML level 95 %", count=100, level=0.95),
        EverySoMany("gunicorn: max_requests = 100, jitter 20", count=100, jitter=20),
        Level(0.9),
        Level(0.8),
        Growth(),
        EmptyAndRest(),
        Every60Seconds("memmon on the GPU: 75 % of the card, each 60 s", _holds_too_much_of_the_card),
        Every60Seconds("memmon, MemoryMax=: 1.5 times the RSS", _holds_too_much_of_the_host),
    ]
