"""The ledger's file: its tables, one connection, and what SQLite's errors mean.

Write-ahead log with synchronous=FULL: a transaction that returned is on disk for good, and
readers beside the owner see whole transactions only.
"""

import errno
import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, TypeVar

import msgspec

from supervisor.edge.disk import make_folder, write_error
from supervisor.edge.ledger_queries import TALLY_ALL
from supervisor.errors import DiskFull, StateInUse, SupervisorError

FILE_NAME = "ledger.sqlite3"

#: Raised whenever a table changes.
SCHEMA_VERSION = 4

#: How long one writer waits for another: many transactions' worth, under a person's patience.
BUSY_S = 10.0

#: A kilobyte count when negative: enough for the tables' upper pages, and a bound on the heap.
_CACHE_SIZE = -1024

#: The shared-memory file grows by 32 KiB; under twice that a failed write means a full disk.
_LEAST_ROOM_BYTES = 65_536

_Row = TypeVar("_Row")
Value = str | int | float | bytes | None

# `speech` is what became of a key; segments of a job with the same key share one row.
# `first` is the lowest segment number with that key: where it is handed out. A row of no copies
# is a spare: done, of no segment now, kept for a later plan.
# An empty `sha256` in `delivery`: a file that an earlier plan delivered, and this one not yet.
# No `chapter` in `degrade`: the present plan has none such.
_DEGRADE = """ degrade (
    job TEXT NOT NULL, engine TEXT NOT NULL, place TEXT NOT NULL, chapter INTEGER,
    segment_chars INTEGER, sample_rate_hz INTEGER, full_rate_hz INTEGER, steps BLOB NOT NULL,
    PRIMARY KEY (job, engine, place)
) WITHOUT ROWID"""
# AUTOINCREMENT: no rank is ever given twice. A job has as many keys as were given for it.
_SUBMISSION = """ submission (
    rank INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL UNIQUE, at_s REAL NOT NULL,
    is_open INTEGER NOT NULL, is_fresh INTEGER NOT NULL, is_planned INTEGER NOT NULL,
    request BLOB NOT NULL
)"""
_SUBMISSION_KEY = " submission_key (key TEXT PRIMARY KEY, job TEXT NOT NULL)"
_SUBMISSION_INDEXES = """
CREATE INDEX submission_open ON submission (rank) WHERE is_open;
CREATE INDEX submission_keys ON submission_key (job)"""
# What was counted of a job that is over: a thousand books have a million segments, and are listed often.
_TALLY = """ tally (
    job TEXT PRIMARY KEY, segments INTEGER NOT NULL, done INTEGER NOT NULL, failed INTEGER NOT NULL,
    bad_lines INTEGER NOT NULL, seconds REAL NOT NULL
) WITHOUT ROWID"""
_TABLES = f"""
CREATE TABLE job (
    job TEXT PRIMARY KEY, output TEXT NOT NULL, spec BLOB NOT NULL,
    state TEXT NOT NULL, error TEXT
);
CREATE TABLE source (
    job TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL,
    characters INTEGER NOT NULL, text_zlib BLOB NOT NULL,
    PRIMARY KEY (job, number)
);
CREATE TABLE span (
    job TEXT NOT NULL, number INTEGER NOT NULL, source INTEGER NOT NULL,
    start INTEGER NOT NULL, end INTEGER NOT NULL, reason TEXT,
    PRIMARY KEY (job, number)
) WITHOUT ROWID;
CREATE TABLE bad_line (
    job TEXT NOT NULL, number INTEGER NOT NULL, line BLOB NOT NULL,
    PRIMARY KEY (job, number)
) WITHOUT ROWID;
CREATE TABLE chapter (
    job TEXT NOT NULL, number INTEGER NOT NULL, title TEXT NOT NULL, name TEXT,
    voice BLOB NOT NULL, sample_rate_hz INTEGER, settings BLOB NOT NULL,
    first INTEGER NOT NULL, segments INTEGER NOT NULL,
    PRIMARY KEY (job, number)
) WITHOUT ROWID;
CREATE TABLE segment (
    job TEXT NOT NULL, number INTEGER NOT NULL, chapter INTEGER NOT NULL, key TEXT NOT NULL,
    text TEXT NOT NULL, seed INTEGER NOT NULL, pause TEXT NOT NULL,
    source INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
    PRIMARY KEY (job, number)
) WITHOUT ROWID;
CREATE TABLE speech (
    job TEXT NOT NULL, key TEXT NOT NULL, first INTEGER NOT NULL, copies INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting', attempts INTEGER NOT NULL DEFAULT 0,
    killed INTEGER NOT NULL DEFAULT 0, in_hand INTEGER NOT NULL DEFAULT 0,
    path TEXT, samples INTEGER, sample_rate_hz INTEGER, sha256 TEXT, figures BLOB,
    kind TEXT, message TEXT, past BLOB,
    PRIMARY KEY (job, key)
) WITHOUT ROWID;
CREATE INDEX speech_waiting ON speech (job, first) WHERE state = 'waiting';
CREATE TABLE delivery (
    job TEXT NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL,
    samples INTEGER NOT NULL, sample_rate_hz INTEGER NOT NULL,
    UNIQUE (job, path)
);
CREATE TABLE life (
    number INTEGER PRIMARY KEY, job TEXT NOT NULL, record BLOB NOT NULL
);
CREATE INDEX life_of_job ON life (job, number);
CREATE TABLE {_DEGRADE};
CREATE TABLE {_SUBMISSION};
CREATE TABLE {_SUBMISSION_KEY};
{_SUBMISSION_INDEXES};
CREATE TABLE {_TALLY};
"""

#: What brings a ledger of an earlier version up to the next.
_UPGRADES = {
    1: f"CREATE TABLE {_DEGRADE}",
    2: "ALTER TABLE speech ADD COLUMN past BLOB",
    3: f"CREATE TABLE {_SUBMISSION}; CREATE TABLE {_SUBMISSION_KEY}; {_SUBMISSION_INDEXES};"
    f"CREATE TABLE {_TALLY}; {TALLY_ALL}",
}

#: Tables that came with an upgrade, by the version before it.
_TABLES_SINCE = {1: (_DEGRADE,), 3: (_SUBMISSION, _SUBMISSION_KEY, _TALLY)}


class LedgerError(SupervisorError):
    """The ledger cannot be used, or was asked for something that it does not hold."""

    exit_code: ClassVar[int] = 1


class LedgerFile:
    """One connection to the ledger. Calls come one at a time."""

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        """Open the ledger; without `read_only`, create it where there is none.

        Args:
            folder: The state folder.
            read_only: Look only; beside an owner.

        Raises:
            LedgerError: If there is none to read, if it is damaged, or of a newer version.
            DiskFull: If there is no room for it.
            Unwritable: If the folder cannot be written.
        """
        self.folder = folder
        self._path = folder / FILE_NAME
        if not read_only:
            make_folder(folder)
        with self._translated():
            self._connection = self._connect("ro" if read_only else "rwc")
        try:
            with self._translated():
                self._prepare(read_only=read_only)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; again, nothing happens."""
        self._connection.close()

    def rows(self, kind: type[_Row], sql: str, *values: Value) -> list[_Row]:
        """Return a query's rows, each checked to be a `kind` (a tuple type)."""
        with self._translated():
            found = self._connection.execute(sql, values).fetchall()
        return [msgspec.convert(row, kind) for row in found]

    def records(self, kind: type[_Row], sql: str, *values: Value) -> list[_Row]:
        """Return a query's rows as `kind`, a struct or dataclass with the columns' names."""
        with self._translated():
            cursor = self._connection.execute(sql, values)
            found = cursor.fetchall()
        names = [column[0] for column in cursor.description]
        return [msgspec.convert(dict(zip(names, row, strict=True)), kind) for row in found]

    def holds(self, rows: Sequence[tuple[Value, ...]], sql: str, *values: Value) -> bool:
        """Say whether a query gives these very rows, in their order."""
        with self._translated():
            return self._connection.execute(sql, values).fetchall() == list(rows)

    @contextmanager
    def durable_later(self) -> Generator[None]:
        """Have transactions be on disk for good with the first one behind the block; till then, in order."""
        self.rows(tuple[int], "PRAGMA synchronous=NORMAL")
        try:
            yield
        finally:
            self.rows(tuple[int], "PRAGMA synchronous=FULL")

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """Do everything within or nothing of it; on disk for good when the block is left.

        Raises:
            DiskFull: If there is no room; nothing has changed.
            StateInUse: If another process writes for too long; nothing has changed.
            LedgerError: If the file is damaged.
        """
        connection = self._connection
        with self._translated():
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk may have rolled back already
                    connection.execute("ROLLBACK")
                raise

    def _connect(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self._path.as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_S,
            isolation_level=None,  # transactions are ours alone to begin
            check_same_thread=False,  # the loop may lend it to a thread, one call at a time
        )

    def _prepare(self, *, read_only: bool) -> None:
        connection = self._connection
        connection.execute(f"PRAGMA cache_size={_CACHE_SIZE}")
        if not read_only:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
        version = self._version()
        if version == 0 and not read_only:
            self._create_tables()
        elif version == 0:
            raise LedgerError(self._nothing_yet())
        elif version in _UPGRADES:
            self._upgrade(read_only=read_only)
        elif version != SCHEMA_VERSION:
            raise LedgerError(
                f"{self._path} has version {version} of the ledger, this program knows "
                f"{SCHEMA_VERSION}; update the program, or choose another folder with --state"
            )

    def _upgrade(self, *, read_only: bool) -> None:
        if read_only:
            # Beside the file, for this connection alone: who only looks finds the tables, all empty.
            # (What a segment left for the next is of no use to who only looks.)
            version = self._version()
            for table in (table for since, new in _TABLES_SINCE.items() if version <= since for table in new):
                self._connection.execute(f"CREATE TEMP TABLE {table}")
            return
        with self.transaction() as connection:
            while (version := self._version()) in _UPGRADES:  # another process may have been faster
                for statement in _UPGRADES[version].split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={version + 1}")

    def _create_tables(self) -> None:
        with self.transaction() as connection:
            if self._version() == 0:  # another process may have been faster
                for statement in _TABLES.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def _version(self) -> int:
        return self.rows(tuple[int], "PRAGMA user_version")[0][0]

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._meaning(error) from error

    def _meaning(self, error: sqlite3.Error) -> SupervisorError:
        extended: int = getattr(error, "sqlite_errorcode", 0)
        code = extended & 0xFF  # the low byte is the class
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and self._is_full()):
            said = write_error(self.folder, OSError(errno.ENOSPC, str(error)))
            return DiskFull(f"{said} (the ledger: {error})")
        if code == sqlite3.SQLITE_BUSY:
            return StateInUse(f"{self._path} is being written by another process; try again later")
        if code == sqlite3.SQLITE_CANTOPEN and not self._path.exists():
            return LedgerError(self._nothing_yet())
        if extended == sqlite3.SQLITE_READONLY_ROLLBACK:
            # The power went while the file was made (its log comes later): who writes next undoes that.
            return LedgerError(self._nothing_yet())
        return LedgerError(
            f"the ledger {self._path} cannot be used: {error}; move the file away to start anew, "
            "or choose another folder with --state"
        )

    def _nothing_yet(self) -> str:
        return f"no ledger in {self.folder}: nothing was narrated with this --state yet"

    def _is_full(self) -> bool:
        """SQLite calls a full disk an I/O error where it grows its shared-memory file."""
        room = os.statvfs(self.folder)
        return room.f_bavail * room.f_frsize < _LEAST_ROOM_BYTES
