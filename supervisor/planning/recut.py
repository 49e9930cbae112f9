"""Cut one chapter of a job otherwise while the job is being spoken, and keep that for good.

All is planned again from the texts in the ledger, so that every span and number fits; what comes
out for the other chapters must be what is there already, or nothing is done.
"""

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import assert_never

import msgspec

from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_degrade import ChapterBegun
from supervisor.edge.ledger_plan import keyed_segments
from supervisor.edge.ledger_values import JobSpec, StoredChapter
from supervisor.errors import SupervisorError
from supervisor.narration.degrading import (
    RATE_SETTING,
    Degrade,
    Recut,
    StepTaken,
    chars_of,
    found_again,
    places_of,
    with_rates,
)
from supervisor.narration.fitting import PLAIN_ENGINES
from supervisor.narration.plan import Plan, PlannedChapter, Source, VoiceSpec
from supervisor.planning.read import Asked, plan_inputs
from supervisor.planning.recordings import Passed, Stored
from supervisor.policy.degrade import LEAST_CHARS, LOWER_RATE_HZ, Step, next_step, smaller_chars


class RecutOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the parent asks for.

    Attributes:
        state: The state folder.
        job: Which; planned.
        chapter: Number of the chapter whose text would fit no fresh child.
        steps: `degrade.steps`.
        segment_chars: `narration.segment_chars`, which the job was planned with.
        rate_hz: That the engine's settings tell it; None = it has no such setting.
        at_s: Now, seconds since the epoch.
        why: What the text needs and what there is.
    """

    state: str
    job: str
    chapter: int
    steps: list[Step]
    segment_chars: int
    rate_hz: int | None
    at_s: float
    why: str


class OtherCuts(SupervisorError):
    """The stored texts are cut otherwise than they were when the job was planned."""


def recut(order: RecutOrder) -> Recut:
    """Take the next step for a chapter, if there is one; durable when this returns.

    Raises:
        SupervisorError: If it cannot; nothing was changed then.
    """
    with closing(Ledger.open(Path(order.state))) as ledger:
        spec = ledger.spec(order.job)
        stored = ledger.stored_chapters(order.job)
        if spec is None or not order.chapter < len(stored):
            raise SupervisorError(f"job {order.job} has no chapter {order.chapter + 1} any more")
        return _Recutting(order, ledger, spec, stored).run()


class _Recutting:
    """What is known of the job."""

    def __init__(
        self, order: RecutOrder, ledger: Ledger, spec: JobSpec, stored: Sequence[StoredChapter]
    ) -> None:
        self._order = order
        self._ledger = ledger
        self._spec = spec
        self._stored = stored
        self._segments = list(ledger.segments(order.job))

    def run(self) -> Recut:
        order, chapter = self._order, self._order.chapter
        degrades = found_again(
            self._stored, self._ledger.kept_degrades(order.job, self._spec.engine_identity)
        )
        now = degrades.get(chapter) or _untouched(places_of(self._stored)[chapter])
        longest_chars = max(len(segment.text) for segment in self._segments if segment.chapter == chapter)
        rate_hz = now.sample_rate_hz or self._told_hz()
        step = next_step(order.steps, longest_chars=longest_chars, rate_hz=rate_hz)
        if step is None:
            why = [_why_not(step, self._spec.engine, longest_chars, rate_hz) for step in order.steps]
            return Recut(chapter=chapter, why="; ".join(why) or "degrade.steps is empty")
        return self._save(degrades | {chapter: self._taken(now, step, longest_chars)})

    def _taken(self, now: Degrade, step: Step, longest_chars: int) -> Degrade:
        order = self._order
        if step == "smaller_segments":
            now = msgspec.structs.replace(now, segment_chars=smaller_chars(longest_chars))
        else:
            now = msgspec.structs.replace(now, sample_rate_hz=LOWER_RATE_HZ, full_rate_hz=self._told_hz())
        taken = StepTaken(
            step=step,
            segment_chars=now.segment_chars,
            sample_rate_hz=now.sample_rate_hz,
            at_s=order.at_s,
            why=order.why,
        )
        return msgspec.structs.replace(now, steps=[*now.steps, taken])

    def _told_hz(self) -> int | None:
        """Return the rate that the engine is told for the chapter, its own wish first."""
        asked = self._stored[self._order.chapter].settings.get(RATE_SETTING)
        return asked if isinstance(asked, int) and self._order.rate_hz else self._order.rate_hz

    def _save(self, degrades: dict[int, Degrade]) -> Recut:
        chapter = self._order.chapter
        kept = degrades[chapter]
        plan = with_rates(self._plan(chars_of(degrades)), {chapter: kept})
        self._must_leave_the_others(plan)
        try:
            self._ledger.save_recut(self._spec, plan, chapter, kept)
        except ChapterBegun as error:
            return Recut(chapter=chapter, why=str(error))
        return Recut(
            chapter=chapter,
            step=kept.steps[-1].step,
            segment_chars=kept.segment_chars,
            sample_rate_hz=kept.sample_rate_hz,
            segments=len(plan.chapters[chapter].segments),
        )

    def _plan(self, chapter_chars: dict[int, int]) -> Plan:
        asked = Asked(
            voice=self._spec.voice,
            seed=self._spec.seed,
            segment_chars=self._order.segment_chars,
            chapter_chars=chapter_chars,
            names_files=self._spec.output.endswith("/"),
        )
        job, here = self._order.job, Path(self._spec.folder)
        inputs = [_StoredInput(source, here) for source in self._ledger.sources(job)]
        is_plain = self._spec.engine in PLAIN_ENGINES
        recordings = Passed() if is_plain else Stored(spoken_voices(self._ledger, job), here)
        plan = plan_inputs(inputs, asked, recordings)
        if len(plan.chapters) != len(self._stored):
            raise self._other_cuts()
        pairs = zip(plan.chapters, self._stored, strict=True)
        return replace(plan, chapters=tuple(_as_stored(new, old) for new, old in pairs))

    def _must_leave_the_others(self, plan: Plan) -> None:
        there = [(each.chapter, each.key, each.start, each.end, each.pause) for each in self._segments]
        rows = keyed_segments(self._spec, plan).rows
        planned = [(place, key, start, end, pause) for _, _, place, key, _, _, pause, _, start, end in rows]
        chapter = self._order.chapter
        if [each for each in there if each[0] != chapter] != [each for each in planned if each[0] != chapter]:
            raise self._other_cuts()

    def _other_cuts(self) -> OtherCuts:
        return OtherCuts(
            f"job {self._order.job} is cut otherwise now than when it was planned (this program or "
            "narration.segment_chars was changed meanwhile); run the same command again"
        )


def spoken_voices(ledger: Ledger, job: str) -> list[VoiceSpec]:
    """Return the voices that a job was planned with; of a job that is not there, none."""
    spec = ledger.spec(job)
    of_all = [] if spec is None else [spec.voice]
    return of_all + [chapter.voice for chapter in ledger.stored_chapters(job)]


class _StoredInput:
    """A source of the ledger as an input: its text, and a name that tells how to read it."""

    def __init__(self, source: Source, here: Path) -> None:
        self.name = source.name
        self.text = source.text
        # Texts that never were in a file have names without a suffix.
        self.path = os.path.abspath(here / source.name) if "." in source.name else None  # noqa: PTH100 -- as jobs retry has it


def _untouched(place: str) -> Degrade:
    return Degrade(place=place, segment_chars=None, sample_rate_hz=None, full_rate_hz=None, steps=[])


def _as_stored(new: PlannedChapter, old: StoredChapter) -> PlannedChapter:
    # What was found when the job was planned (a recording's path, say) stays as it was found.
    return replace(
        new,
        title=old.title,
        name=old.name,
        voice=old.voice,
        sample_rate_hz=old.sample_rate_hz,
        settings=old.settings,
    )


def _why_not(step: Step, engine: str, longest_chars: int, rate_hz: int | None) -> str:
    match step:
        case "smaller_segments":
            return f"its longest segment has {longest_chars} characters, and {LEAST_CHARS} is the least"
        case "24khz":
            told = f"{engine} cannot be told a rate" if rate_hz is None else f"it is spoken at {rate_hz} Hz"
            return f"no lower rate: {told}"
        case _:
            assert_never(step)
