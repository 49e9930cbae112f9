"""The same job undisturbed and in the middle of a catastrophe: the same file, byte for byte."""

import hashlib
import json
import time
from pathlib import Path

import pytest

from tests.book import make_book
from tests.processes.chaos import Chaos
from tests.processes.narration import Task, ask, narrate, paragraphs, tell

pytestmark = pytest.mark.processes

#: Deadlines that a stopped child must run into, short; recycles every few segments, so that there
#: is something to strike at (the hard mark so near that no life gets as old as a warm-up); and
#: more tries than strikes: what sets a segment aside is another test's.
DISTURBED = {
    "child.stall_s": "1.5",
    "child.term_grace_s": "0.3",
    "child.attempts": "1000",
    "memory.host.soft": '"80MiB"',
    "memory.host.hard": '"200MiB"',
    "engine.faults.leak_bytes": '"12MiB"',
}


def task_in(folder: Path, text: str, **sets: str) -> Task:
    folder.mkdir()
    (folder / "text.md").write_text(text, "utf-8")
    return Task(text=folder / "text.md", output=folder / "out.flac", state=folder / "state", sets=sets)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def assert_same_file_after_chaos(
    tmp_path: Path, text: str, *, strikes: int, kills: int, seed: int, **sets: str
) -> None:
    calm = task_in(tmp_path / "calm", text, **sets)
    narrate(calm, limit_s=600.0)
    wild = task_in(tmp_path / "wild", text, **sets, **DISTURBED)
    began_s = time.monotonic()
    tally = Chaos(wild, seed=seed, strikes=strikes, kills=kills).run()
    tell(
        f"strikes at the child: {dict(tally.states())}, {dict(tally.signals())}",
        f"SIGKILL to the parent: {dict(tally.parent)}; ends of the runs: {dict(tally.exits)}",
        f"child lives: {tally.lives}; {time.monotonic() - began_s:.0f} s",
        f"undisturbed {sha256(calm.output)}",
        f"struck      {sha256(wild.output)}",
    )
    assert sum(tally.child.values()) == strikes
    assert sum(tally.parent.values()) == kills
    assert sha256(wild.output) == sha256(calm.output)
    assert_all_in_order(wild)
    # Nothing half written stays, neither beside the file nor in the state folder.
    assert {path.name for path in tmp_path.glob("wild/*")} == {"text.md", "out.flac", "state"}
    assert list(wild.state.rglob("*.part")) == []


def assert_all_in_order(task: Task) -> None:
    (job,) = json.loads(ask(task, "jobs", "list", "--json").stdout)
    assert (job["state"], job["failed"], job["done"]) == ("done", 0, job["segments"])
    verified = ask(task, "jobs", "verify", job["job"], "--json")
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.timeout(240)
def test_some_strikes_change_no_byte(tmp_path: Path) -> None:
    sets = {"engine.name": '"scripted"', "engine.scripted.wall_per_char_s": "0.0003"}
    assert_same_file_after_chaos(tmp_path, paragraphs(160), strikes=20, kills=5, seed=1, **sets)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_three_hundred_strikes_change_no_byte(tmp_path: Path) -> None:
    sets = {"engine.name": '"scripted"', "engine.scripted.wall_per_char_s": "0.0006"}
    assert_same_file_after_chaos(tmp_path, paragraphs(1200), strikes=300, kills=20, seed=300, **sets)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_three_hundred_strikes_change_no_byte_of_a_book_that_espeak_speaks(tmp_path: Path) -> None:
    assert_same_file_after_chaos(tmp_path, make_book(200_000), strikes=300, kills=20, seed=4)
