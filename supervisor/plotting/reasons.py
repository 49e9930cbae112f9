"""Decisions as the rows of a table: a row a reason, few enough to be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from supervisor.plotting.story import Mark

#: Hardest first: where there is no room for all, these stay.
HARDEST_FIRST: Final = ("kill", "refuse", "drain", "pause", "resume", "flag", "clean")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One decision, or several of a kind.

    Attributes:
        number: In the picture, from 1.
        marks: Of it, at least one.
    """

    number: int
    marks: tuple[Mark, ...]

    @property
    def first(self) -> Mark:
        """The first of them: its time and its reason stand for all."""
        return self.marks[0]


def rows_of(marks: Sequence[Mark], most: int) -> tuple[list[Row], int]:
    """Return at most `most` rows in order of time, and how many decisions are in none of them.

    Equal decisions in a row share one; where that is not few enough, all of an action and policy do.
    """
    ordered = sorted(marks, key=lambda mark: mark.x)
    groups = [tuple(group) for _, group in groupby(ordered, key=_kind)]
    if len(groups) > most:
        ordered.sort(key=_kind)  # stable: within a kind the order of time stays
        groups = sorted(
            (tuple(group) for _, group in groupby(ordered, key=_kind)), key=lambda group: group[0].x
        )
    kept = sorted(range(len(groups)), key=lambda at: (_softness(groups[at][0]), at))[:most]
    rows = [Row(number=number, marks=groups[at]) for number, at in enumerate(sorted(kept), start=1)]
    return rows, len(marks) - sum(len(row.marks) for row in rows)


def _kind(mark: Mark) -> tuple[str, str]:
    return mark.action, mark.policy


def _softness(mark: Mark) -> int:
    return HARDEST_FIRST.index(mark.action) if mark.action in HARDEST_FIRST else len(HARDEST_FIRST)
