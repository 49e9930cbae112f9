"""A plan into the ledger, within one transaction of the caller's.

What is planned is written anew; what became of a key is kept while the key is still planned.
Speech that is done is kept even when it is not: a spare, of no copies, for a later plan.
"""

import itertools
import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from supervisor.edge.audiofile import sha256_of_file
from supervisor.edge.ledger_schema import Value
from supervisor.edge.ledger_values import JobSpec
from supervisor.narration.plan import Plan, PlannedChapter, PlannedSegment, chained, segment_key

#: Tables that hold nothing but the plan.
PLAN_TABLES = ("source", "span", "bad_line", "chapter", "segment")

#: Job, output, spec. What a service has in hand stays so: else it would be taken up again, or cancelled.
_PLANNED = """
    INSERT INTO job (job, output, spec, state) VALUES (?, ?, ?, 'queued') ON CONFLICT (job)
    DO UPDATE SET output = excluded.output, spec = excluded.spec, error = NULL, state = CASE
        WHEN state = 'running' AND job IN (SELECT job FROM submission WHERE is_open) THEN 'running'
        ELSE 'queued'
    END
"""

#: Text shrinks to a third at the fastest setting, and a book takes a few milliseconds.
_ZLIB_LEVEL = 1

_SegmentRow = tuple[str, int, int, str, str, int, str, int, int, int]

#: As a table has it, and a plan's, by table.
Row = tuple[Value, ...]
PlanRows = dict[str, Sequence[Row]]


@dataclass(slots=True, kw_only=True)
class KeyedSegments:
    """A plan's segments as rows, with what is learned of their keys on the way."""

    rows: list[_SegmentRow] = field(default_factory=list[_SegmentRow])
    copies: Counter[str] = field(default_factory=Counter[str])
    first: dict[str, int] = field(default_factory=dict[str, int])

    def take(self, row: _SegmentRow) -> None:
        """Add the next row."""
        _, number, _, key, *_ = row
        self.rows.append(row)
        self.copies[key] += 1
        self.first.setdefault(key, number)


def keyed_segments(spec: JobSpec, plan: Plan) -> KeyedSegments:
    """Return the rows of a plan's segments, each with its key."""
    keyed = KeyedSegments()
    for row in _segment_rows(spec, plan):
        keyed.take(row)
    return keyed


def lost_audio(
    folder: Path, done: Iterable[tuple[str, str, str]], alive: Callable[[], object] = bool
) -> list[str]:
    """Return the keys whose audio is not what was recorded: gone, cut short or changed.

    Reads all of it, so never within a transaction: the owner's own steps would wait.

    Args:
        folder: The state folder.
        done: Key, path below the folder, and SHA-256.
        alive: Called before each file.
    """
    lost: list[str] = []
    for key, path, sha256 in done:
        alive()
        if not _is_whole(folder / path, sha256):
            lost.append(key)
    return lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Unkept:
    """Planned keys whose audio is to be spoken again.

    Attributes:
        lost: It is not what was recorded.
        behind: It was spoken after a past that is to be another.
    """

    lost: Collection[str] = ()
    behind: Collection[str] = ()


def behind_gaps(keyed: KeyedSegments, done: Collection[str]) -> list[str]:
    """Return the keys that are done behind one of their chapter that is not: their past was another.

    Args:
        keyed: Segments of a job that carries its past.
        done: Keys whose audio is there.
    """
    behind: list[str] = []
    open_chapter = -1
    for _, _, chapter, key, *_ in keyed.rows:
        if key not in done:
            open_chapter = chapter
        elif chapter == open_chapter:
            behind.append(key)
    return behind


def plan_rows(job: str, plan: Plan, keyed: KeyedSegments) -> PlanRows:
    """Return the rows of a plan: all of them before a transaction begins, so that it is short.

    Args:
        job: Id.
        plan: What was decided.
        keyed: Its segments.
    """
    return {
        "source": [
            (job, number, source.name, len(source.text), _packed(source.text))
            for number, source in enumerate(plan.sources)
        ],
        "span": [
            (job, number, span.source, span.start, span.end, span.reason)
            for number, span in enumerate(plan.spans)
        ],
        "bad_line": [(job, number, msgspec.json.encode(line)) for number, line in enumerate(plan.bad_lines)],
        "chapter": _chapter_rows(job, plan),
        "segment": keyed.rows,
    }


def write_plan(
    connection: sqlite3.Connection, spec: JobSpec, keyed: KeyedSegments, unkept: Unkept, rows: PlanRows | None
) -> None:
    """Write a job's plan over the one it had.

    Args:
        connection: In a transaction.
        spec: What was asked for.
        keyed: Its segments.
        unkept: Planned keys whose audio is to be spoken again.
        rows: Of the plan; None = they are there.
    """
    job = spec.job
    connection.execute(_PLANNED, (job, spec.output, msgspec.json.encode(spec)))
    connection.execute("UPDATE submission SET is_planned = 1 WHERE job = ?", (job,))
    # What was delivered is of an earlier plan from here on: nobody vouches for its bytes any more.
    connection.execute("UPDATE delivery SET sha256 = '' WHERE job = ?", (job,))
    connection.execute("DELETE FROM tally WHERE job = ?", (job,))
    if rows is not None:
        write_cuts(connection, job, rows, keyed)
    forget_failures(connection, job)
    _forget_audio(connection, job, (*unkept.lost, *unkept.behind))


def notices_of(unkept: Unkept) -> tuple[str, ...]:
    """Return what people are told of what is to be spoken again."""
    each = ((unkept.lost, "were damaged or gone"), (unkept.behind, "come after one that failed"))
    return tuple(
        f"finished segments that {what}, to be spoken again: {len(keys)}" for keys, what in each if keys
    )


def write_cuts(connection: sqlite3.Connection, job: str, rows: PlanRows, keyed: KeyedSegments) -> None:
    """Write what is spoken in which pieces; of keys that are planned as before nothing changes."""
    connection.execute("DELETE FROM tally WHERE job = ?", (job,))
    for table in PLAN_TABLES:
        connection.execute(f"DELETE FROM {table} WHERE job = ?", (job,))  # noqa: S608 - names of our own
        insert_rows(connection, table, rows[table])
    connection.execute("UPDATE speech SET copies = 0 WHERE job = ?", (job,))
    write_speech(connection, speech_rows(job, keyed))
    # A plan made by mistake (another voice, another input) must not cost what is spoken.
    connection.execute("DELETE FROM speech WHERE job = ? AND copies = 0 AND state != 'done'", (job,))


def insert_rows(connection: sqlite3.Connection, table: str, rows: Sequence[Row]) -> None:
    """Write rows of a plan's table."""
    if rows:
        places = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608 - names of our own


def speech_rows(job: str, keyed: KeyedSegments) -> list[Row]:
    """Return job, key, first and copies of each key, by key."""
    return [(job, key, first, keyed.copies[key]) for key, first in sorted(keyed.first.items())]


def write_speech(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Have keys spoken that are not there; of those that are, where they stand now."""
    connection.executemany(
        "INSERT INTO speech (job, key, first, copies) VALUES (?, ?, ?, ?) ON CONFLICT (job, key) "
        "DO UPDATE SET first = excluded.first, copies = excluded.copies",
        rows,
    )


def _packed(text: str) -> bytes:
    # A lone surrogate can stand in a text from a JSON escape; it must come back as it was.
    return zlib.compress(text.encode("utf-8", "surrogatepass"), _ZLIB_LEVEL)


def unpacked(text_zlib: bytes) -> str:
    """Return a source's text from its stored form."""
    return zlib.decompress(text_zlib).decode("utf-8", "surrogatepass")


def _segment_rows(spec: JobSpec, plan: Plan) -> Iterator[_SegmentRow]:
    numbers = itertools.count()
    begun: Counter[str] = Counter()
    for place, chapter in enumerate(plan.chapters):
        keys = [_key(spec, chapter, segment) for segment in chapter.segments]
        if spec.carries_past and keys:
            begun[keys[0]] += 1  # two chapters that begin alike share no audio: what comes after would not
            keys = list(chained(keys, begun[keys[0]]))
        for segment, key in zip(chapter.segments, keys, strict=True):
            number = next(numbers)
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


def _chapter_rows(job: str, plan: Plan) -> list[Row]:
    firsts = itertools.accumulate((len(chapter.segments) for chapter in plan.chapters), initial=0)
    return [
        (
            *(job, number, chapter.title, chapter.name, msgspec.json.encode(chapter.voice)),
            *(chapter.sample_rate_hz, msgspec.json.encode(chapter.settings)),
            *(first, len(chapter.segments)),
        )
        for number, (chapter, first) in enumerate(zip(plan.chapters, firsts, strict=False))
    ]


def forget_failures(connection: sqlite3.Connection, job: str) -> None:
    """Let what was set aside be tried again, from its first attempt."""
    connection.execute(
        "UPDATE speech SET state = 'waiting', attempts = 0, killed = 0, in_hand = 0, kind = NULL, "
        "message = NULL WHERE job = ? AND state = 'failed'",
        (job,),
    )


def _forget_audio(connection: sqlite3.Connection, job: str, keys: Iterable[str]) -> None:
    connection.executemany(
        "UPDATE speech SET state = 'waiting', attempts = 0, killed = 0, in_hand = 0, path = NULL, "
        "samples = NULL, sample_rate_hz = NULL, sha256 = NULL, figures = NULL, past = NULL "
        "WHERE job = ? AND key = ?",
        [(job, key) for key in keys],
    )


def _is_whole(path: Path, sha256: str) -> bool:
    try:
        return sha256_of_file(path) == sha256
    except OSError:
        return False
