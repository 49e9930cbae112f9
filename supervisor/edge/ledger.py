"""The ledger: every job and segment, and what became of them. One transaction a step.

A segment counts as done only when its audio is on disk: commit the audio file first, then
call `done`. What a parent had handed out when it died is found again by `in_hand`.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from supervisor.edge.ledger_degrade import must_not_have_begun, number_degrades, write_degrade
from supervisor.edge.ledger_pieces import are_there, may_break_off, write_in_pieces
from supervisor.edge.ledger_plan import (
    PLAN_TABLES,
    Unkept,
    behind_gaps,
    keyed_segments,
    lost_audio,
    notices_of,
    plan_rows,
    write_cuts,
    write_plan,
)
from supervisor.edge.ledger_schema import LedgerError, LedgerFile
from supervisor.edge.ledger_submissions import Submissions, begin_anew
from supervisor.edge.ledger_values import JobSpec, Life, StoredAudio, job_id_for
from supervisor.narration.degrading import Degrade
from supervisor.narration.plan import Plan, PlanSummary
from supervisor.narration.summary import summarize

__all__ = ["Ledger", "LedgerError", "job_id_for"]

#: A hand-out that a SIGKILL from outside ended is not counted, up to this many in a row.
KILLS_FORGIVEN = 20

#: What a job that is planned anew keeps.
_LAST_TABLES = ("job", "delivery", "submission", "submission_key", "tally")

#: Child lives kept per job, newest last: a crash loop must not fill the disk.
LIVES_KEPT = 1000


class Ledger(Submissions):
    """The ledger of a state folder. Calls come one at a time.

    Whatever writes raises `DiskFull` where there is no room, and has changed nothing then.
    """

    @classmethod
    def open(cls, folder: Path, *, read_only: bool = False) -> "Ledger":
        """Open the ledger of a state folder; without `read_only`, create what is missing.

        Raises:
            LedgerError: If it is damaged, of a newer version, or (`read_only`) not there.
            DiskFull: If there is no room for it.
            Unwritable: If the folder cannot be written.
        """
        return cls(LedgerFile(folder, read_only=read_only))

    def close(self) -> None:
        """Close it; again, nothing happens."""
        self._file.close()

    # ------------------------------------------------------------------ the job

    def save_plan(
        self,
        spec: JobSpec,
        plan: Plan,
        degrades: Mapping[int, Degrade] | None = None,
        *,
        alive: Callable[[], object] = bool,
    ) -> PlanSummary:
        """Make the job, or plan it anew: done stays done where the key is still planned.

        Audio of planned keys is read and compared with its SHA-256; what differs is spoken again.
        Failed segments are forgotten, so that they are tried again. What is done and planned no
        more is kept for a later plan, counted nowhere, until `prune`. `degrades` is what the ledger
        keeps of chapters of this plan, by their numbers. `alive` is called as the work gets on.
        """
        keyed = keyed_segments(spec, plan)
        asked = "SELECT key, path, sha256 FROM speech WHERE job = ? AND state = 'done'"
        done = self._file.rows(tuple[str, str, str], asked, spec.job)
        # Before the transaction: a gigabyte takes seconds, and the owner writes meanwhile.
        lost = lost_audio(self.folder, (row for row in done if row[0] in keyed.copies), alive)
        behind = behind_gaps(keyed, {key for key, _, _ in done}.difference(lost)) if spec.carries_past else []
        unkept = Unkept(lost=lost, behind=behind)
        rows = plan_rows(spec.job, plan, keyed)
        is_there = are_there(self._file, spec.job, rows, keyed) or (
            may_break_off(self._file, spec.job, rows) and write_in_pieces(self._file, spec.job, rows, keyed)
        )
        with self._file.transaction() as connection:
            number_degrades(connection, spec.job, spec.engine_identity, degrades or {})
            write_plan(connection, spec, keyed, unkept, None if is_there else rows)
        told = replace(plan, notices=(*plan.notices, *notices_of(unkept)))
        return summarize(told, sample_rate_hz=spec.sample_rate_hz, reused=self._done_copies(spec.job))

    def save_recut(self, spec: JobSpec, plan: Plan, chapter: int, kept: Degrade) -> None:
        """Cut a chapter otherwise, in the midst of a run, and keep that for later plans.

        Of other chapters nothing changes but the numbers of the segments behind it.

        Args:
            spec: The job's.
            plan: All of it, with the chapter as it is to be spoken.
            chapter: Its number.
            kept: For later plans.

        Raises:
            ChapterBegun: If something of it is spoken or in hand; nothing has changed.
        """
        keyed = keyed_segments(spec, plan)
        rows = plan_rows(spec.job, plan, keyed)
        with self._file.transaction() as connection:
            must_not_have_begun(connection, spec.job, chapter)
            write_cuts(connection, spec.job, rows, keyed)
            write_degrade(connection, spec.job, spec.engine_identity, chapter, kept)

    def forget(self, job: str, *, keep_deliveries: bool = False) -> None:
        """Take the job out, with every row and segment; finished files stay where they are.

        Args:
            job: Which.
            keep_deliveries: It is to be planned anew: its finished files become `earlier_files`, and what
                a service is to do stays submitted.
        """
        tables = (*PLAN_TABLES, "speech", "degrade", "life")
        with self._file.transaction() as connection:
            for table in (*tables, *(() if keep_deliveries else _LAST_TABLES)):
                connection.execute(f"DELETE FROM {table} WHERE job = ?", (job,))  # noqa: S608 - names of our own
            if keep_deliveries:
                begin_anew(connection, job)
        shutil.rmtree(self._audio_folder(job), ignore_errors=True)

    remove = forget

    def prune(self, job: str, *, keep_spares: bool = False) -> int:
        """Delete audio that no planned segment has, and what a killed parent left half written.

        To be called by the owner of the state folder, while nothing of the job is being spoken.

        Args:
            job: Which.
            keep_spares: Keep what is done and not planned: a later plan may want it.

        Returns:
            Number of files deleted.
        """
        if not keep_spares:
            with self._file.transaction() as connection:
                connection.execute("DELETE FROM speech WHERE job = ? AND copies = 0", (job,))
        folder = self._audio_folder(job)
        stale = [path for path in folder.glob("*") if not self._is_wanted(job, path)]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    # ------------------------------------------------------------------ speaking

    def claim(self, job: str, key: str) -> None:
        """Count a hand-out, durably, before it is handed out.

        Raises:
            LedgerError: If the key is not waiting, or is in hand already.
        """
        self._change(
            job,
            "UPDATE speech SET attempts = attempts + 1, in_hand = 1 "
            "WHERE job = ? AND key = ? AND state = 'waiting' AND in_hand = 0",
            *(job, key),
        )

    def unclaim(self, job: str, key: str, *, killed: bool) -> None:
        """Take a hand-out back: it is not to be counted.

        Args:
            job: Which.
            key: In hand.
            killed: It was ended from outside: counted apart, so that it cannot go on for ever.

        Raises:
            LedgerError: If the key is not in hand.
        """
        self._change(
            job,
            "UPDATE speech SET attempts = attempts - 1, in_hand = 0, killed = killed + ? "
            "WHERE job = ? AND key = ? AND in_hand = 1",
            *(int(killed), job, key),
        )

    def charge(self, job: str, key: str) -> None:
        """Let a hand-out count: it ended by the child's own doing.

        Raises:
            LedgerError: If the key is not in hand.
        """
        sql = "UPDATE speech SET in_hand = 0 WHERE job = ? AND key = ? AND in_hand = 1"
        self._change(job, sql, job, key)

    def done(self, job: str, stored: StoredAudio, attempts: int) -> None:
        """Record a finished segment. Its audio must be on disk for good.

        Raises:
            LedgerError: If no such key is waiting: done twice, or set aside, or not planned.
        """
        self._change(
            job,
            "UPDATE speech SET state = 'done', in_hand = 0, killed = 0, attempts = ?, path = ?, "
            "samples = ?, sample_rate_hz = ?, sha256 = ?, figures = ?, past = ? "
            "WHERE job = ? AND key = ? AND state = 'waiting'",
            *(attempts, stored.path, stored.samples, stored.sample_rate_hz, stored.sha256),
            *(msgspec.json.encode(stored.figures), stored.past or None, job, stored.key),
        )

    def set_aside(self, job: str, key: str, kind: str, message: str) -> None:
        """Give a segment up, with the reason; the job goes on without it.

        Raises:
            LedgerError: If no such key is waiting.
        """
        self._change(
            job,
            "UPDATE speech SET state = 'failed', in_hand = 0, kind = ?, message = ? "
            "WHERE job = ? AND key = ? AND state = 'waiting'",
            *(kind, message, job, key),
        )

    def return_orphans(self, job: str) -> int:
        """Take back what a parent had handed out when it died, as killed from outside.

        Not counted as attempts, up to `KILLS_FORGIVEN` in a row.

        Returns:
            Their number.
        """
        with self._file.transaction() as connection:
            return connection.execute(
                "UPDATE speech SET in_hand = 0, killed = killed + 1, "
                "attempts = attempts - (killed < ?) WHERE job = ? AND in_hand = 1",
                (KILLS_FORGIVEN, job),
            ).rowcount

    # ------------------------------------------------------------------ finished files

    def delivered(self, job: str, path: str, sha256: str, samples: int, sample_rate_hz: int) -> None:
        """Record a finished file. It must be on disk for good."""
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO delivery VALUES (?, ?, ?, ?, ?)",
                (job, path, sha256, samples, sample_rate_hz),
            )

    def forget_earlier_files(self, job: str) -> None:
        """Know no more which files an earlier plan delivered; they stay where they are."""
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM delivery WHERE job = ? AND sha256 = ''", (job,))

    # ------------------------------------------------------------------ child lives

    def record_life(self, job: str, life: Life) -> None:
        """Keep how a child life ended; the oldest go."""
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT INTO life (job, record) VALUES (?, ?)", (job, msgspec.json.encode(life))
            )
            connection.execute(
                "DELETE FROM life WHERE number = (SELECT number FROM life WHERE job = ? "
                "ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (job, LIVES_KEPT),
            )

    # ------------------------------------------------------------------ within

    def _done_copies(self, job: str) -> int:
        asked = "SELECT coalesce(sum(copies), 0) FROM speech WHERE job = ? AND state = 'done'"
        return self._file.rows(tuple[int], asked, job)[0][0]

    def _audio_folder(self, job: str) -> Path:
        return self.folder / "audio" / job

    def _is_wanted(self, job: str, path: Path) -> bool:
        sql = "SELECT 1 FROM speech WHERE job = ? AND key = ? AND state = 'done' AND path = ?"
        place = str(path.relative_to(self.folder))
        return bool(self._file.rows(tuple[int], sql, job, path.stem, place))
