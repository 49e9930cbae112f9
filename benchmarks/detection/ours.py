"""Our policies over a trace, as `tts-supervisor replay` runs them, and what is hidden from them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from supervisor.core.panel import MemoryTerms
from supervisor.core.replaying import steps
from supervisor.core.traces import LifeReady, Reading, Record, Released, SegmentEnd, TraceVitals

Hide = Callable[[Iterable[Record]], list[Record]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """What our policies said over one trace.

    Attributes:
        flags: Segments after which the leak policy was sure.
        first_end: The first segment before or after which a child was to be replaced; 0 if none was.
        ends: How many children were to be replaced.
        why: Of the first flag.
    """

    flags: tuple[int, ...]
    first_end: int
    ends: int
    why: str


def judged(records: Iterable[Record], terms: MemoryTerms) -> Ours:
    """Run the panel over a trace."""
    flags: list[int] = []
    at, first_end, ends, why = 0, 0, 0, ""
    for record, decisions in steps(records, terms):
        if isinstance(record, SegmentEnd):
            at = record.segment
        for decision in decisions:
            if decision.action == "flag":
                flags.append(at)
                why = why or decision.why
            elif decision.action in ("drain", "kill"):
                ends += 1
                first_end = first_end or at
    return Ours(flags=tuple(flags), first_end=first_end, ends=ends, why=why)


def everything(records: Iterable[Record]) -> list[Record]:
    """Hide nothing."""
    return list(records)


def no_declared(records: Iterable[Record]) -> list[Record]:
    """Hide which bytes the engine keeps on purpose."""
    return _with_vitals(records, lambda vitals: msgspec.structs.replace(vitals, declared=None))


def no_processes(records: Iterable[Record]) -> list[Record]:
    """Hide which part of the card is the child's: containers, MIG."""
    return [
        msgspec.structs.replace(record, child_device=None) if isinstance(record, Reading) else record
        for record in records
    ]


def no_torch(records: Iterable[Record]) -> list[Record]:
    """Hide what torch's allocator says; caches with it."""
    return _with_vitals(records, lambda vitals: TraceVitals(host_private=vitals.host_private))


def _with_vitals(records: Iterable[Record], change: Callable[[TraceVitals], TraceVitals]) -> list[Record]:
    changed: list[Record] = []
    for record in records:
        if isinstance(record, LifeReady | SegmentEnd | Released) and record.vitals is not None:
            changed.append(msgspec.structs.replace(record, vitals=change(record.vitals)))
        else:
            changed.append(record)
    return changed


HIDING: Final[dict[str, Hide]] = {
    "ours": everything,
    "ours, no declared caches": no_declared,
    "ours, no per-process figures": no_processes,
    "ours, no figures of torch": no_torch,
}
