"""Rates of a rule over many traces."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.traces.allocator import MIB
from benchmarks.traces.scenario import Truth

#: A leak of this many bytes a segment must never be missed.
STRONG_BYTES: Final = 4 * MIB

#: Kinds in which others move and nothing of ours does.
NEIGHBOURS: Final = frozenset({"jobs", "walk", "at boundaries"})


@dataclass(slots=True, kw_only=True)
class Score:
    """What became of a rule's alarms.

    Attributes:
        benign: Traces without a leak.
        benign_segments: In them.
        false_traces: Of them, with an alarm.
        false_alarms: In them.
        early: Traces with a leak where the first alarm came before it began.
        leaky: Traces with a leak.
        found: Of them, with an alarm after it began and none before.
        strong: Of the leaky, with `STRONG_BYTES` a segment and more.
        strong_found: Of these, found.
        delays: Segments from the first that leaked to the alarm.
        leaked_mib: In the life under way, at the alarm.
        neighbour: Alarms in traces where only others moved.
        missed: Kind, seed and rate of what was not found.
        false: Kind and seed of false alarms.
    """

    benign: int = 0
    benign_segments: int = 0
    false_traces: int = 0
    false_alarms: int = 0
    early: int = 0
    leaky: int = 0
    found: int = 0
    strong: int = 0
    strong_found: int = 0
    delays: list[int] = field(default_factory=list[int])
    leaked_mib: list[float] = field(default_factory=list[float])
    neighbour: int = 0
    missed: list[str] = field(default_factory=list[str])
    false: list[str] = field(default_factory=list[str])

    def take(self, truth: Truth, alarms: Sequence[int]) -> None:
        """Count one trace.

        Args:
            truth: Of it.
            alarms: The segments of its alarms, in order.
        """
        if truth.leaks:
            self._take_leaky(truth, alarms)
        else:
            self._take_benign(truth, alarms)

    def _take_benign(self, truth: Truth, alarms: Sequence[int]) -> None:
        self.benign += 1
        self.benign_segments += len(truth.leaked_bytes)
        self.false_alarms += len(alarms)
        self.false_traces += bool(alarms)
        if alarms:
            self.false.append(f"{truth.kind} {truth.seed}")
        if truth.kind in NEIGHBOURS:
            self.neighbour += len(alarms)

    def _take_leaky(self, truth: Truth, alarms: Sequence[int]) -> None:
        is_strong = truth.rate_bytes >= STRONG_BYTES
        is_early = bool(alarms) and alarms[0] < truth.onset
        is_found = bool(alarms) and not is_early
        self.leaky += 1
        self.strong += is_strong
        self.early += is_early
        if is_early:
            self.false.append(f"{truth.kind} {truth.seed}, before the leak")
        if not is_found:
            self.missed.append(f"{truth.kind} {truth.seed} ({truth.rate_bytes / MIB:.2g} MB)")
            return
        self.found += 1
        self.strong_found += is_strong
        self.delays.append(alarms[0] - truth.onset)
        self.leaked_mib.append(truth.leaked_bytes[alarms[0] - 1] / MIB)

    def merge(self, other: "Score") -> None:
        """Add what another process counted."""
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    # ------------------------------------------------------------------ rates

    @property
    def false_rate(self) -> float:
        """Benign traces with an alarm, as a share."""
        return self.false_traces / self.benign if self.benign else 0.0

    @property
    def per_10k(self) -> float:
        """False alarms in 10,000 benign segments."""
        return 10_000 * self.false_alarms / self.benign_segments if self.benign_segments else 0.0

    @property
    def recall(self) -> float:
        """Leaks found, as a share."""
        return self.found / self.leaky if self.leaky else 0.0

    @property
    def strong_recall(self) -> float:
        """Strong leaks found, as a share."""
        return self.strong_found / self.strong if self.strong else 0.0

    @property
    def precision(self) -> float:
        """Traces with an alarm that have a leak, as a share."""
        alarmed = self.found + self.early + self.false_traces
        return self.found / alarmed if alarmed else 0.0


def quantile(figures: Sequence[float], share: float) -> float:
    """Return the figure that such a share lies at or below; not a number if there is none."""
    if not figures:
        return float("nan")
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
