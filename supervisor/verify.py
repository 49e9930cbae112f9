"""Prove what a job claims: every hash once more, and what became of every character.

A character is in order if exactly one span has it, and if that span is skipped with a reason or
lies within exactly one segment, whose audio is there or which failed with a reason.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import msgspec

from supervisor.edge.audiofile import sha256_of_file
from supervisor.edge.ledger import Ledger, LedgerError
from supervisor.edge.ledger_values import Delivery, Failure, SegmentState, StoredSegment
from supervisor.edge.statefolder import StateFolder
from supervisor.narration.degrading import DegradedChapter
from supervisor.narration.plan import BadLine, Span


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found.

    Attributes:
        job: Which.
        ok: Whether there are no problems; what failed with a reason is none.
        characters: Of all sources; if `ok`, the sum of the next four.
        spoken: Characters whose audio is there.
        failed: Characters of segments that were set aside.
        waiting: Characters that are still to be spoken.
        skipped: Characters that are not to be spoken, by reason.
        segments: Segments by state: `done`, `failed`, `waiting`.
        audio_files: Segment files whose hash was right.
        outputs: Finished files whose hash was right.
        failures: What was set aside, with the reason.
        bad_lines: JSONL lines that could not be read.
        degraded: Chapters that are spoken otherwise than asked for, with the steps and why.
        problems: What is wrong, a sentence each.
    """

    job: str
    ok: bool
    characters: int
    spoken: int
    failed: int
    waiting: int
    skipped: dict[str, int]
    segments: dict[SegmentState, int]
    audio_files: int
    outputs: list[str]
    failures: list[Failure]
    bad_lines: list[BadLine]
    degraded: list[DegradedChapter]
    problems: list[str]

    def as_json(self) -> object:
        """Return the object that `jobs verify --json` prints."""
        return msgspec.to_builtins(self)


def verify_job(ledger: Ledger, state: StateFolder, job: str) -> Verdict:
    """Recompute every hash of a job and account for every character of its sources.

    Raises:
        LedgerError: If there is no such job.
    """
    view = ledger.view(job)
    if view is None:
        raise LedgerError(f"there is no job {job}")
    inquiry = _Inquiry(ledger, state, job)
    inquiry.hear_segments()
    inquiry.read_sources()
    inquiry.weigh_outputs(all_expected=view.state == "done")
    return inquiry.verdict()


class _Stretch(msgspec.Struct, frozen=True, order=True):
    """The part of a source that a segment speaks, in the order of the source."""

    start: int
    end: int
    number: int
    state: SegmentState


class _Inquiry:
    """What is known so far."""

    def __init__(self, ledger: Ledger, state: StateFolder, job: str) -> None:
        self._ledger = ledger
        self._state = state
        self._job = job
        self._problems: list[str] = []
        self._stretches: dict[int, list[_Stretch]] = {}
        self._spoken_segments: set[int] = set()
        self._segments: Counter[SegmentState] = Counter({"done": 0, "failed": 0, "waiting": 0})
        self._characters: Counter[SegmentState] = Counter()
        self._skipped: Counter[str] = Counter()
        self._length = 0
        self._heard: dict[str, bool] = {}
        self._outputs: list[str] = []

    def verdict(self) -> Verdict:
        """Return what came of it all."""
        return Verdict(
            job=self._job,
            ok=not self._problems,
            characters=self._length,
            spoken=self._characters["done"],
            failed=self._characters["failed"],
            waiting=self._characters["waiting"],
            skipped=dict(self._skipped),
            segments=dict(self._segments),
            audio_files=sum(self._heard.values()),
            outputs=self._outputs,
            failures=self._ledger.failures(self._job),
            bad_lines=self._ledger.bad_lines(self._job),
            degraded=self._ledger.degraded(self._job),
            problems=self._problems,
        )

    # ------------------------------------------------------------------ segments

    def hear_segments(self) -> None:
        """Recompute the hash of every segment's audio."""
        for segment in self._ledger.segments(self._job):
            self._segments[segment.state] += 1
            stretch = _Stretch(segment.start, segment.end, segment.number, segment.state)
            self._stretches.setdefault(segment.source, []).append(stretch)
            if segment.state == "done" and segment.key not in self._heard:
                self._heard[segment.key] = self._hear(segment)
            if segment.state == "failed" and not (segment.kind and segment.message):
                self._problems.append(f"segment {segment.number + 1} failed without a reason")
        if self._segments["waiting"]:
            count = self._segments["waiting"]
            self._problems.append(f"{count} segments are not spoken yet; run the same narrate command again")

    def _hear(self, segment: StoredSegment) -> bool:
        path = self._state.path / (segment.path or "")
        seen = _sha256_or_reason(path)
        if seen == segment.sha256:
            return True
        self._problems.append(
            f"segment {segment.number + 1}: {path} has {seen}, the ledger says {segment.sha256}; "
            "run the same narrate command again to speak it anew"
        )
        return False

    # ------------------------------------------------------------------ characters

    def read_sources(self) -> None:
        """Follow the spans of every source from its first character to its last."""
        lengths = [(source.name, len(source.text)) for source in self._ledger.sources(self._job)]
        self._length = sum(length for _, length in lengths)
        seen: set[int] = set()
        for number, group in groupby(self._ledger.spans(self._job), _source_of):
            if number in seen or number >= len(lengths):
                self._problems.append(f"spans of source {number} stand where none belong")
                continue
            seen.add(number)
            self._read_source(number, *lengths[number], group)
        for number, (name, length) in enumerate(lengths):
            if length and number not in seen:
                self._problems.append(f"{name}: nothing is said of its {length} characters")
        self._look_for_strangers()

    def _read_source(self, number: int, name: str, length: int, spans: Iterator[Span]) -> None:
        stretches = sorted(self._stretches.get(number, []))
        at = 0
        for span in spans:
            if span.start != at or span.end <= span.start:
                self._problems.append(
                    f"{name}: around character {at}, not every one is accounted for exactly once"
                )
            at = max(at, span.end)
            self._read_span(name, span, stretches)
        if at != length:
            self._problems.append(f"{name}: has {length} characters, {at} are accounted for")

    def _read_span(self, name: str, span: Span, stretches: list[_Stretch]) -> None:
        length = span.end - span.start
        if span.reason is not None:
            self._skipped[span.reason] += length
            return
        speakers = _around(span, stretches)
        self._spoken_segments.update(speaker.number for speaker in speakers)
        if len(speakers) != 1:
            who = ", ".join(str(speaker.number + 1) for speaker in speakers) or "none"
            self._problems.append(
                f"{name}: characters {span.start} to {span.end} are to be spoken by one segment, found {who}"
            )
            return
        self._characters[speakers[0].state] += length

    def _look_for_strangers(self) -> None:
        for stretches in self._stretches.values():
            for stretch in stretches:
                if stretch.number not in self._spoken_segments:
                    self._problems.append(f"segment {stretch.number + 1} speaks no character of its source")

    # ------------------------------------------------------------------ finished files

    def weigh_outputs(self, *, all_expected: bool) -> None:
        """Recompute the hash of every finished file."""
        for delivery in self._ledger.deliveries(self._job):
            self._weigh(delivery)
        if all_expected:
            delivered = {delivery.path for delivery in self._ledger.deliveries(self._job)}
            for file in self._ledger.files(self._job):
                if file.path not in delivered:
                    self._problems.append(
                        f"{file.path} was never delivered; run the same narrate command again"
                    )

    def _weigh(self, delivery: Delivery) -> None:
        seen = _sha256_or_reason(Path(delivery.path))
        if seen == delivery.sha256:
            self._outputs.append(delivery.path)
            return
        self._problems.append(
            f"{delivery.path} has {seen}, it was delivered as {delivery.sha256}; "
            "run the same narrate command again to have it made anew"
        )


def _source_of(span: Span) -> int:
    return span.source


def _around(span: Span, stretches: list[_Stretch]) -> list[_Stretch]:
    """Return the stretches that hold all of a span."""
    # Segments of a source rarely overlap, so few lie between the last that begins in time and
    # the first that ends too early; two further are looked at for those that do.
    last = bisect_right(stretches, span.start, key=lambda stretch: stretch.start)
    return [stretch for stretch in stretches[max(0, last - 3) : last] if span.end <= stretch.end]


def _sha256_or_reason(path: Path) -> str:
    try:
        return sha256_of_file(path)
    except OSError as error:
        return f"no readable content ({error.strerror})"
