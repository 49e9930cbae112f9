"""A plan that is large into the ledger, so that nobody else waits for it.

One writes at a time. Who has a service's loop must not wait for the rows of a book: its watchdog, the status
that clients ask for and the child's next segment wait with it. So the rows of a job that a service has in
hand are written in pieces, and after each the ledger is left to others for as long. A plan that broke off
does no harm: the job is open still, and planned anew before anything of it is spoken, from what a client
sent, or from the texts in the ledger, which stay. Of a plan that is there already nothing is written.
"""

import sqlite3
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from supervisor.edge.ledger_plan import (
    PLAN_TABLES,
    KeyedSegments,
    PlanRows,
    Row,
    insert_rows,
    speech_rows,
    write_speech,
)
from supervisor.edge.ledger_schema import LedgerFile

#: Rows of a piece: some milliseconds' work.
PIECE_ROWS: Final = 500

#: Job, twice, and most rows: each changes so many of those that it is for, or all that are left.
_CLEAR: Final = (
    "DELETE FROM {table} WHERE job = ? AND number IN (SELECT number FROM {table} WHERE job = ? LIMIT ?)"
)
_UNPLAN: Final = """
    UPDATE speech SET copies = 0
    WHERE job = ? AND key IN (SELECT key FROM speech WHERE job = ? AND copies > 0 LIMIT ?)
"""
_DROP: Final = """
    DELETE FROM speech WHERE job = ? AND key IN (
        SELECT key FROM speech WHERE job = ? AND copies = 0 AND state != 'done' LIMIT ?
    )
"""


def are_there(file: LedgerFile, job: str, rows: PlanRows, keyed: KeyedSegments) -> bool:
    """Say whether the ledger has a job's plan with these very rows.

    Args:
        file: The ledger.
        job: Id.
        rows: Of the plan.
        keyed: Its segments.
    """
    planned = "SELECT count(*) FROM job WHERE job = ? AND length(spec) > 0"
    if file.rows(tuple[int], planned, job) != [(1,)]:
        return False
    asked = ((table, f"SELECT * FROM {table} WHERE job = ? ORDER BY number") for table in PLAN_TABLES)  # noqa: S608 - names of our own
    speech = "SELECT job, key, first, copies FROM speech WHERE job = ? AND copies > 0 ORDER BY key"
    return all(file.holds(rows[table], sql, job) for table, sql in asked) and file.holds(
        speech_rows(job, keyed), speech, job
    )


def may_break_off(file: LedgerFile, job: str, rows: PlanRows) -> bool:
    """Say whether half a plan of a job does no harm.

    Args:
        file: The ledger.
        job: Id.
        rows: Of the plan.
    """
    by_texts = "SELECT is_planned OR length(request) = 0 FROM submission WHERE job = ? AND is_open"
    found = file.rows(tuple[int], by_texts, job)
    return found == [(0,)] or (found == [(1,)] and _has_texts(file, job, rows))


def write_in_pieces(file: LedgerFile, job: str, rows: PlanRows, keyed: KeyedSegments) -> bool:
    """Write the rows of a job that may break off; the job is not planned by that.

    Args:
        file: The ledger.
        job: Id.
        rows: Of the plan.
        keyed: Its segments.

    Returns:
        False if that is not worth it: nothing is written then.
    """
    if sum(map(len, rows.values())) <= PIECE_ROWS:
        return False
    stay = {"source"} if _has_texts(file, job, rows) else set[str]()
    with file.durable_later():
        for table in PLAN_TABLES:
            if table not in stay:
                _change(file, _CLEAR.format(table=table), job)
                for piece in _pieces(rows[table]):
                    with _piece(file) as connection:
                        insert_rows(connection, table, piece)
        _change(file, _UNPLAN, job)
        for piece in _pieces(speech_rows(job, keyed)):
            with _piece(file) as connection:
                write_speech(connection, piece)
        _change(file, _DROP, job)
    return True


def _has_texts(file: LedgerFile, job: str, rows: PlanRows) -> bool:
    return file.holds(rows["source"], "SELECT * FROM source WHERE job = ? ORDER BY number", job)


def _pieces(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for first in range(0, len(rows), PIECE_ROWS):
        yield rows[first : first + PIECE_ROWS]


def _change(file: LedgerFile, sql: str, job: str) -> None:
    """Change or delete rows, so many at a time, until there are no more."""
    changed = PIECE_ROWS
    while changed == PIECE_ROWS:
        with _piece(file) as connection:
            changed = connection.execute(sql, (job, job, PIECE_ROWS)).rowcount


@contextmanager
def _piece(file: LedgerFile) -> Generator[sqlite3.Connection]:
    with file.transaction() as connection:
        begun_s = time.monotonic()
        yield connection
    time.sleep(time.monotonic() - begun_s)  # whoever waits for the ledger looks again in between
