"""What became of the lines of a JSONL: `results.jsonl`, one line for each of theirs, in their order.

    {"id", "line", "text", "path", "seconds", "sha256", "state", "segments", "failed", "error"}

Written anew at each end of a run, from the ledger alone: it holds the texts as they were planned.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, cast

import msgspec

from supervisor.edge.disk import write_whole
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import Delivery, Failure, FileToDeliver, StoredSegment
from supervisor.narration.plan import BadLine, Source

#: Beside the finished files, in the job's folder.
FILE_NAME = "results.jsonl"

LineState = Literal["done", "failed", "waiting"]

_LINE = re.compile(r"[^\n]*(?:\n|\Z)")
_IDS = ("id", "uttid", "output_name")
_TEXTS = ("text", "syn_text", "input_text")


class ResultsOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the parent asks for.

    Attributes:
        state: The state folder.
        job: Which; planned, and its output a folder.
    """

    state: str
    job: str


class ResultsWritten(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        path: Of the file; empty if the job has no lines, or if the file is somebody else's.
        notice: For people; empty if there is nothing to say.
    """

    path: str = ""
    notice: str = ""


class LineResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a line.

    Attributes:
        id: As the line gives it, else its number.
        line: Its number in its file, from 1.
        text: To be spoken, as the line gives it; None if none can be read.
        path: Of the finished file, absolute; None as long as there is none.
        seconds: Length of the finished file, pauses and silences too.
        sha256: Of the finished file.
        state: `failed` where something was not spoken: silence stands in its place, or there is no file.
        segments: Its segments.
        failed: Segments that were not spoken.
        error: Why; None if nothing is wrong.
    """

    id: str
    line: int
    text: str | None
    path: str | None = None
    seconds: float | None = None
    sha256: str | None = None
    state: LineState
    segments: int = 0
    failed: int = 0
    error: str | None = None


def write_results(order: ResultsOrder) -> ResultsWritten:
    """Write the file over the one of an earlier run.

    Raises:
        SupervisorError: If it cannot be written, or if there is no such job.
    """
    with closing(Ledger.open(Path(order.state), read_only=True)) as ledger:
        report = _Report(ledger, order.job)
        path = report.path
        if not report.has_lines:
            return ResultsWritten()
        if not _is_ours(path):
            return ResultsWritten(notice=f"{path} was not made by this program: it is left as it is")
        results = (msgspec.json.encode(result) + b"\n" for result in report.results())
        write_whole(path, results, alone=True)
    return ResultsWritten(path=str(path))


class _Report:
    """What the ledger knows of the lines of a job."""

    def __init__(self, ledger: Ledger, job: str) -> None:
        files = ledger.files(job)
        self._ledger = ledger
        self._job = job
        self._files: dict[int, FileToDeliver] = {file.chapters[0]: file for file in files}
        self._delivered: dict[str, Delivery] = {each.path: each for each in ledger.deliveries(job)}
        self._failures = _by_chapter(ledger.failures(job))
        self._bad = {(bad.source, bad.line): bad for bad in ledger.bad_lines(job)}
        spec = ledger.spec(job)
        self.path = Path("" if spec is None else spec.output) / FILE_NAME

    @property
    def has_lines(self) -> bool:
        """Whether the job is of lines at all."""
        return any(_is_lines(source) for source in self._ledger.sources(self._job))

    def results(self) -> Iterator[LineResult]:
        """Yield what became of each line."""
        chapters = _Chapters(self._ledger.segments(self._job))
        for number, source in enumerate(self._ledger.sources(self._job)):
            if not _is_lines(source):
                continue
            for line, start, end in _lines(source.text):
                bad = self._bad.get((number, line))
                text = source.text[start:end]
                yield _bad(line, text, bad) if bad else self._good(line, text, chapters.next(number, end))

    def _good(self, line: int, text: str, segments: list[StoredSegment]) -> LineResult:
        chapter = segments[0].chapter if segments else -1
        file = self._files.get(chapter)
        found = None if file is None else self._delivered.get(file.path)
        failures = self._failures.get(chapter, [])
        waits = any(segment.state == "waiting" for segment in segments)
        return LineResult(
            id=_read(text, _IDS) or str(line),
            line=line,
            text=_read(text, _TEXTS),
            path=found and found.path,
            seconds=found and round(found.samples / found.sample_rate_hz, 3),
            sha256=found and found.sha256,
            state="failed" if failures else "waiting" if waits else "done",
            segments=len(segments),
            failed=len(failures),
            error=f"{failures[0].kind}: {failures[0].message}" if failures else None,
        )


class _Chapters:
    """The segments of a job, chapter by chapter, in their order."""

    def __init__(self, segments: Iterable[StoredSegment]) -> None:
        self._segments = iter(segments)
        self._ahead = next(self._segments, None)

    def next(self, source: int, end: int) -> list[StoredSegment]:
        """Return the segments that lie before a place of a source and were not returned yet."""
        taken: list[StoredSegment] = []
        while self._ahead is not None and (self._ahead.source, self._ahead.start) < (source, end):
            if self._ahead.source == source:  # else of a document that stood before
                taken.append(self._ahead)
            self._ahead = next(self._segments, None)
        return taken


def _bad(line: int, text: str, bad: BadLine) -> LineResult:
    return LineResult(
        id=_read(text, _IDS) or str(line),
        line=line,
        text=_read(text, _TEXTS),
        state="failed",
        segments=1,  # as the job counts it
        failed=1,
        error=bad.message,
    )


def _read(text: str, names: tuple[str, ...]) -> str | None:
    """Return the first of some fields that is there; None also where the line is no JSON object."""
    try:
        parsed: object = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict):
        return None
    fields = cast("dict[str, object]", parsed)
    found = next((fields[name] for name in names if fields.get(name) not in (None, "")), None)
    if isinstance(found, bool) or not isinstance(found, str | int):
        return None
    return str(found).encode("utf-8", "replace").decode("utf-8")


def _lines(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of each line that the planner read."""
    for number, found in enumerate(_LINE.finditer(text), start=1):
        mark = 0 if number > 1 else len(found[0]) - len(found[0].removeprefix("\ufeff"))
        if found[0][mark:].strip():
            yield number, found.start(), found.end()


def _by_chapter(failures: Iterable[Failure]) -> dict[int, list[Failure]]:
    chapters: dict[int, list[Failure]] = {}
    for failure in failures:
        chapters.setdefault(failure.chapter, []).append(failure)
    return chapters


def _is_lines(source: Source) -> bool:
    return source.name.lower().endswith(".jsonl")


def _is_ours(path: Path) -> bool:
    """Say whether a file may be written: there is none, or the first line of it is one of ours."""
    try:
        with path.open("rb") as file:
            first = file.readline()
    except (FileNotFoundError, NotADirectoryError):  # nothing to lose; what forbids a file here is told then
        return True
    except OSError:
        return False
    try:
        msgspec.json.decode(first, type=LineResult)
    except msgspec.DecodeError:
        return not first
    return True
