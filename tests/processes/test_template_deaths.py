"""Whoever of parent, template, go-between and child is killed, whenever: nobody is left, nothing is lost."""

import contextlib
import hashlib
import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest

from supervisor.edge import proc
from tests.processes.narration import Narration, Task, narrate, ours, paragraphs, survivors, tell

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]

SLOW = [pytest.mark.slow, pytest.mark.timeout(1800)]

#: A life takes some 50 ms here: strikes fall anywhere in it.
SPREAD_S = 0.08

#: A machine that is busy elsewhere takes half a second for a life.
LAST_S = 900.0


def task_in(folder: Path, segments: int, *, engine: str = "scripted", start: str = "template") -> Task:
    """A narration in which every segment has a child of its own."""
    folder.mkdir(exist_ok=True)
    (folder / "text.txt").write_text(paragraphs(segments), "utf-8")
    sets = {"engine.name": f'"{engine}"', "child.start": f'"{start}"', "child.max_segments": "1"}
    return Task(text=folder / "text.txt", output=folder / "out.wav", state=folder / "state", sets=sets)


def sha256(task: Task) -> str:
    return hashlib.sha256(task.output.read_bytes()).hexdigest()


def roles(task: Task, parent: int) -> dict[str, list[int]]:
    """Who there is: the template is the parent's, what it forks in between is its own."""
    found: dict[str, list[int]] = {"template": [], "between": [], "child": []}
    for pid in ours(task.state):
        standing, above = proc.standing(pid), proc.parent(pid)
        if standing is None or pid == parent:
            continue
        if standing.name == "tts-template":
            found["template" if above == parent else "between"].append(pid)
        elif standing.name == "tts-child":
            found["child"].append(pid)
    return found


def strike(pids: list[int], number: signal.Signals = signal.SIGKILL) -> bool:
    if not pids:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pids[0], number)
    return True


def speaking(run: Narration) -> None:
    assert run.until(lambda event: event.event == "segment.done") is not None, run.tail()


def is_forked(pid: int) -> bool:
    """A cold child has the number of its life in its environment, a forked one the template's own."""
    entries = proc.environment(pid)
    return bool(entries) and not any(entry.startswith(b"TTS_SUPERVISOR_LIFE=") for entry in entries)


def forking(task: Task, run: Narration) -> None:
    """Wait until the template of the moment has a child: one that is lost thrice before is given up."""
    there: dict[str, list[int]] = {}
    while not (there.get("template") and any(map(is_forked, there["child"]))):
        speaking(run)
        there = roles(task, run.pid)


@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=SLOW)])
def test_nobody_outlives_a_parent_that_is_killed_while_children_come_and_go(
    kills: int, tmp_path: Path
) -> None:
    task = task_in(tmp_path / "job", 2000)
    outlived: list[list[str]] = []
    for kill in range(kills):
        with Narration(task) as run:
            speaking(run)
            run.over_after(random.Random(kill).uniform(0.0, SPREAD_S))
            run.kill()
            outlived.append(survivors(task.state))
    assert [left for left in outlived if left] == []
    tell(f"{kills} kills of the parent at recycles: nobody of ours a second later {outlived.count([])} times")


@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=SLOW)])
def test_nobody_outlives_a_parent_that_is_killed_while_the_template_gets_warm(
    kills: int, tmp_path: Path
) -> None:
    outlived: list[list[str]] = []
    for kill in range(kills):
        task = task_in(tmp_path / f"job-{kill}", 20)  # the same one would be done some day
        with Narration(task) as run:
            assert run.until(lambda event: event.is_child("starting")), run.tail()
            run.over_after(random.Random(kill).uniform(0.0, 0.5))
            run.kill()
            outlived.append(survivors(task.state))
    assert [left for left in outlived if left] == []


@pytest.mark.parametrize("engine", ["scripted", "espeak"])
@pytest.mark.parametrize("kills", [4, pytest.param(100, marks=SLOW)])
def test_a_template_that_is_killed_at_any_moment_costs_no_segment_and_leaves_nobody(
    engine: str, kills: int, tmp_path: Path
) -> None:
    calm = task_in(tmp_path / "calm", 40 + 20 * kills, engine=engine, start="cold")
    calm = Task(
        text=calm.text, output=calm.output, state=calm.state, sets={**calm.sets, "child.max_segments": "0"}
    )
    narrate(calm, LAST_S)
    task = task_in(tmp_path / "job", 40 + 20 * kills, engine=engine)
    chance = random.Random(engine)
    struck: Counter[str] = Counter()
    with Narration(task) as run:
        for _ in range(kills):
            forking(task, run)
            run.over_after(chance.uniform(0.0, SPREAD_S))
            there = roles(task, run.pid)
            # The process between lives for a millisecond: it is struck where it can be.
            whom = "between" if there["between"] else "template"
            struck[whom] += strike(there[whom])
        assert run.exit_code(LAST_S) == 0, run.tail()
    assert survivors(task.state) == []
    assert sha256(task) == sha256(calm)
    tell(f"{engine}: struck {dict(struck)}, the file is the same")
    assert sum(struck.values()) >= kills // 2


@pytest.mark.parametrize("kills", [4, pytest.param(100, marks=SLOW)])
def test_whoever_is_killed_the_job_goes_on_and_the_dead_are_reaped(kills: int, tmp_path: Path) -> None:
    task = task_in(tmp_path / "job", 60 + 20 * kills)
    chance = random.Random(kills)
    struck: Counter[str] = Counter()
    with Narration(task) as run:
        for _ in range(kills):
            forking(task, run)
            run.over_after(chance.uniform(0.0, SPREAD_S))
            there = {role: pids for role, pids in roles(task, run.pid).items() if pids}
            if there:
                whom = chance.choice(sorted(there))
                struck[whom] += strike(there[whom])
        for _ in range(20):  # over a second of lives
            speaking(run)
        dead = [pid for pid in proc.children(run.pid) if proc.state(pid) == "zombie"]
        assert len(dead) <= 3, "only those of the last second"
        assert run.exit_code(LAST_S) == 0, run.tail()
    assert survivors(task.state) == []
    tell(f"struck {dict(struck)}")


def test_a_template_that_is_stopped_is_given_up_and_the_job_goes_on(tmp_path: Path) -> None:
    task = task_in(tmp_path / "job", 40)
    with Narration(task) as run:
        speaking(run)
        stopped = roles(task, run.pid)["template"]
        assert strike(stopped, signal.SIGSTOP)
        assert run.exit_code() == 0, run.tail()
    assert not set(stopped) & set(ours(task.state))
    assert survivors(task.state) == []


def test_what_a_killed_parent_left_of_a_template_is_swept_by_the_next_run(tmp_path: Path) -> None:
    # A child of a template shows the template's environment: the marker is in it.
    task = task_in(tmp_path / "job", 60)
    with Narration(task) as run:
        forking(task, run)  # finds both by their markers
        run.kill()
    assert survivors(task.state) == []
    narrate(task)
