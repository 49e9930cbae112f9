"""A plan that is large into the ledger, so that nobody else waits for it.

One writes at a time. Who has a service's loop must not wait for the rows of a book: its watchdog, the status
that clients ask for and the child's next segment wait with it. So of a job that was never planned the rows
are written in pieces, and after each the ledger is left to others for as long. Until the last transaction
says so the job is not planned: a plan that broke off is written from its beginning. Of a plan that is there
already nothing is written.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Final

from supervisor.edge.ledger_plan import (
    PLAN_TABLES,
    KeyedSegments,
    PlanRows,
    Row,
    clear_cuts,
    insert_rows,
    speech_rows,
    write_speech,
)
from supervisor.edge.ledger_schema import LedgerFile

#: Rows of a piece: some milliseconds' work.
PIECE_ROWS: Final = 500

_SPEECH: Final = "speech"


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


def is_new(file: LedgerFile, job: str) -> bool:
    """Say whether a job was taken in, and never planned: nobody reads rows of it."""
    unplanned = "SELECT count(*) FROM job WHERE job = ? AND length(spec) = 0"
    return file.rows(tuple[int], unplanned, job) == [(1,)]


def write_in_pieces(file: LedgerFile, job: str, rows: PlanRows, keyed: KeyedSegments) -> bool:
    """Write the rows of a job that is new; the job is not planned by that.

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
    with file.durable_later():
        with file.transaction() as connection:  # of a planning that broke off
            clear_cuts(connection, job)
            connection.execute("DELETE FROM speech WHERE job = ? AND state != 'done'", (job,))
        for table, piece in _pieces(job, rows, keyed):
            begun_s = time.monotonic()
            with file.transaction() as connection:
                if table == _SPEECH:
                    write_speech(connection, piece)
                else:
                    insert_rows(connection, table, piece)
            time.sleep(time.monotonic() - begun_s)  # whoever waits for the ledger looks again in between
    return True


def _pieces(job: str, rows: PlanRows, keyed: KeyedSegments) -> Iterator[tuple[str, Sequence[Row]]]:
    for table, all_rows in (*rows.items(), (_SPEECH, speech_rows(job, keyed))):
        for first in range(0, len(all_rows), PIECE_ROWS):
            yield table, all_rows[first : first + PIECE_ROWS]
