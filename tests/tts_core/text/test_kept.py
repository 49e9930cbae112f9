"""A folder that is made once."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tree import ROOT
from tts_core.text.kept import kept

MAKER = """
import sys
from pathlib import Path
from tts_core.text.kept import kept

def make(folder):
    with open(sys.argv[2], "a") as log:
        log.write("made\\n")
    print("making", flush=True)
    sys.stdin.readline()
    (folder / "file").write_text("whole")

print((kept(Path(sys.argv[1]), "thing", make) / "file").read_text(), flush=True)
"""


def maker(cache: Path, log: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", MAKER, str(cache), str(log)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def write(folder: Path) -> None:
    (folder / "file").write_text("whole")


def test_what_was_made_is_not_made_again(tmp_path: Path) -> None:
    def refuse(folder: Path) -> None:
        raise AssertionError(folder)

    first = kept(tmp_path / "cache", "thing", write)
    assert kept(tmp_path / "cache", "thing", refuse) == first
    assert (first / "file").read_text() == "whole"


def wait_for_a_waiter(lock: Path) -> None:
    """Return when some process waits for the lock; the system lists those with an arrow."""
    listed = re.compile(rf"-> FLOCK .*:{lock.stat().st_ino} ")
    while not listed.search(Path("/proc/locks").read_text("ascii")):
        pass


def test_two_processes_that_start_at_once_make_it_once(tmp_path: Path) -> None:
    with maker(tmp_path, tmp_path / "log") as one:
        assert one.stdout is not None
        assert one.stdout.readline() == "making\n"
        with maker(tmp_path, tmp_path / "log") as other:
            wait_for_a_waiter(tmp_path / ".thing.lock")
            assert one.communicate("go on\n")[0] == "whole\n"
            assert other.communicate()[0] == "whole\n"
    assert (tmp_path / "log").read_text() == "made\n"


def test_a_maker_that_dies_leaves_nothing_that_lasts(tmp_path: Path) -> None:
    with maker(tmp_path, tmp_path / "log") as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == "making\n"
        dying.kill()
    assert [path.name for path in tmp_path.glob(".thing.*/")]
    assert (kept(tmp_path, "thing", write) / "file").read_text() == "whole"
    assert not list(tmp_path.glob(".thing.*/"))


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        write(folder)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        kept(tmp_path, "thing", fail)
    assert [path.name for path in tmp_path.iterdir()] == [".thing.lock"]
