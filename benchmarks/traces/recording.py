"""Play a scenario to its end and keep the records that the live run would have written.

Nothing is decided here: a trace goes on as it was recorded. A text that finds no memory fails and
the caches go back; a second failure in a row costs the child its life, and the next one starts
when the neighbour leaves room for it.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from random import Random

from benchmarks.traces.allocator import OutOfMemory
from benchmarks.traces.habits import Maker
from benchmarks.traces.hostchild import HostChild
from benchmarks.traces.model import Card, DeviceFigures, Habit, Kind, ModelChild
from benchmarks.traces.scenario import HostShape, Scenario, Truth
from benchmarks.traces.sensors import blurred
from supervisor.core.traces import (
    Boundary,
    LifeEnded,
    LifeReady,
    Reading,
    Record,
    Released,
    SegmentBegin,
    SegmentEnd,
    TraceVitals,
)

#: A start that finds no room waits this long, so many times.
_PATIENCE_S = 30.0
_PATIENCE = 200

_HOST_TOTAL = 32 * 2**30


@dataclass(slots=True)
class Tally:
    """What really leaked.

    Attributes:
        now_bytes: In the life under way.
        after_text: The same, after each text of the trace.
        onset: The first text that leaked; 0 = none so far.
        rate_bytes: A text, since the onset, over the first life that leaks.
    """

    now_bytes: int = 0
    after_text: list[int] = field(default_factory=list[int])
    onset: int = 0
    rate_bytes: float = 0.0
    is_first_over: bool = False

    def text_ends(self) -> None:
        """Note where a text ended."""
        self.after_text.append(self.now_bytes)
        if self.now_bytes and not self.onset:
            self.onset = len(self.after_text)
        if self.onset and not self.is_first_over:
            self.rate_bytes = self.now_bytes / (len(self.after_text) - self.onset + 1)

    def life_ends(self) -> None:
        """Note that all was given back."""
        self.is_first_over = self.is_first_over or bool(self.onset)
        self.now_bytes = 0


def play(scenario: Scenario) -> tuple[list[Record], Truth]:
    """Return the records of a trace and what is true of it."""
    tally = Tally()
    shape = scenario.host
    sound = _torch_records(scenario, tally) if shape is None else _host_records(scenario, shape, tally)
    records = list(blurred(sound, scenario.sensor, Random(f"{scenario.kind} {scenario.seed} sensor")))
    truth = Truth(
        kind=scenario.kind,
        seed=scenario.seed,
        leaks=scenario.leaks,
        onset=tally.onset,
        rate_bytes=tally.rate_bytes,
        leaked_bytes=tuple(tally.after_text),
        card_bytes=scenario.card_bytes,
    )
    return records, truth


# -------------------------------------------------------------------------- with torch


def _torch_records(scenario: Scenario, tally: Tally) -> Iterator[Record]:
    rng = Random(f"{scenario.kind} {scenario.seed}")
    habits = (*scenario.habits, *([] if scenario.leak is None else [_counted(scenario.leak, tally)]))
    kind = Kind(name=scenario.kind, leaks=scenario.leaks, footprint=scenario.footprint, habits=habits)
    card = Card(scenario.card_bytes, scenario.neighbour)
    life, at = 0, 0
    while at < len(scenario.chars):
        child = _started(card, kind, rng, declare=scenario.declare)
        if child is None:
            return
        life += 1
        yield LifeReady(t=card.now_s, life=life, vitals=child.vitals())
        yield _reading(card.now_s, child.device(), child.host_bytes)
        failures = 0
        while at < len(scenario.chars) and failures <= 1:
            if scenario.life_texts and child.texts >= scenario.life_texts:
                break
            at += 1
            is_spoken = yield from _text(scenario, at, child)
            tally.text_ends()
            failures = 0 if is_spoken else failures + 1
            if failures == 1 or (scenario.release_texts and at % scenario.release_texts == 0):
                child.release()
                yield Released(t=card.now_s, vitals=child.vitals(), took_s=0.1)
        child.end()
        tally.life_ends()
        yield LifeEnded(t=card.now_s, life=life, why="oom" if failures > 1 else "recycle")


def _text(scenario: Scenario, at: int, child: ModelChild) -> Generator[Record, None, bool]:
    """Return whether it was spoken."""
    card, chars = child.card, scenario.chars[at - 1]
    yield SegmentBegin(t=card.now_s, segment=at, chars=chars)
    spoken = child.speak(chars)
    if scenario.poll != "after":
        yield _reading(spoken.peak_at_s, spoken.peak, child.host_bytes)
    yield SegmentEnd(t=card.now_s, segment=at, chars=chars, seconds=spoken.audio_s, vitals=spoken.vitals)
    if scenario.poll != "within":
        yield _reading(card.now_s, spoken.after, child.host_bytes)
    if at in scenario.boundaries:
        yield Boundary(t=card.now_s, what=scenario.boundaries[at])
    return not spoken.oom


def _started(card: Card, kind: Kind, rng: Random, *, declare: bool) -> ModelChild | None:
    for _ in range(_PATIENCE):
        try:
            return ModelChild(card, kind, rng, declare=declare)
        except OutOfMemory:
            card.pass_time(_PATIENCE_S)
    return None


def _counted(leak: Maker, tally: Tally) -> Maker:
    """Return the same leak, with what it really takes noted."""

    def make(rng: Random) -> Habit:
        inner = leak(rng)

        def habit(child: ModelChild, tokens: int) -> None:
            allocator = child.allocator
            live, outside, reserved = allocator.live, child.other_bytes, allocator.reserved
            inner(child, tokens)
            taken = allocator.live - live + child.other_bytes - outside
            # A pool that nobody owns any more is reserved and not live.
            tally.now_bytes += taken or allocator.reserved - reserved

        return habit

    return make


def _reading(at_s: float, figures: DeviceFigures, host_bytes: int) -> Reading:
    return Reading(
        t=at_s,
        device_total=figures.total,
        device_used=figures.used,
        child_device=figures.child,
        child_host=host_bytes,
        host_available=_HOST_TOTAL // 2 - host_bytes,
        host_total=_HOST_TOTAL,
    )


# -------------------------------------------------------------------------- without torch


def _host_records(scenario: Scenario, shape: HostShape, tally: Tally) -> Iterator[Record]:
    rng = Random(f"{scenario.kind} {scenario.seed}")
    life, at, now_s = 0, 0, 0.0
    while at < len(scenario.chars):
        child = HostChild(shape, rng)
        life += 1
        now_s += 1.0
        yield LifeReady(t=now_s, life=life, vitals=TraceVitals(host_private=child.private_bytes()))
        while at < len(scenario.chars):
            if scenario.life_texts and child.texts >= scenario.life_texts:
                break
            chars = scenario.chars[at]
            at += 1
            yield SegmentBegin(t=now_s, segment=at, chars=chars)
            child.speak(chars)
            now_s += chars / 50.0
            tally.now_bytes = child.leaked_bytes
            tally.text_ends()
            private_bytes = child.private_bytes()
            yield SegmentEnd(t=now_s, segment=at, chars=chars, seconds=chars / 15.0,
                             vitals=TraceVitals(host_private=private_bytes))  # fmt: skip
            yield Reading(
                t=now_s,
                child_host=private_bytes,
                host_available=_HOST_TOTAL - private_bytes,
                host_total=_HOST_TOTAL,
            )
            if at in scenario.boundaries:
                yield Boundary(t=now_s, what=scenario.boundaries[at])
        tally.life_ends()
        yield LifeEnded(t=now_s, life=life, why="recycle")
