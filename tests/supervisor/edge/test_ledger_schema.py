"""The ledger's file: what it refuses to open, what its errors mean, and what a kill leaves."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.edge.ledger_schema import FILE_NAME, SCHEMA_VERSION, LedgerError, LedgerFile
from supervisor.errors import DiskFull, StateInUse
from tests.standin.oldledger import backdate
from tests.standin.tinydisk import tiny_disk
from tests.tree import ROOT


def settings_of(file: LedgerFile, name: str) -> str | int:
    return file.rows(tuple[str | int], f"PRAGMA {name}")[0][0]


def test_what_is_written_is_on_disk_and_readers_are_not_in_the_way(tmp_path: Path) -> None:
    with closing(LedgerFile(tmp_path, read_only=False)) as file:
        assert settings_of(file, "journal_mode") == "wal"
        assert settings_of(file, "synchronous") == 2  # FULL
        assert settings_of(file, "user_version") == SCHEMA_VERSION


def test_a_ledger_of_a_newer_version_is_refused_with_both_versions(tmp_path: Path) -> None:
    LedgerFile(tmp_path, read_only=False).close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    for read_only in (True, False):
        with pytest.raises(LedgerError, match=rf"{SCHEMA_VERSION + 1}.*knows {SCHEMA_VERSION}; update"):
            LedgerFile(tmp_path, read_only=read_only)


def words_of(sql: str) -> set[str]:
    return set(re.findall(r"\w+", sql))


def schema_of(file: LedgerFile) -> dict[str, set[str]]:
    """Names of tables and indexes, each with the words of its definition."""
    rows = file.rows(tuple[str, str], "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {name: words_of(sql) for name, sql in rows}


@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_earlier_version_is_brought_up_to_date_by_its_owner_alone(tmp_path: Path, version: int) -> None:
    with closing(LedgerFile(tmp_path, read_only=False)) as file:
        wanted = schema_of(file)
    backdate(tmp_path, version)
    before = (tmp_path / FILE_NAME).read_bytes()
    with closing(LedgerFile(tmp_path, read_only=True)) as reader:
        for table in ("degrade", "submission", "submission_key"):
            assert reader.rows(tuple[int], f"SELECT count(*) FROM {table}") == [(0,)]
    assert (tmp_path / FILE_NAME).read_bytes() == before
    for _ in range(2):
        with closing(LedgerFile(tmp_path, read_only=False)) as file:
            assert schema_of(file) == wanted
            assert settings_of(file, "user_version") == SCHEMA_VERSION


def test_a_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(LedgerError, match=FILE_NAME):
        LedgerFile(tmp_path, read_only=False)


def test_looking_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="nothing was narrated"):
        LedgerFile(tmp_path / "state", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_only_just_created_is_no_ledger_yet(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    with pytest.raises(LedgerError, match="nothing was narrated"):
        LedgerFile(tmp_path, read_only=True)


def test_whoever_looks_cannot_write(tmp_path: Path) -> None:
    LedgerFile(tmp_path, read_only=False).close()
    with (
        closing(LedgerFile(tmp_path, read_only=True)) as file,
        pytest.raises(LedgerError, match="readonly"),
        file.transaction() as connection,
    ):
        connection.execute("INSERT INTO life (job, record) VALUES ('j', x'00')")


def write_and_fail(file: LedgerFile) -> None:
    with file.transaction() as connection:
        connection.execute("INSERT INTO life (job, record) VALUES ('j', x'00')")
        connection.execute("DELETE FROM no_table")


def test_a_step_that_fails_changes_nothing(tmp_path: Path) -> None:
    with closing(LedgerFile(tmp_path, read_only=False)) as file:
        with pytest.raises(LedgerError, match="no such table"):
            write_and_fail(file)
        assert file.rows(tuple[int], "SELECT count(*) FROM life") == [(0,)]


def test_a_writer_waits_for_another_and_then_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervisor.edge.ledger_schema.BUSY_S", 0.05)
    with (
        closing(LedgerFile(tmp_path, read_only=False)) as one,
        closing(LedgerFile(tmp_path, read_only=False)) as other,
        one.transaction(),
        pytest.raises(StateInUse, match="another process"),
        other.transaction(),
    ):
        pytest.fail("two writers at once")


FILLER = """
import os, sys
from pathlib import Path
from supervisor.edge.ledger_schema import LedgerFile
from supervisor.errors import DiskFull
file = LedgerFile(Path(sys.argv[1]), read_only=False)
with open(os.path.join(sys.argv[1], "ballast"), "wb", buffering=0) as ballast:
    while True:
        try:
            ballast.write(bytes(4096))
        except OSError:
            break
kept = 0
try:
    while True:
        with file.transaction() as connection:
            connection.execute("INSERT INTO life (job, record) VALUES ('j', zeroblob(4000))")
        kept += 1
except DiskFull as error:
    assert file.rows(tuple[int], "SELECT count(*) FROM life") == [(kept,)]
    print("full", kept, error)
"""


def test_a_full_disk_is_a_full_disk_and_nothing_is_lost(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", size_bytes=1 << 20) as folder:
        seen = subprocess.run(
            [sys.executable, "-c", FILLER, str(folder)], cwd=ROOT, capture_output=True, check=True, text=True
        ).stdout
        assert seen.startswith("full")
        assert "make room" in seen
        kept = int(seen.split()[1])
        (folder / "ballast").unlink()
        with closing(LedgerFile(folder, read_only=False)) as file:
            assert file.rows(tuple[int], "SELECT count(*) FROM life") == [(kept,)]


def test_a_disk_that_is_full_from_the_start_is_said_to_be(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", size_bytes=64 << 10) as folder:
        (folder / "ballast").write_bytes(bytes(shutil.disk_usage(folder).free // 4096 * 4096))
        with pytest.raises(DiskFull, match="make room"):
            LedgerFile(folder, read_only=False)


def test_the_connection_is_closed_when_opening_fails(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no ledger" * 1000)
    with pytest.raises(LedgerError):
        LedgerFile(tmp_path, read_only=False)
    open_files = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
    assert str(tmp_path / FILE_NAME) not in open_files
