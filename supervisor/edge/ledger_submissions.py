"""Jobs that were submitted to a service: in the ledger before they are planned, and until they are over.

A row of `submission` is what was asked for. How far the job is stands in `job`, as for a job that
`narrate` made; until it is planned, its `spec` there is empty.

    submit ──▶ queued ── take ──▶ running ── set_state ──▶ done, failed
      ▲          ▲  ╲                │ ╲
      │        retry  cancel       dies, parks
      │          │      ╲            │    ╲
      └──────────┴──── cancelled   parked ── requeue_parked ──▶ queued, at its old rank

    queued, running, parked ── hold ──▶ paused by request ── resume ──▶ queued, at its old rank

A submission is *open* until its job is done, failed or cancelled, and not while somebody wants it to pause:
open ones are the service's to bring to an end, whatever became of the process that had them in hand.
"""

import sqlite3
from typing import Final

import msgspec

from supervisor.edge.ledger_holding import Holding, is_held, queue_again
from supervisor.edge.ledger_plan import forget_failures
from supervisor.edge.ledger_queries import TALLY
from supervisor.edge.ledger_schema import LedgerError, Value
from supervisor.edge.ledger_values import ABANDONED, HELD, JobState, job_id_for
from supervisor.edge.ledger_wanted import StoredSubmission, SubmitOutcome, Wanted
from supervisor.edge.ledger_words import no_job

#: After these nothing happens to a job unless somebody asks for it.
_OVER: Final = frozenset[JobState]({"done", "failed", "cancelled"})

#: A job that the service has, or is about to have.
_IN_HAND: Final = frozenset[JobState]({"queued", "running", "paused"})


class OtherInHand(LedgerError):
    """Another request for the same output is queued or in hand."""


#: Rows of `StoredSubmission`.
_STORED = """
    SELECT submission.job, output, rank, request, at_s, is_fresh AS fresh, is_planned AS planned, (
        SELECT key FROM submission_key WHERE submission_key.job = submission.job
        ORDER BY submission_key.rowid DESC LIMIT 1
    ) AS key
    FROM submission JOIN job ON job.job = submission.job
"""


class Submissions(Holding):
    """The states of jobs, and those that were submitted. Whatever writes is one transaction."""

    def submit(self, wanted: Wanted, at_s: float) -> SubmitOutcome:
        """Take a job in, behind all that wait; it is on disk for good when this returns.

        A key that is known is the job it was given for, whatever else is said. Without one, the same
        request for a job that is queued or in hand is that job; one that is over, or parked, is queued again.

        Args:
            wanted: The job.
            at_s: Now, in seconds since the epoch.

        Raises:
            OtherInHand: If the job is queued or in hand with another request; nothing has changed.
        """
        job = job_id_for(wanted.output)
        with self._file.transaction() as connection:
            known = _job_of_key(connection, wanted.key)
            if known is not None:
                return SubmitOutcome(job=known, is_new=False)
            is_new = not _is_in_hand(connection, job)
            if is_new:
                _queue(connection, job, wanted, at_s)
            else:
                _must_be_the_same(connection, job, wanted)
            _note_key(connection, job, wanted.key)
        return SubmitOutcome(job=job, is_new=is_new)

    def job_of_key(self, key: str) -> str | None:
        """Return the job that a key was given for; None if there is none, or it was forgotten."""
        asked = "SELECT job FROM submission_key JOIN job USING (job) WHERE key = ?"
        found = self._file.rows(tuple[str], asked, key)
        return found[0][0] if found else None

    def submission(self, job: str) -> StoredSubmission | None:
        """Return what was submitted of a job, or None: nothing was."""
        found = self._file.records(StoredSubmission, f"{_STORED} WHERE submission.job = ?", job)
        return found[0] if found else None

    def output(self, job: str) -> str | None:
        """Return where a job's audio is to lie, absolute; a folder's ends with "/". None: no such job."""
        found = self._file.rows(tuple[str], "SELECT output FROM job WHERE job = ?", job)
        return found[0][0] if found else None

    def outputs(self) -> dict[str, str]:
        """Return where each job's audio is to lie, absolute; a folder's ends with "/"."""
        return dict(self._file.rows(tuple[str, str], "SELECT job, output FROM job"))

    def queued(self, limit: int = 1) -> list[StoredSubmission]:
        """Return the submitted jobs that wait to be taken in hand, in order of rank.

        Args:
            limit: At most so many; each comes with its text.
        """
        waits = f"{_STORED} WHERE is_open AND state = 'queued' ORDER BY rank LIMIT ?"
        return self._file.records(StoredSubmission, waits, limit)

    def take(self, job: str) -> bool:
        """Take a queued job in hand; False: it is queued no more, somebody cancelled it."""
        with self._file.transaction() as connection:
            taken = "UPDATE job SET state = 'running', error = NULL WHERE job = ? AND state = 'queued'"
            return connection.execute(taken, (job,)).rowcount == 1

    def cancel(self, job: str, *, in_hand: bool = True) -> bool:
        """Take a job back; what is spoken of it is kept. One that is over stays as it is.

        Whoever has it in hand ends its planner and its speaking first: a plan that is written after this
        would queue it again.

        Args:
            job: Which.
            in_hand: Also one that is being planned or spoken.

        Returns:
            Whether it is cancelled by this.

        Raises:
            LedgerError: If there is no such job.
        """
        states: tuple[JobState, ...] = ("queued", "parked", *(("running", "paused") if in_hand else ()))
        with self._file.transaction() as connection:
            can = _known_state(connection, job) in states or is_held(connection, job)
            if can:
                _set_state(connection, job, "cancelled", None)
        return can

    def retry(self, job: str, at_s: float) -> bool:
        """Queue a job again, behind all that wait, and let what was set aside be tried again.

        Args:
            job: Which: submitted or not.
            at_s: Now, in seconds since the epoch.

        Returns:
            Whether it is queued by this; False: it is queued or in hand already.

        Raises:
            LedgerError: If there is no such job.
        """
        with self._file.transaction() as connection:
            _known_state(connection, job)
            if _is_in_hand(connection, job):
                return False
            forget_failures(connection, job)
            queue_again(connection, job, at_s)
            _set_state(connection, job, "queued", None)
        return True

    # ------------------------------------------------------------------ states

    def set_state(self, job: str, state: JobState, error: str | None = None) -> None:
        """Put the job into a state; `error` says why, None takes an earlier one away.

        Raises:
            LedgerError: If there is no such job.
        """
        with self._file.transaction() as connection:
            _known_state(connection, job)
            _set_state(connection, job, state, error)

    def park_abandoned(self) -> None:
        """Park what an owner before us left in hand: it was killed, and noted nothing."""
        with self._file.transaction() as connection:
            connection.execute(
                "UPDATE job SET state = 'parked', error = ? "
                "WHERE state = 'running' OR (state = 'paused' AND error IS NOT ?)",
                (ABANDONED, HELD),
            )

    def requeue_parked(self) -> int:
        """Queue what was submitted and is parked, each at the rank it had; for a service alone.

        After `park_abandoned`, that is whatever a service before us had in hand, or parked when it was
        asked to stop. Jobs that `narrate` began stay parked.

        Returns:
            Their number.
        """
        with self._file.transaction() as connection:
            return connection.execute(
                "UPDATE job SET state = 'queued', error = NULL WHERE state = 'parked' "
                "AND job IN (SELECT job FROM submission WHERE is_open)"
            ).rowcount

    # ------------------------------------------------------------------ within

    def _change(self, job: str, sql: str, *values: Value) -> None:
        """Change exactly one row, or say that it was not there to be changed so."""
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM tally WHERE job = ?", (job,))
            if connection.execute(sql, values).rowcount != 1:
                raise LedgerError(f"job {job}: nothing in the state for this step: {sql} {values}")


def begin_anew(connection: sqlite3.Connection, job: str) -> None:
    """Take a job out that is to be planned anew, unless a service is to do it: then it stays, as unplanned.

    It is fresh from here on: a service that dies goes on where it was.
    """
    stays = (
        "UPDATE submission SET is_fresh = 0, is_planned = 0 WHERE job = ? AND is_open AND length(request) > 0"
    )
    if connection.execute(stays, (job,)).rowcount:
        connection.execute("UPDATE job SET spec = x'' WHERE job = ?", (job,))
        return  # nothing of what is open is counted for good
    for table in ("submission", "job", "tally"):
        connection.execute(f"DELETE FROM {table} WHERE job = ?", (job,))  # noqa: S608 - names of our own


def _queue(connection: sqlite3.Connection, job: str, wanted: Wanted, at_s: float) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO job (job, output, spec, state) VALUES (?, ?, x'', 'queued')",
        (job, wanted.output),
    )
    _set_state(connection, job, "queued", None)
    # Replaced, not changed: its rank is a new one, the highest.
    connection.execute(
        "INSERT OR REPLACE INTO submission (job, request, at_s, is_open, is_fresh, is_planned) "
        "VALUES (?, ?, ?, 1, ?, 0)",
        (job, wanted.request, at_s, int(wanted.is_fresh)),
    )


def _set_state(connection: sqlite3.Connection, job: str, state: JobState, error: str | None) -> None:
    connection.execute("UPDATE job SET state = ?, error = ? WHERE job = ?", (state, error, job))
    if state in _OVER:
        connection.execute("UPDATE submission SET is_open = 0 WHERE job = ?", (job,))
        connection.execute(TALLY, (job,))
    else:
        connection.execute("DELETE FROM tally WHERE job = ?", (job,))


def _known_state(connection: sqlite3.Connection, job: str) -> JobState:
    found = connection.execute("SELECT state FROM job WHERE job = ?", (job,)).fetchone()
    if found is None:
        raise LedgerError(no_job(job))
    return msgspec.convert(found[0], JobState)


def _is_in_hand(connection: sqlite3.Connection, job: str) -> bool:
    asked = "SELECT state FROM job JOIN submission ON submission.job = job.job WHERE job.job = ? AND is_open"
    found = connection.execute(asked, (job,)).fetchone()
    return found is not None and found[0] in _IN_HAND


def _must_be_the_same(connection: sqlite3.Connection, job: str, wanted: Wanted) -> None:
    asked = "SELECT state FROM job JOIN submission USING (job) WHERE job = ? AND request = ? AND is_fresh = ?"
    if connection.execute(asked, (job, wanted.request, int(wanted.is_fresh))).fetchone() is None:
        state = _known_state(connection, job)
        raise OtherInHand(
            f"job {job}: {wanted.output} is {state} already, from another request (its inputs, voice, "
            "seed or form differ); wait until it is over, cancel it first, or choose another output"
        )


def _job_of_key(connection: sqlite3.Connection, key: str | None) -> str | None:
    if key is None:
        return None
    asked = "SELECT job FROM submission_key JOIN job USING (job) WHERE key = ?"
    found = connection.execute(asked, (key,)).fetchone()
    return None if found is None else str(found[0])


def _note_key(connection: sqlite3.Connection, job: str, key: str | None) -> None:
    if key is not None:
        connection.execute("INSERT OR REPLACE INTO submission_key (key, job) VALUES (?, ?)", (key, job))
