"""A real torch engine that leaks: on a card that is nearly full from its start, and on the host alone.

The stand-in driver takes the child's anonymous memory for the card's. Audio is compared with that of
the same lines spoken by an engine that leaks nothing, on no card at all.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.processes.narration import Event, Narration, Task, ask, narrate
from tests.standin.cardwatch import CardWatch
from tests.standin.driver import StandinDriver
from tests.tree import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

MB = 10**6
ENGINES = str(ROOT / "tests" / "engines")
STAND_IN = "engine.torch-stand-in"
TORCH = {"engine.name": '"torch-stand-in"', f"{STAND_IN}.seconds_per_char": "0.01"}

#: The case, at a tenth of its size: 0.72 GB at the start with what the child itself writes to.
CASE = {
    **TORCH,
    f"{STAND_IN}.held_bytes": '"700MB"',
    f"{STAND_IN}.leak_bytes": '"55MB"',
    f"{STAND_IN}.big_leak_bytes": '"90MB"',
    f"{STAND_IN}.big_word": '"loudly"',  # every fifth line has it
    f"{STAND_IN}.count": "true",  # as torch counts what is on a card
    # The card is what this is about: the marks of the host are far away.
    "memory.host.soft": '"8GiB"',
    "memory.host.hard": '"9GiB"',
    "memory.poll_s": "0.1",
}

Undisturbed = Callable[[int, int], str]


def lines(count: int, voices: int = 1) -> str:
    """JSONL: each a segment of its own, in one of so many voices."""
    return "".join(
        json.dumps(
            {
                "text": f"Line {number} of the night, said {'loudly' if number % 5 == 4 else 'aloud'}.",
                "voice": f"tone-{number % voices}",
            }
        )
        + "\n"
        for number in range(count)
    )


def task_in(folder: Path, text: str, sets: dict[str, str], driver: StandinDriver | None = None) -> Task:
    folder.mkdir(exist_ok=True)
    (folder / "lines.jsonl").write_text(text, "utf-8")
    env = {"PYTHONPATH": ENGINES} | (driver.env if driver else {})
    # One file of them all: a file a line would be a hundred deliveries, which are not what is looked at.
    return Task(
        text=folder / "lines.jsonl", output=folder / "out.wav", state=folder / "state", sets=sets, env=env
    )


def sha256(task: Task) -> str:
    return hashlib.sha256(task.output.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """What so many lines sound like when nothing is wrong, each set spoken once."""

    @cache
    def calm(count: int, voices: int) -> str:
        folder = tmp_path_factory.mktemp("calm") / "torch"
        task = task_in(folder, lines(count, voices), TORCH | {"child.device": '"cpu"'})
        narrate(task, 300.0)
        return sha256(task)

    return calm


def done(run: Narration) -> list[int]:
    """The lines that were spoken, in their order."""
    return [event.segment for event in run.seen if event.event == "segment.done"]


def ends(run: Narration) -> list[Event]:
    """Lives that ended for another reason than the end of the work."""
    return [event for event in run.seen if event.is_child("gone") and event.why != "no more work"]


# ------------------------------------------------------------------ the case


@pytest.mark.parametrize(
    ("card_bytes", "count"),
    [
        pytest.param(1000 * MB, 8, id="1 GB"),
        pytest.param(900 * MB, 6, id="0.9 GB"),
        pytest.param(1000 * MB, 100, marks=pytest.mark.slow, id="1 GB, 100 lines"),
        pytest.param(900 * MB, 100, marks=pytest.mark.slow, id="0.9 GB, 100 lines"),
    ],
)
def test_an_engine_that_fills_the_card_from_its_first_line_speaks_them_all_and_never_fills_it(
    tmp_path: Path, standin_driver: StandinDriver, undisturbed: Undisturbed, card_bytes: int, count: int
) -> None:
    standin_driver.set(procs="env", total=card_bytes)
    task = task_in(tmp_path, lines(count), CASE, standin_driver)
    with CardWatch(standin_driver) as card, Narration(task) as run:
        assert run.exit_code(500.0) == 0, run.tail()
    assert 600 * MB < card.highest_bytes < card_bytes
    assert done(run) == [*range(count)]
    assert sha256(task) == undisturbed(count, 1)
    # Every child was replaced with nothing in hand: no line was begun twice.
    assert ends(run), "it leaks: one child cannot have spoken them all"
    assert all(event.signal is None for event in ends(run)), ends(run)


def test_a_card_that_cannot_hold_the_engine_is_refused_with_the_figures_before_the_first_line(
    tmp_path: Path, standin_driver: StandinDriver
) -> None:
    standin_driver.set(procs="env", total=600 * MB)
    task = task_in(tmp_path, lines(5), CASE, standin_driver)
    with Narration(task) as run:
        assert run.exit_code() == 2, run.tail()
    said = "\n".join(run.lines)
    assert "memory.device.hard" in said
    assert "MiB" in said
    assert len([event for event in run.seen if event.is_child("starting")]) == 1
    assert done(run) == []


# ------------------------------------------------------------------ a leak on the host


HARD = 1100 * 2**20
HOST = {
    **TORCH,
    "child.device": '"cpu"',
    "memory.leak.live": '"64MiB"',
    "memory.host.soft": '"900MiB"',
    "memory.host.hard": '"1100MiB"',
    "memory.poll_s": "0.05",
}


def recorded_in(folder: Path) -> dict[str, str]:
    return {"memory.record": json.dumps(os.fspath(folder / "trace.jsonl"))}


def records(folder: Path, kind: str) -> list[dict[str, str | int | None]]:
    """The lines of one kind in the trace."""
    decoded: list[dict[str, str | int | None]] = [
        json.loads(line) for line in (folder / "trace.jsonl").read_text("utf-8").splitlines()
    ]
    return [one for one in decoded if one["kind"] == kind]


@pytest.mark.parametrize(
    ("leak", "voices"),
    [
        pytest.param({f"{STAND_IN}.leak_bytes": '"12MB"'}, 1, id="tensors in a list"),
        pytest.param({f"{STAND_IN}.graph_bytes": '"12MB"'}, 90, id="an autograd graph kept per voice"),
    ],
)
def test_a_leak_on_the_cpu_is_found_and_the_child_replaced_at_a_boundary_before_the_mark(
    tmp_path: Path, undisturbed: Undisturbed, leak: dict[str, str], voices: int
) -> None:
    task = task_in(tmp_path, lines(90, voices), HOST | leak | recorded_in(tmp_path))
    with Narration(task) as run:
        assert run.exit_code(300.0) == 0, run.tail()
    decided = records(tmp_path, "decided")
    assert any(one["action"] == "flag" and one["policy"] == "leak" for one in decided), decided
    assert ends(run)
    assert all(event.signal is None for event in ends(run)), ends(run)
    seen = [one["child_host"] for one in records(tmp_path, "reading")]
    assert max(size for size in seen if isinstance(size, int)) < HARD
    assert sha256(task) == undisturbed(90, voices)
    # A person sees it: the lives, and what was decided, by whom and why.
    drawn = ask(task, "plot", str(tmp_path / "trace.jsonl"), "-o", str(tmp_path / "trace.svg"))
    assert drawn.returncode == 0, drawn.stderr
    words = " ".join(re.findall(r">([^<]+)</text>", (tmp_path / "trace.svg").read_text("utf-8")))
    assert re.search(r"flag +leak +private host memory grew by", words)
    assert "90 segments" in words


def test_what_an_engine_keeps_on_purpose_is_no_leak(tmp_path: Path, undisturbed: Undisturbed) -> None:
    keeps = {f"{STAND_IN}.cache_bytes": '"12MB"', f"{STAND_IN}.cache_entries": "40"}
    task = task_in(tmp_path, lines(90), HOST | keeps | recorded_in(tmp_path))
    with Narration(task) as run:
        assert run.exit_code(300.0) == 0, run.tail()
    assert ends(run) == []
    assert records(tmp_path, "decided") == []
    assert sha256(task) == undisturbed(90, 1)
