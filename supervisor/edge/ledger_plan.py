"""A plan into the ledger, within one transaction of the caller's.

What is planned is written anew; what became of a key is kept while the key is still planned.
"""

import itertools
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from supervisor.edge.audiofile import HEADER_BYTES
from supervisor.edge.ledger_values import JobSpec
from supervisor.narration.plan import Plan, PlannedChapter, PlannedSegment, PlanSummary, segment_key
from supervisor.narration.summary import summarize

#: Tables that hold nothing but the plan.
PLAN_TABLES = ("source", "span", "bad_line", "chapter", "segment", "delivery")

#: Text shrinks to a third at the fastest setting, and a book takes a few milliseconds.
_ZLIB_LEVEL = 1

_SegmentRow = tuple[str, int, int, str, str, int, str, int, int, int]


def write_plan(connection: sqlite3.Connection, folder: Path, spec: JobSpec, plan: Plan) -> PlanSummary:
    """Write a job's plan over the one it had, and return it in figures.

    Args:
        connection: In a transaction.
        folder: The state folder, to see whether audio that is done is still there.
        spec: What was asked for.
        plan: What was decided.
    """
    job = spec.job
    connection.execute(
        "INSERT INTO job (job, output, spec, state) VALUES (?, ?, ?, 'queued') ON CONFLICT (job) "
        "DO UPDATE SET output = excluded.output, spec = excluded.spec, state = 'queued', error = NULL",
        (job, spec.output, msgspec.json.encode(spec)),
    )
    for table in PLAN_TABLES:
        connection.execute(f"DELETE FROM {table} WHERE job = ?", (job,))  # noqa: S608 - names of our own
    _write_sources(connection, job, plan)
    count = _Count()
    rows = _segment_rows(spec, plan, count)
    connection.executemany("INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    _write_chapters(connection, job, plan)
    _write_speech(connection, job, count)
    _forget_lost_audio(connection, job, folder)
    return summarize(plan, sample_rate_hz=spec.sample_rate_hz, reused=_reused(connection, job))


@dataclass(slots=True)
class _Count:
    """What is learned of the segments while they pass by."""

    copies: Counter[str] = field(default_factory=Counter[str])
    first: dict[str, int] = field(default_factory=dict[str, int])

    def take(self, number: int, key: str) -> None:
        self.copies[key] += 1
        self.first.setdefault(key, number)


def _write_sources(connection: sqlite3.Connection, job: str, plan: Plan) -> None:
    connection.executemany(
        "INSERT INTO source VALUES (?, ?, ?, ?, ?)",
        (
            (job, number, source.name, len(source.text), _packed(source.text))
            for number, source in enumerate(plan.sources)
        ),
    )
    connection.executemany(
        "INSERT INTO span VALUES (?, ?, ?, ?, ?, ?)",
        (
            (job, number, span.source, span.start, span.end, span.reason)
            for number, span in enumerate(plan.spans)
        ),
    )
    connection.executemany(
        "INSERT INTO bad_line VALUES (?, ?, ?)",
        ((job, number, msgspec.json.encode(line)) for number, line in enumerate(plan.bad_lines)),
    )


def _packed(text: str) -> bytes:
    # A lone surrogate can stand in a text from a JSON escape; it must come back as it was.
    return zlib.compress(text.encode("utf-8", "surrogatepass"), _ZLIB_LEVEL)


def unpacked(text_zlib: bytes) -> str:
    """Return a source's text from its stored form."""
    return zlib.decompress(text_zlib).decode("utf-8", "surrogatepass")


def _segment_rows(spec: JobSpec, plan: Plan, count: _Count) -> Iterator[_SegmentRow]:
    numbers = itertools.count()
    for place, chapter in enumerate(plan.chapters):
        for segment in chapter.segments:
            number = next(numbers)
            key = _key(spec, chapter, segment)
            count.take(number, key)
            where = (segment.source, segment.start, segment.end)
            yield (spec.job, number, place, key, segment.text, segment.seed, segment.pause, *where)


def _key(spec: JobSpec, chapter: PlannedChapter, segment: PlannedSegment) -> str:
    return segment_key(
        engine_identity=spec.engine_identity,
        voice=chapter.voice,
        seed=segment.seed,
        settings=chapter.settings,
        text=segment.text,
    )


def _write_chapters(connection: sqlite3.Connection, job: str, plan: Plan) -> None:
    firsts = itertools.accumulate((len(chapter.segments) for chapter in plan.chapters), initial=0)
    connection.executemany(
        "INSERT INTO chapter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                *(job, number, chapter.title, chapter.name, msgspec.json.encode(chapter.voice)),
                *(chapter.sample_rate_hz, msgspec.json.encode(chapter.settings)),
                *(first, len(chapter.segments)),
            )
            for number, (chapter, first) in enumerate(zip(plan.chapters, firsts, strict=False))
        ),
    )


def _write_speech(connection: sqlite3.Connection, job: str, count: _Count) -> None:
    connection.execute("UPDATE speech SET copies = 0 WHERE job = ?", (job,))
    connection.executemany(
        "INSERT INTO speech (job, key, first, copies) VALUES (?, ?, ?, ?) ON CONFLICT (job, key) "
        "DO UPDATE SET first = excluded.first, copies = excluded.copies",
        ((job, key, first, count.copies[key]) for key, first in count.first.items()),
    )
    connection.execute("DELETE FROM speech WHERE job = ? AND copies = 0", (job,))
    forget_failures(connection, job)


def forget_failures(connection: sqlite3.Connection, job: str) -> None:
    """Let what was set aside be tried again, from its first attempt."""
    connection.execute(
        "UPDATE speech SET state = 'waiting', attempts = 0, killed = 0, in_hand = 0, kind = NULL, "
        "message = NULL WHERE job = ? AND state = 'failed'",
        (job,),
    )


def _forget_lost_audio(connection: sqlite3.Connection, job: str, folder: Path) -> None:
    """Speak again what somebody deleted or cut short; whole hashes are `verify`'s business."""
    done = connection.execute(
        "SELECT key, path, samples FROM speech WHERE job = ? AND state = 'done'", (job,)
    )
    lost = [(job, key) for key, path, samples in done if not _is_there(folder / path, samples)]
    connection.executemany(
        "UPDATE speech SET state = 'waiting', attempts = 0, killed = 0, in_hand = 0, path = NULL, "
        "samples = NULL, sample_rate_hz = NULL, sha256 = NULL, figures = NULL WHERE job = ? AND key = ?",
        lost,
    )


def _is_there(path: Path, samples: int) -> bool:
    try:
        return path.stat().st_size == HEADER_BYTES + 2 * samples
    except OSError:
        return False


def _reused(connection: sqlite3.Connection, job: str) -> int:
    asked = "SELECT coalesce(sum(copies), 0) FROM speech WHERE job = ? AND state = 'done'"
    (copies,) = connection.execute(asked, (job,)).fetchone()
    return int(copies)
