"""How well leaks are told from everything else: our policies and the usual rules, on the same traces.

    python -m benchmarks.leaks [--half held-out] [--seeds 30] [--jobs 2] [--kinds] [--json]

Traces are drawn by seed, with ground truth (benchmarks/traces/corpus.py). Ours is judged as
`tts-supervisor replay` runs it, by the panel's `flag`, with the configuration as shipped; a usual
rule by its alarms. Rules were tuned on the training half; what counts is the held-out half.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Final

from benchmarks.detection.ours import HIDING, judged
from benchmarks.detection.score import NEIGHBOURS, Score, quantile
from benchmarks.detection.usual import USUAL, Rule, alarms
from benchmarks.traces.corpus import KINDS, Half, drawn, seeds
from benchmarks.traces.recording import play
from benchmarks.traces.scenario import Truth
from supervisor.config import load_config
from supervisor.config.memoryterms import memory_terms
from supervisor.core.panel import MemoryTerms
from supervisor.core.traces import Record

_GIB: Final = 2**30
_HOST_TOTAL: Final = 32 * _GIB

#: What is told by kind is told of this one.
_OURS: Final = "ours"


@dataclass(slots=True, kw_only=True)
class Row:
    """One rule: its score, over all kinds and by kind, and how often it would have ended a child.

    Attributes:
        whole: Over all kinds.
        by_kind: Over each.
        benign_ends: Ends of a child in benign traces, by any policy.
        neighbour_ends: Of these, where only others moved.
        silent_ends: Leaky traces in which a child was to end before the leak policy was sure, if ever.
    """

    whole: Score = field(default_factory=Score)
    by_kind: dict[str, Score] = field(default_factory=dict[str, Score])
    benign_ends: int = 0
    neighbour_ends: int = 0
    silent_ends: int = 0

    def take(self, truth: Truth, found: Sequence[int]) -> None:
        """Count the alarms of one trace."""
        self.whole.take(truth, found)
        self.by_kind.setdefault(truth.kind, Score()).take(truth, found)

    def merge(self, other: "Row") -> None:
        """Add what another process counted."""
        self.whole.merge(other.whole)
        for kind, score in other.by_kind.items():
            self.by_kind.setdefault(kind, Score()).merge(score)
        self.benign_ends += other.benign_ends
        self.neighbour_ends += other.neighbour_ends
        self.silent_ends += other.silent_ends


@cache
def terms() -> MemoryTerms:
    """Return what the panel works under with the configuration as shipped."""
    return memory_terms(load_config(environ={}), host_total_bytes=_HOST_TOTAL)


def judge_kind(kind: str, *, half: Half, count: int, texts: int | None, usual: bool) -> dict[str, Row]:
    """Judge all traces of a kind by every rule."""
    rows: dict[str, Row] = {}
    for seed in seeds(half, count):
        records, truth = play(drawn(kind, seed, texts=texts))
        for name, hide in HIDING.items():
            _judge_ours(rows.setdefault(name, Row()), hide(records), truth)
        for name, make in USUAL.items() if usual else ():
            rows.setdefault(name, Row()).take(truth, _usual(records, make, truth))
    return rows


def _judge_ours(row: Row, records: Iterable[Record], truth: Truth) -> None:
    ours = judged(records, terms())
    row.take(truth, ours.flags)
    if not truth.leaks:
        row.benign_ends += ours.ends
        row.neighbour_ends += ours.ends if truth.kind in NEIGHBOURS else 0
    elif ours.first_end and not any(flag <= ours.first_end for flag in ours.flags):
        row.silent_ends += 1


def _usual(records: Sequence[Record], make: Callable[[], Rule], truth: Truth) -> list[int]:
    return list(alarms(records, make, truth.card_bytes))


# -------------------------------------------------------------------------- words


_HEAD: Final = (
    f"{'rule':46} {'false':>7} {'/10k':>6} {'recall':>7} {'>=4MB':>7} {'prec.':>7} "
    f"{'delay 50/90':>12} {'MB 50/90':>11} {'others':>6} {'ends':>5}"
)


def _line(name: str, row: Row) -> str:
    score = row.whole
    delays = f"{quantile(score.delays, 0.5):.0f}/{quantile(score.delays, 0.9):.0f}"
    leaked = f"{quantile(score.leaked_mib, 0.5):.0f}/{quantile(score.leaked_mib, 0.9):.0f}"
    return (
        f"{name:46} {score.false_rate:7.1%} {score.per_10k:6.2f} {score.recall:7.1%} "
        f"{score.strong_recall:7.1%} {score.precision:7.1%} {delays:>12} {leaked:>11} "
        f"{score.neighbour:6} {row.benign_ends:5}"
    )


def _kinds(row: Row) -> str:
    lines = [f"\n{'kind':18} {'alarms':>9} {'delay 50/90':>12} {'MB 50/90':>11}  what it is"]
    for kind, score in row.by_kind.items():
        seen = score.false_traces if not KINDS[kind].leaks else score.found
        count = score.benign + score.leaky
        delays = f"{quantile(score.delays, 0.5):.0f}/{quantile(score.delays, 0.9):.0f}"
        leaked = f"{quantile(score.leaked_mib, 0.5):.0f}/{quantile(score.leaked_mib, 0.9):.0f}"
        figures = f"{delays:>12} {leaked:>11}" if KINDS[kind].leaks else f"{'':24}"
        lines.append(f"{kind:18} {seen:>4}/{count:<4} {figures}  {KINDS[kind].about}")
    return "\n".join(lines)


def _as_json(row: Row) -> dict[str, object]:
    score = row.whole
    return {
        "benign_traces": score.benign,
        "benign_segments": score.benign_segments,
        "false_traces": score.false_traces,
        "false_alarms": score.false_alarms,
        "leaky_traces": score.leaky,
        "found": score.found,
        "strong": score.strong,
        "strong_found": score.strong_found,
        "early": score.early,
        "precision": score.precision,
        "delay_p50": quantile(score.delays, 0.5),
        "delay_p90": quantile(score.delays, 0.9),
        "leaked_mib_p50": quantile(score.leaked_mib, 0.5),
        "leaked_mib_p90": quantile(score.leaked_mib, 0.9),
        "neighbour_alarms": score.neighbour,
        "benign_ends": row.benign_ends,
        "neighbour_ends": row.neighbour_ends,
        "silent_ends": row.silent_ends,
        "false": score.false,
        "missed": score.missed,
    }


def main() -> None:
    """Judge, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--half", choices=("train", "held-out"), default="held-out")
    parser.add_argument("--seeds", type=int, default=30, help="traces of each kind")
    parser.add_argument("--texts", type=int, default=None, help="texts of a trace, instead of 500 or 5,000")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", nargs="*", default=list(KINDS), metavar="KIND")
    parser.add_argument("--ours", action="store_true", help="leave the usual rules out")
    parser.add_argument("--kinds", action="store_true", help="tell ours by kind, and what it got wrong")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    begun_s = time.monotonic()
    judge = partial(judge_kind, half=args.half, count=args.seeds, texts=args.texts, usual=not args.ours)
    rows: dict[str, Row] = {}
    with ProcessPoolExecutor(args.jobs) as pool:
        for of_kind in pool.map(judge, args.only):
            for name, row in of_kind.items():
                rows.setdefault(name, Row()).merge(row)
    if args.json:
        print(json.dumps({name: _as_json(row) for name, row in rows.items()}, indent=1))
        return
    print(_HEAD, *(_line(name, row) for name, row in rows.items()), sep="\n")
    ours = rows[_OURS]
    if args.kinds:
        print(_kinds(ours))
        for name in HIDING:
            print(f"\n{name}: false {rows[name].whole.false}\n  missed {rows[name].whole.missed}")
            print(
                f"  ends in benign traces {rows[name].benign_ends}, where only others moved "
                f"{rows[name].neighbour_ends}; leaks that ended a child unnamed {rows[name].silent_ends}"
            )
    score = ours.whole
    print(
        f"\n{args.half}: {score.benign} benign traces ({score.benign_segments} segments), "
        f"{score.leaky} with a leak; {time.monotonic() - begun_s:.0f} s"
    )


if __name__ == "__main__":
    main()
