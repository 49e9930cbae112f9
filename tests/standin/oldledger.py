"""A ledger as earlier versions of this program left it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from supervisor.edge.ledger_schema import FILE_NAME

#: What an upgrade added, by the version before it.
_ADDED = {
    3: (
        "DROP INDEX submission_open",
        "DROP INDEX submission_keys",
        "DROP TABLE submission",
        "DROP TABLE submission_key",
        "DROP TABLE tally",
    ),
    2: ("ALTER TABLE speech DROP COLUMN past",),
    1: ("DROP TABLE degrade",),
}


def backdate(state: Path, version: int) -> None:
    """Take from a ledger what its version did not have yet."""
    with closing(sqlite3.connect(state / FILE_NAME)) as connection:
        for since in range(3, version - 1, -1):
            for statement in _ADDED[since]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={version}")
        connection.commit()
