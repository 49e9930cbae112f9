"""Chapters that are spoken otherwise than asked for, in the ledger: rows of `degrade`.

They outlive a plan: a later run of the same command finds the chapter again and keeps its
cuts. Another engine, or another version of it, has needs of its own: its rows are apart.
"""

import sqlite3
from collections.abc import Mapping

import msgspec

from supervisor.edge.ledger_schema import LedgerError, LedgerFile
from supervisor.edge.ledger_values import StoredChapter
from supervisor.narration.degrading import Degrade, DegradedChapter, StepTaken
from supervisor.narration.plan import VoiceSpec
from supervisor.wire.messages import Setting


class ChapterBegun(LedgerError):
    """A chapter of which something is spoken, or in hand, keeps its cuts."""


class _KeptRow(msgspec.Struct, frozen=True, kw_only=True):
    place: str
    segment_chars: int | None
    sample_rate_hz: int | None
    full_rate_hz: int | None
    steps: bytes


def kept_degrades(file: LedgerFile, job: str, engine: str) -> list[Degrade]:
    """Return what is kept for a job with this engine (its identity), whatever its chapters are now."""
    rows = file.records(
        _KeptRow,
        "SELECT place, segment_chars, sample_rate_hz, full_rate_hz, steps FROM degrade "
        "WHERE job = ? AND engine = ? ORDER BY place",
        *(job, engine),
    )
    return [
        Degrade(
            place=row.place,
            segment_chars=row.segment_chars,
            sample_rate_hz=row.sample_rate_hz,
            full_rate_hz=row.full_rate_hz,
            steps=msgspec.json.decode(row.steps, type=list[StepTaken]),
        )
        for row in rows
    ]


def degraded_chapters(file: LedgerFile, job: str) -> list[DegradedChapter]:
    """Return the chapters of the present plan that are spoken otherwise than asked for, in order."""
    rows = file.rows(
        tuple[int, str, bytes],
        "SELECT degrade.chapter, title, steps FROM degrade JOIN chapter "
        "ON chapter.job = degrade.job AND chapter.number = degrade.chapter "
        "WHERE degrade.job = ? ORDER BY degrade.chapter",
        job,
    )
    return [
        DegradedChapter(chapter=chapter, title=title, steps=msgspec.json.decode(steps, type=list[StepTaken]))
        for chapter, title, steps in rows
    ]


def stored_chapters(file: LedgerFile, job: str) -> list[StoredChapter]:
    """Return what was planned of each chapter, in order."""
    rows = file.rows(
        tuple[str, str | None, bytes, int | None, bytes],
        "SELECT title, name, voice, sample_rate_hz, settings FROM chapter WHERE job = ? ORDER BY number",
        job,
    )
    return [
        StoredChapter(
            title=title,
            name=name,
            voice=msgspec.json.decode(voice, type=VoiceSpec),
            sample_rate_hz=sample_rate_hz,
            settings=msgspec.json.decode(settings, type=dict[str, Setting]),
        )
        for title, name, voice, sample_rate_hz, settings in rows
    ]


def write_degrade(connection: sqlite3.Connection, job: str, engine: str, chapter: int, kept: Degrade) -> None:
    """Keep how a chapter of the present plan is spoken from here on."""
    connection.execute(
        "INSERT OR REPLACE INTO degrade VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(job, engine, kept.place, chapter),
            *(kept.segment_chars, kept.sample_rate_hz, kept.full_rate_hz, msgspec.json.encode(kept.steps)),
        ),
    )


def number_degrades(
    connection: sqlite3.Connection, job: str, engine: str, degrades: Mapping[int, Degrade]
) -> None:
    """Note which chapters of a new plan the kept rows belong to; the others belong to none."""
    connection.execute("UPDATE degrade SET chapter = NULL WHERE job = ?", (job,))
    connection.executemany(
        "UPDATE degrade SET chapter = ? WHERE job = ? AND engine = ? AND place = ?",
        [(number, job, engine, each.place) for number, each in degrades.items()],
    )


def must_not_have_begun(connection: sqlite3.Connection, job: str, chapter: int) -> None:
    """Refuse a chapter of which something is spoken, or in hand.

    What a chapter shares with an earlier one (the same words with the same seed) was spoken there.

    Raises:
        ChapterBegun: If it has.
    """
    asked = (
        "SELECT count(*) FROM chapter JOIN speech ON speech.job = chapter.job "
        "AND speech.first >= chapter.first AND speech.first < chapter.first + chapter.segments "
        "AND speech.copies > 0 AND (speech.state = 'done' OR speech.in_hand) "
        "WHERE chapter.job = ? AND chapter.number = ?"
    )
    (begun,) = connection.execute(asked, (job, chapter)).fetchone()
    if begun:
        raise ChapterBegun(f"{begun} of its segments are spoken or in hand: its cuts stay as they are")
