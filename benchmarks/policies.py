"""Our policies and the usual cures, side by side in one simulation, per 1,000 segments.

    python -m benchmarks.policies [--half held-out|training] [--seeds 6] [--segments 1000]

Modelled children (benchmarks/traces/model.py) speak whole jobs on cards of 24 and 16 GB (normal headroom),
12 GB (tight) and, with the figures of the issue, 10 GB. Every rule is given the very same children,
neighbours and texts. What the columns mean is said under the tables. One seed's figures are the same each
time; limits were chosen on the training half alone.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Final

from benchmarks.simulation.cases import BENIGN, LEAKY, Case, case, issue_case
from benchmarks.simulation.job import Rule, Tally, run
from benchmarks.simulation.ours import TEMPLATE_S, Ours
from benchmarks.simulation.rivals import rivals
from benchmarks.traces.model import GIB

#: Seeds of the held-out half begin here; those below are for training.
HELD_OUT: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Cases whose figures are added up.

    Attributes:
        title: For the table.
        card_gib: Of the card.
        names: Kinds of children.
    """

    title: str
    card_gib: int
    names: tuple[str, ...]

    def drafts(self, seeds: Sequence[int], segments: int) -> list["Draft"]:
        """Say which cases to draw."""
        return [
            Draft(name=name, card_gib=self.card_gib, seed=seed, segments=segments)
            for name in self.names
            for seed in seeds
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a case is drawn by: in the process that carries it through."""

    name: str
    card_gib: int
    seed: int
    segments: int

    def case(self) -> Case:
        """Draw it."""
        if self.name == _ISSUE:
            return issue_case(self.seed, segments=self.segments)
        return case(self.name, self.card_gib * GIB, self.seed, segments=self.segments)


#: The kind of the case of the issue.
_ISSUE: Final = "issue"

#: Kinds of a card that others use.
_BESIDE: Final = ("neighbour jobs", "neighbour walk", "beside a neighbour")

GROUPS: Final = (
    *(
        group
        for gib in (24, 16, 12)
        for group in (
            Group(title=f"{gib} GB, benign", card_gib=gib, names=tuple(BENIGN)),
            Group(title=f"{gib} GB, leaky", card_gib=gib, names=tuple(LEAKY)),
        )
    ),
    Group(title="10 GB, the case of the issue", card_gib=10, names=(_ISSUE,)),
    Group(title="16 GB, the shared ones of them", card_gib=16, names=_BESIDE),
    Group(title="12 GB, the shared ones of them", card_gib=12, names=_BESIDE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One rule in one group."""

    group: str
    rule: str
    tally: Tally


def _ours(start_s: float) -> list[tuple[Rule, bool]]:
    """Return our panel: in full, without declared caches, without what the driver says of each process."""
    return [
        (Ours("ours", start_s=start_s), True),
        (Ours("ours, caches undeclared", start_s=start_s), False),
        (Ours("ours, no figures per process", start_s=start_s, hidden=True), True),
    ]


def rules(which: str, start_s: float) -> list[tuple[Rule, bool]]:
    """Return rules made anew, each with whether caches are declared to it."""
    ours = _ours(start_s)
    if which == "ours":
        return ours[:1]
    return [*ours, *((rule, True) for rule in rivals())]


def tallied(draft: Draft, which: str, start_s: float) -> list[tuple[str, Tally]]:
    """Carry a case through under every rule."""
    found: list[tuple[str, Tally]] = []
    one = draft.case()
    for rule, declare in rules(which, start_s):
        tally = run(one, rule, declare=declare)
        if isinstance(rule, Ours):
            tally.why.update(rule.why)
        found.append((rule.name, tally))
    return found


def simulate(title: str, drafts: Sequence[Draft], *, which: str, start_s: float, processes: int) -> list[Row]:
    """Carry the cases of a group through; return one row a rule."""
    sums: dict[str, Tally] = {}
    with ProcessPoolExecutor(processes) as pool:
        for result in pool.map(tallied, drafts, repeat(which), repeat(start_s)):
            for name, tally in result:
                sums.setdefault(name, Tally()).add(tally)
    return [Row(group=title, rule=name, tally=tally) for name, tally in sums.items()]


# ------------------------------------------------------------------------------ the tables

_COLUMNS: Final[dict[str, Callable[[Tally], str]]] = {
    "OOM": lambda tally: f"{tally.per_thousand('oom'):.2f}",
    "OOM, a neighbour within the segment": lambda tally: f"{tally.per_thousand('oom_neighbour'):.2f}",
    "recycles within a segment": lambda tally: f"{tally.per_thousand('kills'):.2f}",
    "between segments (at no boundary)": lambda tally: (
        f"{tally.per_thousand('recycles'):.2f} ({tally.per_thousand('in_paragraph'):.2f})"
    ),
    "for a neighbour's growth": lambda tally: f"{tally.per_thousand('baseless'):.2f}",
    "spoken in vain": lambda tally: (
        f"{sum(tally.per_thousand(name) for name in ('oom', 'oom_neighbour', 'kills')):.2f}"
    ),
    "never spoken": lambda tally: f"{tally.per_thousand('given_up'):.2f}",
    "seconds lost": lambda tally: f"{tally.per_thousand('lost_s'):.0f}",
    "pauses": lambda tally: f"{tally.per_thousand('waits'):.2f}",
}

LEGEND: Final = """\
All per 1,000 segments. OOM: errors that a segment met (the same text again counts again). A neighbour within
the segment: others grew between its begin and its peak by what was missing; no policy can know that. For a
neighbour's growth: recycles of a child on a shared card that had itself kept less than 64 MiB. Spoken in
vain: thrown away and spoken again. Never spoken: three tries failed, or refused. Seconds lost: all beyond
what the texts take undisturbed."""


def table(rows: Sequence[Row]) -> str:
    """Return the rows of one group as a table in Markdown."""
    lines = ["| rule | " + " | ".join(_COLUMNS) + " |", "|---|" + "---:|" * len(_COLUMNS)]
    lines += [
        f"| {row.rule} | " + " | ".join(show(row.tally) for show in _COLUMNS.values()) + " |" for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--half", choices=("held-out", "training"), default="held-out")
    parser.add_argument("--seeds", type=int, default=6, help="of each kind")
    parser.add_argument("--segments", type=int, default=1000)
    parser.add_argument("--rules", choices=("all", "ours"), default="all")
    parser.add_argument("--start-s", type=float, default=TEMPLATE_S, help="from one child to the next, ours")
    parser.add_argument("--group", default="", help="only groups whose title holds this")
    parser.add_argument("--kinds", default="", help="only these kinds, by commas")
    parser.add_argument("--why", action="store_true", help="also what our panel decided, and how often")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    asked = parser.parse_args()
    first = HELD_OUT if asked.half == "held-out" else 0
    seeds = range(first, first + asked.seeds)
    groups = [group for group in GROUPS if asked.group in group.title]
    if asked.kinds:
        groups = [
            Group(title=f"{group.title}: {name}", card_gib=group.card_gib, names=(name,))
            for group in groups
            for name in group.names
            if name in asked.kinds.split(",")
        ]
    print(f"{asked.half} half, {asked.seeds} seeds of each kind, {asked.segments} segments each\n")
    for group in groups:
        drafts = group.drafts(seeds, asked.segments)
        rows = simulate(
            group.title, drafts, which=asked.rules, start_s=asked.start_s, processes=asked.processes
        )
        print(f"**{group.title}**\n\n{table(rows)}\n", flush=True)
        if asked.why:
            for row in rows:
                if row.tally.why:
                    print(f"{row.rule}: {dict(row.tally.why.most_common())}\n", flush=True)
    print(LEGEND)


if __name__ == "__main__":
    main()
