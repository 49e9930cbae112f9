"""A job in full, for people and for programs."""

import os
from collections import Counter
from dataclasses import dataclass
from typing import assert_never

import msgspec

from supervisor.cli.words import table
from supervisor.display.words import clock
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import ChapterView, Failure, JobSpec, JobView, Life
from supervisor.narration.degrading import DegradedChapter, StepTaken
from supervisor.narration.plan import BadLine, Span
from supervisor.verify import Verdict

#: Lives shown to people; the last ones tell why it ended as it did.
_LIVES_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What became of the characters of one source.

    Attributes:
        name: Of the source.
        characters: All of them.
        spans: They tile the source: spoken (no reason) or skipped with a reason.
    """

    name: str
    characters: int
    spans: list[Span]

    @property
    def spoken(self) -> int:
        """Return the characters that are spoken."""
        return sum(span.end - span.start for span in self.spans if span.reason is None)

    @property
    def skipped(self) -> dict[str, int]:
        """Return the characters that are not, by reason."""
        counted: Counter[str] = Counter()
        for span in self.spans:
            if span.reason is not None:
                counted[span.reason] += span.end - span.start
        return dict(counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInFull:
    """All that the ledger holds of a job but its texts."""

    view: JobView
    spec: JobSpec
    chapters: list[ChapterView]
    failures: list[Failure]
    bad_lines: list[BadLine]
    manifest: list[Manifest]
    lives: list[Life]
    degraded: list[DegradedChapter]

    def as_json(self) -> dict[str, object]:
        """Return what `jobs/get` answers and, on top, the rest."""
        more: dict[str, object] = {
            "output": self.spec.output,
            "engine": self.spec.engine,
            "voice": self.spec.voice.called,
            "seed": self.spec.seed,
            "chapters": msgspec.to_builtins(self.chapters),
            "failures": msgspec.to_builtins(self.failures),
            "bad_lines": msgspec.to_builtins(self.bad_lines),
            "manifest": [_manifest_json(one) for one in self.manifest],
            "lives": msgspec.to_builtins(self.lives),
            "degraded": msgspec.to_builtins(self.degraded),
        }
        return {**self.view.as_json(), **more}


def _manifest_json(one: Manifest) -> dict[str, object]:
    spans = [{"start": span.start, "end": span.end, "reason": span.reason} for span in one.spans]
    return {
        "name": one.name,
        "characters": one.characters,
        "spoken": one.spoken,
        "skipped": one.skipped,
        "spans": spans,
    }


def job_in_full(ledger: Ledger, view: JobView, spec: JobSpec) -> JobInFull:
    """Read all of a job."""
    spans = list(ledger.spans(view.job))
    manifest = [
        Manifest(
            name=source.name,
            characters=len(source.text),
            spans=[span for span in spans if span.source == number],
        )
        for number, source in enumerate(ledger.sources(view.job))
    ]
    return JobInFull(
        view=view,
        spec=spec,
        chapters=ledger.chapters(view.job),
        failures=ledger.failures(view.job),
        bad_lines=ledger.bad_lines(view.job),
        manifest=manifest,
        lives=ledger.lives(view.job),
        degraded=ledger.degraded(view.job),
    )


def absolute(path: str) -> str:
    """Return a path as jobs are identified by: absolute, links as they are, no slash at its end."""
    return os.path.abspath(path)  # noqa: PTH100 - pathlib has no abspath that leaves links alone


def overview(views: list[JobView], outputs: dict[str, str]) -> list[str]:
    """Return one row a job."""
    rows = [("JOB", "STATE", "SEGMENTS", "FAILED", "AUDIO", "OUTPUT")]
    for view in views:
        done = f"{view.done}/{view.segments}"
        rows.append((view.job, view.state, done, str(view.failed), clock(view.seconds), outputs[view.job]))
    return table([*rows])


def lines(full: JobInFull) -> list[str]:
    """Return a job for people."""
    view, spec = full.view, full.spec
    facts = [
        ("job", view.job),
        ("state", f"{view.state}: {view.error}" if view.error else view.state),
        ("output", spec.output),
        (
            "engine",
            spec.engine
            + (f", voice {spec.voice.called}" if spec.voice.called else "")
            + f", seed {spec.seed}",
        ),
        (
            "segments",
            f"{view.done} of {view.segments} spoken, {view.failed} failed; {clock(view.seconds)} of audio",
        ),
        *(("finished", path) for path in view.outputs),
        *(("source", _source_line(one)) for one in full.manifest),
        *(("degraded", line) for line in degrade_lines(full.degraded)),
        *(("life", f"{life.life}: {life.how}; {life.why}") for life in full.lives[-_LIVES_SHOWN:]),
    ]
    shown = table([*facts])
    shown += ["", *_chapter_lines(full.chapters)]
    shown += [f"line {bad.line}: {bad.message}" for bad in full.bad_lines]
    shown += [
        f"segment {failure.number + 1} ({failure.text_head!r}): {failure.kind} after {failure.attempts} "
        f"attempts: {failure.message}"
        for failure in full.failures
    ]
    return shown


def degrade_lines(degraded: list[DegradedChapter]) -> list[str]:
    """Return a line for each step that was taken."""
    return [
        f"chapter {each.chapter + 1} ({each.title}): {_step(taken)}: {taken.why}"
        for each in degraded
        for taken in each.steps
    ]


def _step(taken: StepTaken) -> str:
    match taken.step:
        case "smaller_segments":
            return f"segments of at most {taken.segment_chars} characters"
        case "24khz":
            return f"spoken at {taken.sample_rate_hz} Hz"
        case _:
            assert_never(taken.step)


def _source_line(one: Manifest) -> str:
    skipped = "".join(f", {number} {reason}" for reason, number in sorted(one.skipped.items()))
    return f"{one.name}: {one.characters} characters, {one.spoken} spoken{skipped}"


def _chapter_lines(chapters: list[ChapterView]) -> list[str]:
    rows = [("CHAPTER", "SEGMENTS", "FAILED", "TITLE")]
    for chapter in chapters:
        done = f"{chapter.done}/{chapter.segments}"
        rows.append((str(chapter.number + 1), done, str(chapter.failed), chapter.title))
    return table([*rows])


def verdict_lines(verdict: Verdict) -> list[str]:
    """Return what `jobs verify` found, for people; the last line is the sum."""
    skipped = sum(verdict.skipped.values())
    fates = [
        ("spoken", verdict.spoken),
        ("failed", verdict.failed),
        ("waiting", verdict.waiting),
        ("skipped", skipped),
    ]
    reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(verdict.skipped.items()))
    told = ", ".join(f"{number} {fate}" for fate, number in fates if number)
    shown = [
        f"{verdict.characters} characters: {told}" + (f" ({reasons})" if reasons else ""),
        f"{verdict.audio_files} segment files have the hash they were recorded with",
        *(f"{path} has the hash it was delivered with" for path in verdict.outputs),
        *(f"changed, since it would not have fitted: {line}" for line in degrade_lines(verdict.degraded)),
        *(f"segment {failure.number + 1} failed: {failure.message}" for failure in verdict.failures),
        *(f"line {bad.line} is bad: {bad.message}" for bad in verdict.bad_lines),
        *(f"problem: {problem}" for problem in verdict.problems),
    ]
    all_well = f"{verdict.job}: every hash is right and every character is accounted for"
    return [*shown, all_well if verdict.ok else f"{verdict.job}: NOT in order, see above"]
