"""The longer questions to the ledger, and the shapes of their answers."""

import msgspec

from supervisor.edge.ledger_values import JobState
from supervisor.narration.plan import PauseKind

#: Job, first number, end, limit. Rows of `StoredSegment`.
SEGMENTS = """
    SELECT segment.number, chapter, segment.key, text, pause, source, start, end,
    state, attempts, kind, message, path, samples, sample_rate_hz, sha256
    FROM segment JOIN speech ON speech.job = segment.job AND speech.key = segment.key
    WHERE segment.job = ? AND segment.number >= ? AND segment.number < ?
    ORDER BY segment.number LIMIT ?
"""

#: Job, number before the first, limit. Walks the index of what waits.
WAITING = """
    SELECT segment.number, speech.key, segment.chapter, text, voice, segment.seed, settings,
    attempts, killed, copies, pause, chapter.first + chapter.segments AS chapter_end,
    lower(substr(source.name, -6)) = '.jsonl' AS is_line
    FROM speech
    JOIN segment ON segment.job = speech.job AND segment.number = speech.first
    JOIN chapter ON chapter.job = speech.job AND chapter.number = segment.chapter
    JOIN source ON source.job = speech.job AND source.number = segment.source
    WHERE speech.job = ? AND speech.state = 'waiting' AND speech.first > ?
    ORDER BY speech.first LIMIT ?
"""

#: Job, chapter, number: what the last segment before that number left that is done.
PAST = """
    SELECT past FROM segment JOIN speech ON speech.job = segment.job AND speech.key = segment.key
    WHERE segment.job = ? AND segment.chapter = ? AND segment.number < ? AND state = 'done'
    ORDER BY segment.number DESC LIMIT 1
"""

#: Job. Rows of `ChapterRow`. What is spoken at a lower rate is delivered at the one that it would have had.
CHAPTERS = """
    SELECT number, title, name, sample_rate_hz AS asked_hz, (
        SELECT max(hz) FROM (
            SELECT speech.sample_rate_hz AS hz FROM segment
            JOIN speech ON speech.job = segment.job AND speech.key = segment.key
            WHERE segment.job = chapter.job AND segment.number >= chapter.first
            AND segment.number < chapter.first + chapter.segments
            UNION ALL SELECT full_rate_hz FROM degrade
            WHERE degrade.job = chapter.job AND degrade.chapter = chapter.number
        )
    ) AS spoken_hz
    FROM chapter WHERE job = ? ORDER BY number
"""

_COUNTED = """
    coalesce(sum(copies), 0) AS segments,
    coalesce(sum(copies * (speech.state = 'done')), 0) AS done,
    coalesce(sum(copies * (speech.state = 'failed')), 0) AS failed,
    (SELECT count(*) FROM bad_line WHERE bad_line.job = job.job) AS bad_lines,
    total(CASE speech.state WHEN 'done' THEN copies * 1.0 * samples / sample_rate_hz END) AS seconds
    FROM job LEFT JOIN speech ON speech.job = job.job
"""

#: Job, or an empty string for all, twice. What is over was counted when it ended.
VIEWS = f"""
    SELECT job, state, error, segments, done, failed, bad_lines, seconds FROM (
        SELECT job.rowid AS age, job.job AS job, state, error, segments, done, failed, bad_lines, seconds
        FROM job JOIN tally ON tally.job = job.job WHERE ? IN ('', job.job)
        UNION ALL
        SELECT job.rowid AS age, job.job AS job, job.state AS state, error, {_COUNTED}
        WHERE ? IN ('', job.job) AND job.job NOT IN (SELECT job FROM tally) GROUP BY job.job
    ) ORDER BY age
"""  # noqa: S608 - both pieces stand in this file

_TALLY = f"""
    INSERT OR REPLACE INTO tally (job, segments, done, failed, bad_lines, seconds)
    SELECT job.job, {_COUNTED}
"""

#: Job. Counts it for good, until it is no longer over.
TALLY = f"{_TALLY} WHERE job.job = ? GROUP BY job.job"

#: Likewise all that are over.
TALLY_ALL = f"{_TALLY} WHERE job.state IN ('done', 'failed', 'cancelled') GROUP BY job.job"


class WaitingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `WAITING`."""

    number: int
    key: str
    chapter: int
    text: str
    voice: bytes
    seed: int
    settings: bytes
    attempts: int
    killed: int
    copies: int
    pause: PauseKind
    chapter_end: int
    is_line: int


class ViewRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `VIEWS`."""

    job: str
    state: JobState
    error: str | None
    segments: int
    done: int
    failed: int
    bad_lines: int
    seconds: float
