"""One trace to be made: who speaks what, on which card, and what happens around it."""

from dataclasses import dataclass, field
from typing import Literal

from benchmarks.traces.habits import Maker
from benchmarks.traces.model import Footprint, Neighbour, nobody

#: What becomes of the readings: "hidden" is a container or MIG, where no per-process figure is told.
Sensor = Literal["sound", "hidden", "flaky", "time-outs", "versions"]

#: When the card is read: after a segment, as the live run does; also in its midst; or only then.
Poll = Literal["after", "both", "within"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostShape:
    """A child without torch: what it holds of host memory.

    Attributes:
        ready_bytes: Private memory when ready.
        warm_bytes: Grown in the first texts.
        arena_bytes_per_char: Of the working set; what the longest text so far needed stays in part.
        arena_kept: That part.
        shape_bytes: Kept for every new shape (length of text in steps of 4), as oneDNN does; 0 = none.
        shapes: At most so many shapes are kept.
        jitter_bytes: A reading moves by so much either way.
        leak_bytes: After each text.
        leak_from: The first text that leaks.
    """

    ready_bytes: int
    warm_bytes: int
    arena_bytes_per_char: int
    arena_kept: float
    shape_bytes: int = 0
    shapes: int = 1024
    jitter_bytes: int = 2**20
    leak_bytes: int = 0
    leak_from: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything of one trace, drawn by its seed.

    Attributes:
        kind: Its name in tables.
        leaks: The truth.
        seed: Of the trace.
        card_bytes: Of the card.
        footprint: Of every life on it.
        chars: Of the texts, in order.
        boundaries: After these texts (counted from 1), and what ends there.
        habits: What stays after a text and is no leak.
        leak: What leaks; None in a benign trace.
        neighbour: What others want on the card.
        life_texts: A recycle after so many texts; 0 = none.
        release_texts: A release of caches after so many texts; 0 = never.
        sensor: What becomes of the readings.
        poll: When the card is read.
        declare: Whether the engine declares its caches.
        host: The child has no torch and this shape.
    """

    kind: str
    leaks: bool
    seed: int
    card_bytes: int
    footprint: Footprint
    chars: tuple[int, ...]
    boundaries: dict[int, str]
    habits: tuple[Maker, ...] = ()
    leak: Maker | None = None
    neighbour: Neighbour = field(default=nobody)
    life_texts: int = 0
    release_texts: int = 0
    sensor: Sensor = "sound"
    poll: Poll = "after"
    declare: bool = True
    host: HostShape | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is so, whatever a rule says.

    Attributes:
        kind: Its name in tables.
        seed: Of the trace.
        leaks: Whether there is a leak.
        onset: The text, counted from 1 over the trace, that leaked first; 0 if none does.
        rate_bytes: Leaked a text from then on, on the mean of the first life that leaks.
        leaked_bytes: In the life under way, after each text.
        card_bytes: Of the card.
    """

    kind: str
    seed: int
    leaks: bool
    onset: int
    rate_bytes: float
    leaked_bytes: tuple[int, ...]
    card_bytes: int
