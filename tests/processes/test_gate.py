"""A card that gives back late or never, a neighbour that comes and goes, a driver that tells little.

Through pynvml's own code and the stand-in driver, which takes the children's anonymous memory for the card's.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.processes.narration import Event, Narration, Task, narrate, paragraphs
from tests.standin.cardwatch import CardWatch
from tests.standin.driver import StandinDriver
from tests.tree import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

MIB = 2**20
SEGMENTS = 8

SETS = {
    "engine.name": '"scripted"',
    "memory.poll_s": "0.1",
    "memory.host.soft": '"8GiB"',
    "memory.host.hard": '"9GiB"',
}

#: Holds 300 MiB when fresh and grows: on a card of 500 MiB there is room for one at a time.
FILLING = {
    "engine.scripted.load_bytes": '"300MiB"',
    "engine.faults.leak_bytes": '"40MiB"',
    "child.start": '"cold"',  # what a template holds is on no card
}
CARD_BYTES = 500 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a narration is put, and the driver that it finds."""

    folder: Path
    driver: StandinDriver

    def task(self, **sets: str) -> Task:
        text = self.folder / "text.txt"
        text.write_text(paragraphs(SEGMENTS), "utf-8")
        return Task(
            text=text,
            output=self.folder / "out.wav",
            state=self.folder / "state",
            sets=SETS | sets,
            env=self.driver.env,
        )


@pytest.fixture
def place(tmp_path: Path, standin_driver: StandinDriver) -> Place:
    return Place(folder=tmp_path, driver=standin_driver)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the text sounds like when nothing is wrong and no GPU is there, as a hash."""
    folder = tmp_path_factory.mktemp("calm")
    (folder / "text.txt").write_text(paragraphs(SEGMENTS), "utf-8")
    task = Task(
        text=folder / "text.txt",
        output=folder / "out.wav",
        state=folder / "state",
        sets=SETS | {"child.device": '"cpu"'},
    )
    narrate(task)
    return sha256(task)


def sha256(task: Task) -> str:
    return hashlib.sha256(task.output.read_bytes()).hexdigest()


def ends(run: Narration) -> list[Event]:
    """Lives that ended for another reason than the end of the work."""
    return [event for event in run.seen if event.is_child("gone") and event.why != "no more work"]


def spoken(run: Narration) -> list[Event]:
    return [event for event in run.seen if event.event == "segment.done"]


# ------------------------------------------------------------------ memory that comes back late, or never


@pytest.mark.parametrize("late_s", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_memory_that_comes_back_late_is_waited_for_and_the_card_never_holds_more_than_it_has(
    place: Place, undisturbed: str, late_s: int
) -> None:
    place.driver.set(procs="env", total=CARD_BYTES, lag=late_s)
    task = place.task(**FILLING)
    waits_s: list[float] = []
    with CardWatch(place.driver) as card, Narration(task) as run:
        gone_s: float | None = None
        for event in run.rest():
            if event.is_child("gone"):
                gone_s = run.age_s
            if event.is_child("starting") and gone_s is not None:
                waits_s.append(run.age_s - gone_s)
        assert run.exit_code() == 0, run.tail()
    # Its log is read as it is written; the reading that saw the death may be a poll older than the death.
    assert waits_s
    assert all(wait_s > late_s - 0.5 for wait_s in waits_s), waits_s
    assert card.highest_bytes <= CARD_BYTES
    assert sha256(task) == undisturbed


@pytest.mark.slow
def test_memory_that_never_comes_back_ends_the_job_with_its_own_exit_code_and_starts_nobody(
    place: Place, undisturbed: str
) -> None:
    place.driver.set(procs="env", total=CARD_BYTES, lag=10_000_000)
    task = place.task(**FILLING)
    with Narration(task) as run:
        assert run.exit_code(300.0) == 76, run.tail()
    assert len([event for event in run.seen if event.is_child("starting")]) == 1
    assert 0 < len(spoken(run)) < SEGMENTS
    assert "does not" in "\n".join(run.lines)
    # A driver that has come to its senses: the same command goes on where it stopped.
    place.driver.set(lag=None)
    narrate(task)
    assert sha256(task) == undisturbed


# ------------------------------------------------------------------ neighbours


@pytest.mark.parametrize("for_s", [1.0, pytest.param(60.0, marks=pytest.mark.slow)])
def test_a_neighbour_that_takes_most_of_the_card_for_a_while_costs_no_child_its_life(
    place: Place, undisturbed: str, for_s: float
) -> None:
    place.driver.set(procs="env", total=3300 * MIB)
    task = place.task(**{"engine.scripted.wall_per_char_s": "0.004"})
    with Narration(task) as run:
        assert run.until(lambda event: event.event == "segment.done"), run.tail()
        place.driver.set(neighbour=3200 * MIB)
        assert not run.over_after(for_s), run.tail()
        place.driver.set(neighbour=None)
        assert run.exit_code() == 0, run.tail()
    assert ends(run) == []
    paused, resumed = [event.text for event in run.seen if event.what == "paused"]
    assert paused.startswith("paused")
    assert resumed.startswith("resumed")
    assert sha256(task) == undisturbed


# ------------------------------------------------------------------ a driver that tells little


def test_a_leak_is_found_by_what_the_child_reports_where_the_driver_hides_whose_memory_is_whose(
    tmp_path: Path, standin_driver: StandinDriver
) -> None:
    standin_driver.set(procs="env", total=1000 * MIB, hide_procs=1)
    (tmp_path / "text.txt").write_text(paragraphs(80), "utf-8")
    trace = tmp_path / "trace.jsonl"
    sets = SETS | {
        "engine.name": '"torch-stand-in"',
        "engine.torch-stand-in.count": "true",  # as torch counts what is on a card
        "engine.torch-stand-in.held_bytes": '"100MiB"',
        "engine.torch-stand-in.leak_bytes": '"12MiB"',
        "engine.torch-stand-in.seconds_per_char": "0.01",
        "memory.leak.live": '"64MiB"',
        "memory.record": json.dumps(os.fspath(trace)),
    }
    env = standin_driver.env | {"PYTHONPATH": str(ROOT / "tests" / "engines")}
    task = Task(
        text=tmp_path / "text.txt", output=tmp_path / "o.wav", state=tmp_path / "state", sets=sets, env=env
    )
    with CardWatch(standin_driver) as card, Narration(task) as run:
        assert run.exit_code(300.0) == 0, run.tail()
    lines = [json.loads(line) for line in trace.read_text("utf-8").splitlines()]
    # 0: a card that hardly anything is on; nobody's share is ever told.
    assert {line["child_device"] for line in lines if line["kind"] == "reading"} <= {None, 0}
    assert any(line["kind"] == "decided" and line["policy"] == "leak" for line in lines)
    assert ends(run)
    assert all(event.signal is None for event in ends(run)), ends(run)
    assert card.highest_bytes < 1000 * MIB
