"""Chapters that are spoken otherwise than asked for, and how each is found again in a later plan.

A chapter is known by its title (a JSONL line by its name) and by how many of that title stand
before it, not by its number: text that is added elsewhere must not undo what was decided.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import msgspec

from supervisor.narration.plan import Plan, PlannedChapter
from supervisor.policy.degrade import Step

#: The setting by which an engine is told a rate; one that has no such setting cannot be told.
RATE_SETTING = "sample_rate"


class StepTaken(msgspec.Struct, frozen=True, kw_only=True):
    """One step.

    Attributes:
        step: Which.
        segment_chars: Most characters of a segment from then on; None = as the job's.
        sample_rate_hz: That the engine is told from then on; None = its own.
        at_s: Seconds since the epoch.
        why: What the text would have needed, and what there was.
    """

    step: Step
    segment_chars: int | None
    sample_rate_hz: int | None
    at_s: float
    why: str


class Degrade(msgspec.Struct, frozen=True, kw_only=True):
    """How a chapter is spoken, kept for later plans of the job.

    Attributes:
        place: Which chapter: one of `places_of`.
        segment_chars: Most characters of a segment; None = as the job's.
        sample_rate_hz: That the engine is told; None = its own.
        full_rate_hz: That it would have spoken at; None = the rate is its own.
        steps: That led there, in order.
    """

    place: str
    segment_chars: int | None
    sample_rate_hz: int | None
    full_rate_hz: int | None
    steps: list[StepTaken]


class DegradedChapter(msgspec.Struct, frozen=True, kw_only=True):
    """A chapter of the present plan that is spoken otherwise than asked for.

    Attributes:
        chapter: Its number, from 0.
        title: For people.
        steps: That were taken, in order; the last says how it is spoken.
    """

    chapter: int
    title: str
    steps: list[StepTaken]


class Recut(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the wish to degrade a chapter.

    Attributes:
        chapter: Its number.
        step: That was taken, durably; None = none, and nothing has changed.
        segment_chars: As in `StepTaken`.
        sample_rate_hz: As in `StepTaken`.
        segments: Of the chapter now.
        why: Why no step was taken; empty if one was.
    """

    chapter: int
    step: Step | None = None
    segment_chars: int | None = None
    sample_rate_hz: int | None = None
    segments: int = 0
    why: str = ""


class Named(Protocol):
    """A chapter, planned or stored."""

    @property
    def title(self) -> str: ...  # noqa: D102 -- as in PlannedChapter
    @property
    def name(self) -> str | None: ...  # noqa: D102 -- likewise


def places_of(chapters: Sequence[Named]) -> list[str]:
    """Return by what each chapter of a plan is found again in another plan of the same job."""
    seen: Counter[str] = Counter()
    places: list[str] = []
    for chapter in chapters:
        name = chapter.name or chapter.title
        places.append(json.dumps([name, seen[name]]))
        seen[name] += 1
    return places


def found_again(chapters: Sequence[Named], kept: Sequence[Degrade]) -> dict[int, Degrade]:
    """Return what is kept of the chapters of a plan, by their numbers."""
    by_place = {each.place: each for each in kept}
    places = enumerate(places_of(chapters))
    return {number: by_place[place] for number, place in places if place in by_place}


def chars_of(degrades: Mapping[int, Degrade]) -> dict[int, int]:
    """Return the most characters of a segment, by the numbers of chapters that have their own."""
    return {number: each.segment_chars for number, each in degrades.items() if each.segment_chars is not None}


def with_rates(plan: Plan, degrades: Mapping[int, Degrade]) -> Plan:
    """Return the plan with the rates that the engine is told."""
    chapters = tuple(
        _with_rate(chapter, degrades.get(number)) for number, chapter in enumerate(plan.chapters)
    )
    return replace(plan, chapters=chapters)


def _with_rate(chapter: PlannedChapter, degrade: Degrade | None) -> PlannedChapter:
    if degrade is None or degrade.sample_rate_hz is None:
        return chapter
    return replace(chapter, settings={**chapter.settings, RATE_SETTING: degrade.sample_rate_hz})
