"""Read the ledger: jobs, segments and what became of them, a page at a time."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from supervisor.core.segments import WaitingSegment
from supervisor.core.tallies import JobSize
from supervisor.edge.ledger_degrade import degraded_chapters, kept_degrades, stored_chapters
from supervisor.edge.ledger_files import ChapterRow, files_of, pieces_of
from supervisor.edge.ledger_plan import unpacked
from supervisor.edge.ledger_queries import CHAPTERS, PAST, SEGMENTS, VIEWS, WAITING, ViewRow, WaitingRow
from supervisor.edge.ledger_schema import LedgerError, LedgerFile
from supervisor.edge.ledger_values import (
    ChapterView,
    Delivery,
    Failure,
    FileToDeliver,
    JobSpec,
    JobView,
    Life,
    Piece,
    StoredChapter,
    StoredSegment,
)
from supervisor.edge.ledger_words import no_job, not_planned, not_spoken
from supervisor.edge.recordings import reference_of
from supervisor.narration.degrading import Degrade, DegradedChapter
from supervisor.narration.plan import BadLine, Source, Span, VoiceSpec
from supervisor.wire.messages import Setting

#: SQLite's largest integer: no segment has this number.
_NO_END = 2**63 - 1

#: Rows read at once: a job's segments pass through the parent, they never stay.
_PAGE_ROWS = 256


class LedgerReader:
    """What a ledger can be asked. Calls come one at a time.

    Attributes:
        folder: The state folder.
    """

    def __init__(self, file: LedgerFile) -> None:
        self._file = file
        self.folder = file.folder

    def spec(self, job: str) -> JobSpec | None:
        """Return what was asked for, or None: no such job, or one that is not planned yet."""
        found = self._file.rows(tuple[bytes], "SELECT spec FROM job WHERE job = ?", job)
        return msgspec.json.decode(found[0][0], type=JobSpec) if found and found[0][0] else None

    def view(self, job: str) -> JobView | None:
        """Return how far a job is, or None: no such job."""
        return next(iter(self._views(job)), None)

    def views(self) -> list[JobView]:
        """Return how far every job is, oldest first."""
        return self._views("")

    def is_all_spoken(self, job: str) -> bool:
        """Say whether the job is there and has no segment that waits or failed; bad lines are none."""
        asked = "SELECT count(*) FROM speech WHERE job = ? AND state != 'done'"
        return self.spec(job) is not None and self._file.rows(tuple[int], asked, job) == [(0,)]

    def job_size(self, job: str) -> JobSize:
        """Return how much of a job there is, as a run finds it.

        Raises:
            LedgerError: If there is no such job.
        """
        view = self.view(job)
        if view is None:
            raise LedgerError(no_job(job))
        ((chars_left,),) = self._file.rows(
            tuple[int],
            "SELECT coalesce(sum(length(text) * copies), 0) FROM speech JOIN segment "
            "ON segment.job = speech.job AND segment.number = speech.first "
            "WHERE speech.job = ? AND speech.state = 'waiting'",
            job,
        )
        titles = "SELECT title FROM chapter WHERE job = ? ORDER BY number"
        return JobSize(
            job=job,
            segments=view.segments,
            over=view.done + view.failed,
            chars_left=chars_left,
            audio_s=view.seconds,
            titles=tuple(title for (title,) in self._file.rows(tuple[str], titles, job)),
        )

    # ------------------------------------------------------------------ segments

    def waiting(self, job: str, after: int, limit: int) -> list[WaitingSegment]:
        """Return what is neither done nor set aside, in order; of equal keys the first alone.

        Args:
            job: Which.
            after: Segments of higher numbers only; -1 = from the start.
            limit: At most so many.
        """
        rows = self._file.records(WaitingRow, WAITING, job, after, limit)
        first_of = {row.chapter: row for row in rows[::-1]}
        pasts = {chapter: self._past(job, row) for chapter, row in first_of.items()}
        return [_waiting(job, row, pasts[row.chapter], self.folder) for row in rows]

    def _past(self, job: str, row: WaitingRow) -> bytes:
        found = self._file.rows(tuple[bytes | None], PAST, job, row.chapter, row.number)
        return next((past for (past,) in found if past is not None), b"")

    def first_waiting(self, job: str) -> int:
        """Return the number of the first segment that is neither done nor set aside; of none, their count."""
        waits = "SELECT min(first) FROM speech WHERE job = ? AND state = 'waiting' AND copies > 0"
        ((first,),) = self._file.rows(tuple[int | None], waits, job)
        ((count,),) = self._file.rows(tuple[int], "SELECT count(*) FROM segment WHERE job = ?", job)
        return count if first is None else first

    def segments(self, job: str, first: int = 0, end: int | None = None) -> Iterator[StoredSegment]:
        """Yield segments with what became of them, in order, a page at a time.

        Args:
            job: Which.
            first: Number of the first.
            end: One past the number of the last; None = all.
        """
        limit = _NO_END if end is None else end
        while page := self._file.records(StoredSegment, SEGMENTS, job, first, limit, _PAGE_ROWS):
            yield from page
            first = page[-1].number + 1

    def failures(self, job: str) -> list[Failure]:
        """Return what was set aside, in order, each segment by itself."""
        return self._file.records(
            Failure,
            "SELECT segment.number, chapter, substr(text, 1, 60) AS text_head, kind, message, attempts "
            "FROM segment JOIN speech ON speech.job = segment.job AND speech.key = segment.key "
            "WHERE segment.job = ? AND state = 'failed' ORDER BY segment.number",
            job,
        )

    def chapters(self, job: str) -> list[ChapterView]:
        """Return how far each chapter is, in order."""
        return self._file.records(
            ChapterView,
            "SELECT chapter.number, title, count(*) AS segments, sum(state = 'done') AS done, "
            "sum(state = 'failed') AS failed FROM chapter "
            "JOIN segment ON segment.job = chapter.job AND segment.number >= chapter.first "
            "  AND segment.number < chapter.first + chapter.segments "
            "JOIN speech ON speech.job = segment.job AND speech.key = segment.key "
            "WHERE chapter.job = ? GROUP BY chapter.number ORDER BY chapter.number",
            job,
        )

    def degraded(self, job: str) -> list[DegradedChapter]:
        """Return the chapters that are spoken otherwise than asked for, with the steps and why, in order."""
        return degraded_chapters(self._file, job)

    def stored_chapters(self, job: str) -> list[StoredChapter]:
        """Return what was planned of each chapter, in order."""
        return stored_chapters(self._file, job)

    def kept_degrades(self, job: str, engine_identity: str) -> list[Degrade]:
        """Return what later plans of the job with this engine are to keep, found again or not."""
        return kept_degrades(self._file, job, engine_identity)

    def bad_lines(self, job: str) -> list[BadLine]:
        """Return the JSONL lines that could not be planned, in order."""
        rows = self._file.rows(tuple[bytes], "SELECT line FROM bad_line WHERE job = ? ORDER BY number", job)
        return [msgspec.json.decode(line, type=BadLine) for (line,) in rows]

    def sources(self, job: str) -> Iterator[Source]:
        """Yield the inputs as they were planned, in order."""
        sql = "SELECT name, text_zlib FROM source WHERE job = ? ORDER BY number LIMIT 1 OFFSET ?"
        number = 0
        while found := self._file.rows(tuple[str, bytes], sql, job, number):
            ((name, text_zlib),) = found
            yield Source(name=name, text=unpacked(text_zlib))
            number += 1

    def spans(self, job: str) -> Iterator[Span]:
        """Yield what became of the characters, as planned, a page at a time."""
        sql = (
            "SELECT number, source, start, end, reason FROM span WHERE job = ? AND number >= ? "
            "ORDER BY number LIMIT ?"
        )
        kind = tuple[int, int, int, int, str | None]
        after = 0
        while page := self._file.rows(kind, sql, job, after, _PAGE_ROWS):
            for _, source, start, end, reason in page:
                yield Span(source=source, start=start, end=end, reason=reason)
            after = page[-1][0] + 1

    # ------------------------------------------------------------------ finished files

    def files(self, job: str) -> list[FileToDeliver]:
        """Return the finished files that the job is to have, in order.

        Raises:
            LedgerError: If there is no such job.
        """
        chapters = self._file.records(ChapterRow, CHAPTERS, job)
        return files_of(self._known_spec(job), chapters)

    def pieces(self, job: str, file: FileToDeliver) -> Iterator[Piece]:
        """Yield what a finished file is made of, in order.

        Raises:
            LedgerError: If a segment is neither done nor failed, or there is no such job.
        """
        spec = self._known_spec(job)
        ((first, end),) = self._file.rows(
            tuple[int, int],
            "SELECT min(first), max(first + segments) FROM chapter WHERE job = ? AND number BETWEEN ? AND ?",
            *(job, file.chapters[0], file.chapters[-1]),
        )
        return pieces_of(spec, self.folder, self.segments(job, first, end))

    def deliveries(self, job: str) -> list[Delivery]:
        """Return the finished files that were delivered of the present plan, in order."""
        return self._file.records(
            Delivery,
            "SELECT path, sha256, samples, sample_rate_hz FROM delivery "
            "WHERE job = ? AND sha256 != '' ORDER BY rowid",
            job,
        )

    def earlier_files(self, job: str) -> list[str]:
        """Return the paths that an earlier plan delivered to and the present one not, in order."""
        asked = "SELECT path FROM delivery WHERE job = ? AND sha256 = '' ORDER BY rowid"
        return [path for (path,) in self._file.rows(tuple[str], asked, job)]

    def lives(self, job: str) -> list[Life]:
        """Return how the job's child lives ended, oldest first."""
        rows = self._file.rows(tuple[bytes], "SELECT record FROM life WHERE job = ? ORDER BY number", job)
        return [msgspec.json.decode(record, type=Life) for (record,) in rows]

    def _known_spec(self, job: str) -> JobSpec:
        spec = self.spec(job)
        if spec is None:
            raise LedgerError(not_planned(job) if self.view(job) else no_job(job))
        return spec

    def _views(self, job: str) -> list[JobView]:
        return [self._view(row) for row in self._file.records(ViewRow, VIEWS, job, job)]

    def _view(self, row: ViewRow) -> JobView:
        return JobView(
            job=row.job,
            state=row.state,
            segments=row.segments + row.bad_lines,
            done=row.done,
            failed=row.failed + row.bad_lines,
            seconds=row.seconds,
            outputs=[delivery.path for delivery in self.deliveries(row.job)],
            error=self._error(row),
        )

    def _error(self, row: ViewRow) -> str | None:
        if row.error is not None or row.state != "done" or not row.failed + row.bad_lines:
            return row.error
        return not_spoken(self.bad_lines(row.job), self.failures(row.job))


def _waiting(job: str, row: WaitingRow, past: bytes, folder: Path) -> WaitingSegment:
    voice = msgspec.json.decode(row.voice, type=VoiceSpec)
    return WaitingSegment(
        job=job,
        number=row.number,
        key=row.key,
        chapter=row.chapter,
        text=row.text,
        voice=voice.name,
        reference=reference_of(voice, folder),
        seed=row.seed,
        settings=msgspec.json.decode(row.settings, type=dict[str, Setting]),
        attempts=row.attempts,
        killed=row.killed,
        twins=row.copies,
        ends_paragraph=row.pause in {"paragraph", "heading"},
        ends_chapter=row.number + 1 == row.chapter_end,
        ends_line=bool(row.is_line) and row.number + 1 == row.chapter_end,
        past=past,
    )
