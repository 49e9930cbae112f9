"""When the parent is killed, nothing of ours outlives it by a second; the next run goes on."""

import os
import random
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.book import make_book
from tests.processes import stubborn
from tests.processes.narration import (
    Event,
    Narration,
    Task,
    narrate,
    ours,
    paragraphs,
    readable,
    survivors,
    tell,
)

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]

#: Of these manners the child dies with its parent by itself.
TIED = ["busy_with_the_gil", "asleep_with_the_gil", "asleep", "deaf"]


class Signpost:
    """A FIFO on which a stubborn child tells that it is where it will stay."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        # Both ends: opening it for reading alone would wait, and its end would come between two writers.
        self._fd = os.open(path, os.O_RDWR)

    def wait(self) -> None:
        assert readable(self._fd, 30.0), "the child never got there"
        os.read(self._fd, 1)

    def close(self) -> None:
        os.close(self._fd)


@pytest.fixture
def signpost(tmp_path: Path) -> Generator[Signpost]:
    post = Signpost(tmp_path / "signpost")
    yield post
    post.close()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    stubborn.install(tmp_path / "site")
    return tmp_path / "site"


def stubborn_task(tmp_path: Path, site: Path, post: Signpost, manner: str) -> Task:
    (tmp_path / "text.txt").write_text(paragraphs(3), "utf-8")
    return Task(
        text=tmp_path / "text.txt",
        output=tmp_path / "out.wav",
        state=tmp_path / "state",
        sets={"engine.name": f'"{stubborn.NAME}"', f"engine.{stubborn.NAME}.manner": f'"{manner}"'},
        env={"PYTHONPATH": str(site), "STUBBORN_FIFO": str(post.path)},
    )


def kill_while_stubborn(task: Task, post: Signpost, *, processes: int, after_s: float) -> list[str]:
    """Kill the parent once its child is where it will stay; return who outlived it by a second."""
    with Narration(task) as run:
        post.wait()
        run.over_after(after_s)
        assert len(ours(task.state)) >= processes
        run.kill()
        return survivors(task.state)


@pytest.mark.parametrize("manner", TIED)
def test_a_child_that_hears_nothing_dies_with_its_parent(
    manner: str, tmp_path: Path, site: Path, signpost: Signpost
) -> None:
    task = stubborn_task(tmp_path, site, signpost, manner)
    for kill in range(3):
        after_s = random.Random(f"{manner} {kill}").uniform(0.0, 0.03)
        assert kill_while_stubborn(task, signpost, processes=1, after_s=after_s) == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_outlives_a_hundred_kills_of_the_parent(
    tmp_path: Path, site: Path, signpost: Signpost
) -> None:
    outlived: list[list[str]] = []
    for kill in range(100):
        task = stubborn_task(tmp_path, site, signpost, TIED[kill % len(TIED)])
        after_s = random.Random(kill).uniform(0.0, 0.05)
        outlived.append(kill_while_stubborn(task, signpost, processes=1, after_s=after_s))
    assert [left for left in outlived if left] == []
    tell(f"{len(outlived)} kills of the parent; nothing of ours alive a second later: {outlived.count([])}")


def test_what_an_engine_forked_without_a_tie_is_swept_by_the_next_run(
    tmp_path: Path, site: Path, signpost: Signpost
) -> None:
    task = stubborn_task(tmp_path, site, signpost, "with_a_fork")
    assert len(kill_while_stubborn(task, signpost, processes=2, after_s=0.0)) == 1
    (left,) = ours(task.state)
    with Narration(task) as run:
        swept = run.until(lambda event: event.event == "child.swept")
        assert swept is not None
        assert swept.pid == left
        assert left not in ours(task.state)
        run.kill()
    # Its own child has forked nothing yet.
    assert survivors(task.state) == []


def stage(name: str) -> Callable[[Event], bool]:
    return lambda event: event.event == "job.state" and event.stage == name


def scripted_task(tmp_path: Path, text: str) -> Task:
    (tmp_path / "text.md").write_text(text, "utf-8")
    sets = {"engine.name": '"scripted"'}
    return Task(text=tmp_path / "text.md", output=tmp_path / "out.flac", state=tmp_path / "state", sets=sets)


def kill_within(task: Task, name: str, program: str, chance: random.Random) -> bool:
    """Kill the parent within a stage; say whether the process of that stage was there to be orphaned."""
    with Narration(task) as run:
        assert run.until(stage(name)) is not None, run.tail()
        run.over_after(chance.uniform(0.0, 0.3))
        there = any(program in command(pid) for pid in ours(task.state))
        run.kill()
        assert survivors(task.state) == []
        return there


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_the_planning_process_dies_with_the_parent(kills: int, tmp_path: Path) -> None:
    task = scripted_task(tmp_path, make_book(300_000))  # some seconds of planning
    chance = random.Random(kills)
    met = sum(kill_within(task, "planning", "supervisor.planning", chance) for _ in range(kills))
    assert met >= kills * 2 // 3


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_the_delivery_process_dies_with_the_parent(kills: int, tmp_path: Path) -> None:
    task = scripted_task(
        tmp_path, paragraphs(200)
    )  # a quarter of an hour of audio: half a second of delivery
    chance = random.Random(kills)
    met = sum(kill_within(task, "delivering", "supervisor.delivery", chance) for _ in range(kills))
    assert met >= kills * 2 // 3
    assert not list(task.output.parent.glob("out.flac")), "killed too late to show anything"
    narrate(task)
    leftover = {path.name for path in tmp_path.iterdir()} - {"text.md", "state", "out.flac"}
    assert leftover == set()
