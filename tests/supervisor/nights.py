"""Traces that tests replay and draw: a night with a leak, a neighbour and several lives."""

import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from supervisor.core.memoryterms import MemoryTerms
from supervisor.core.traces import (
    Boundary,
    Decided,
    LifeEnded,
    LifeReady,
    Reading,
    Record,
    SegmentBegin,
    SegmentEnd,
    TraceVitals,
    encode,
)
from supervisor.policy.leak import LeakLimits
from supervisor.policy.watermark import WatermarkLimits

MIB, GIB = 2**20, 2**30

CARD_BYTES = 12 * GIB

#: Recorded where the live run replaced a child.
LIVE_WHY = "as the live run saw it"


def shares(total_bytes: int) -> WatermarkLimits:
    """Marks at 85 % and 95 %."""
    return WatermarkLimits(soft_bytes=total_bytes * 85 // 100, hard_bytes=total_bytes * 95 // 100)


TERMS = MemoryTerms(
    host=shares,
    device=shares,
    host_total_bytes=64 * GIB,
    leak=lambda _: LeakLimits(live_bytes=192 * MIB, other_bytes=256 * MIB),
)


def night(
    *, segments: int, leak_bytes: int = 40 * MIB, life_segments: int = 60, seed: int = 0
) -> Iterator[Record]:
    """Return a trace: a life every `life_segments`, a neighbour in the third quarter, a paragraph every 3."""
    chance = random.Random(seed)
    t, life, live = 0.0, 0, 0
    for segment in range(segments):
        if segment % life_segments == 0:
            if life:
                yield Decided(t=t, action="drain", policy="lookahead", why=LIVE_WHY)
                yield LifeEnded(t=t, life=life, why="leak")
            life, live, t = life + 1, 4 * GIB, t + 1.0
            yield LifeReady(t=t, life=life)
        chars = chance.randint(30, 190)
        neighbour = 2 * GIB if 0.5 < segment / segments < 0.75 else GIB
        yield SegmentBegin(t=t, segment=segment, chars=chars)
        for _ in range(3):
            t += 0.5
            own = live + GIB
            yield Reading(
                t=t,
                device_total=CARD_BYTES,
                device_used=own + neighbour,
                child_device=own,
                child_host=2 * GIB,
                host_available=8 * GIB,
                host_total=32 * GIB,
            )
        live += leak_bytes
        yield SegmentEnd(t=t, segment=segment, chars=chars, seconds=chars * 0.06, vitals=_vitals(live, chars))
        if segment % 3 == 2:
            yield Boundary(t=t, what="paragraph")
    yield LifeEnded(t=t, life=life, why="end of the work")


def _vitals(live: int, chars: int) -> TraceVitals:
    return TraceVitals(
        live=live, reserved=live + GIB // 2, peak=live + chars * MIB, declared=80 * MIB, host_private=2 * GIB
    )


def write(path: Path, records: Iterable[Record]) -> Path:
    """Write a trace and return its path."""
    path.write_bytes(b"".join(map(encode, records)))
    return path
