"""Jobs that somebody paused: they wait for him, over restarts too, and nothing of them is lost.

A job that stands still for want of memory is called paused as well; that one is in hand, and goes on by
itself. What tells them apart is what is said of them: `HELD`.
"""

import sqlite3

from supervisor.edge.ledger_reading import LedgerReader
from supervisor.edge.ledger_schema import LedgerError
from supervisor.edge.ledger_values import HELD
from supervisor.edge.ledger_words import no_job

_HOLD = "UPDATE job SET state = 'paused', error = ? WHERE job = ? AND (error IS ? OR state IN ({}))"
_WAITS = "'queued', 'parked'"


class Holding(LedgerReader):
    """To pause and to resume. Whatever writes is one transaction."""

    def hold(self, job: str, *, in_hand: bool = True) -> bool:
        """Have a job wait until it is resumed.

        Whoever has it in hand ends its planner and its speaking first.

        Args:
            job: Which.
            in_hand: Also one that is being planned or spoken.

        Returns:
            Whether it waits now; False: it is over, or in hand.

        Raises:
            LedgerError: If there is no such job.
        """
        states = f"{_WAITS}, 'running', 'paused'" if in_hand else _WAITS
        with self._file.transaction() as connection:
            _must_be_there(connection, job)
            held = connection.execute(_HOLD.format(states), (HELD, job, HELD)).rowcount == 1
            if held:
                connection.execute("DELETE FROM tally WHERE job = ?", (job,))
                connection.execute("UPDATE submission SET is_open = 0 WHERE job = ?", (job,))
        return held

    def resume(self, job: str, at_s: float) -> bool:
        """Queue a job that somebody paused, at the rank it had; let any other be.

        Args:
            job: Which: submitted or not.
            at_s: Now, in seconds since the epoch.

        Returns:
            Whether it is queued by this.

        Raises:
            LedgerError: If there is no such job.
        """
        with self._file.transaction() as connection:
            _must_be_there(connection, job)
            queued = "UPDATE job SET state = 'queued', error = NULL WHERE job = ? AND error = ?"
            if connection.execute(queued, (job, HELD)).rowcount == 0:
                return False
            again = "UPDATE submission SET is_open = 1 WHERE job = ?"
            if connection.execute(again, (job,)).rowcount == 0:
                queue_again(connection, job, at_s)
        return True


def queue_again(connection: sqlite3.Connection, job: str, at_s: float) -> None:
    """Have the service bring a job to its end, behind all that wait."""
    again = (
        "INSERT OR REPLACE INTO submission (job, request, at_s, is_open, is_fresh, is_planned) "
        "SELECT job, request, ?, 1, is_fresh, is_planned FROM submission WHERE job = ?"
    )
    if connection.execute(again, (at_s, job)).rowcount == 0:
        # Never submitted, so planned: what there is to know of it is in the plan.
        connection.execute(
            "INSERT INTO submission (job, request, at_s, is_open, is_fresh, is_planned) "
            "VALUES (?, x'', ?, 1, 0, 1)",
            (job, at_s),
        )


def is_held(connection: sqlite3.Connection, job: str) -> bool:
    """Say whether somebody paused a job."""
    return (
        connection.execute("SELECT 1 FROM job WHERE job = ? AND error = ?", (job, HELD)).fetchone()
        is not None
    )


def _must_be_there(connection: sqlite3.Connection, job: str) -> None:
    if connection.execute("SELECT 1 FROM job WHERE job = ?", (job,)).fetchone() is None:
        raise LedgerError(no_job(job))
