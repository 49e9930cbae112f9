"""Nothing that is asked for every segment reads a whole table."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.edge.ledger_queries import CHAPTERS, SEGMENTS, WAITING
from supervisor.edge.ledger_schema import FILE_NAME, LedgerFile


@pytest.mark.parametrize("sql", [WAITING, SEGMENTS, CHAPTERS])
def test_a_question_is_answered_from_an_index(sql: str, tmp_path: Path) -> None:
    LedgerFile(tmp_path, read_only=False).close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        values = (0,) * sql.count("?")
        steps = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert any("SEARCH" in step for step in steps)
    assert [step for step in steps if "SCAN" in step or "TEMP B-TREE" in step] == []
