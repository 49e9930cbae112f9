"""The marks on the child's private memory, with real children that leak and swell.

Memory is sampled from outside while the job runs; the audio is compared with that of a run in
which nothing was wrong.
"""

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.processes.memory_watch import MemoryWatch
from tests.processes.narration import Event, Narration, Task, ask, narrate, paragraphs

pytestmark = pytest.mark.processes

MIB = 2**20
LEAK, SOFT, HARD = 20 * MIB, 200 * MIB, 300 * MIB
#: What speaking takes for a moment beside what is leaked, and what the sampler sees more than the child.
SLACK = 16 * MIB

MARKS = {"memory.host.soft": '"200MiB"', "memory.host.hard": '"300MiB"', "memory.poll_s": "0.02"}
LEAKING = {**MARKS, "engine.faults.leak_bytes": '"20MiB"'}
SCRIPTED = {"engine.name": '"scripted"'}

Undisturbed = Callable[[str, str], str]


def task_in(folder: Path, text: str, **sets: str) -> Task:
    folder.mkdir()
    (folder / "text.txt").write_text(text, "utf-8")
    return Task(text=folder / "text.txt", output=folder / "out.wav", state=folder / "state", sets=sets)


def sha256(task: Task) -> str:
    return hashlib.sha256(task.output.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """What a text sounds like when nothing is wrong, as a hash; each is spoken once."""

    @cache
    def spoken(engine: str, text: str) -> str:
        task = task_in(tmp_path_factory.mktemp("calm") / engine, text, **{"engine.name": f'"{engine}"'})
        narrate(task)
        return sha256(task)

    return spoken


def states(run: Narration, *wanted: str) -> list[Event]:
    return [event for event in run.seen if event.is_child(*wanted)]


def recycled(run: Narration) -> list[Event]:
    """Lives that ended for another reason than the end of the work; a successor may come too late for any."""
    return [event for event in states(run, "gone") if event.why not in ("no more work", "no work")]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("engine", ["scripted", "espeak"])
def test_a_leaking_child_is_replaced_between_segments_before_it_reaches_the_hard_mark(
    tmp_path: Path, undisturbed: Undisturbed, engine: str
) -> None:
    text = paragraphs(24)
    # Never read from outside: what the child says of itself after each segment must do.
    sets = LEAKING | {"engine.name": f'"{engine}"', "memory.poll_s": "60.0"}
    task = task_in(tmp_path / "leak", text, **sets)
    with Narration(task) as run, MemoryWatch(run) as memory:
        assert run.exit_code() == 0, run.tail()
    # A segment that is begun just under `soft` may leave its leak above it, and no more.
    assert SOFT - LEAK <= memory.highest_bytes < SOFT + LEAK + SLACK < HARD
    # 24 leaks of 20 MiB fit in no fewer than three lives of at most 200 MiB, and in no more than four.
    assert 2 <= len(recycled(run)) <= 3
    # At the mark, or at the boundary before it where the next texts would have crossed it.
    assert all(
        (event.why or "").startswith(("watermark: memory.host.soft", "lookahead:")) for event in recycled(run)
    )
    # Each was asked to release first, then to leave with nothing in hand; none was killed.
    for event in recycled(run):
        of_life = [one.state for one in run.seen if one.event == "child.state" and one.life == event.life]
        # A first release may bring it just below the mark, for one segment more.
        asked = of_life.count("releasing")
        assert of_life == ["starting", "ready", *["releasing"] * asked, "leaving", "gone"]
        assert asked in (0, 1, 2)  # none where the next texts would have crossed the mark
    assert sha256(task) == undisturbed(engine, text)
    # The ledger keeps how each life ended, and why.
    (job,) = json.loads(ask(task, "jobs", "list", "--json").stdout)
    lives = json.loads(ask(task, "jobs", "show", job["job"], "--json").stdout)["lives"]
    assert {life["how"] for life in lives} == {"exited with status 0"}
    assert [life["why"] for life in lives[:-1]] == [event.why for event in recycled(run)]
    assert sum(life["segments"] for life in lives) == 24


@pytest.mark.timeout(60)
def test_a_segment_that_would_cross_the_hard_mark_beside_what_leaked_waits_for_a_fresh_child(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    # 180 MiB while it speaks: beside six leaks over 300, while between segments it stays under 200.
    text = paragraphs(14)
    task = task_in(
        tmp_path / "peak",
        text,
        **LEAKING,
        **SCRIPTED,
        **{"engine.faults.peak_bytes": '"180MiB"', "engine.scripted.wall_per_char_s": "0.003"},
    )
    with Narration(task) as run, MemoryWatch(run) as memory:
        assert run.exit_code() == 0, run.tail()
    assert memory.highest_bytes < HARD
    early = recycled(run)
    assert 2 <= len(early) <= 4
    assert all((event.why or "").startswith(("headroom", "lookahead")) for event in early)
    assert [event for event in early if event.signal] == []
    assert [event for event in run.seen if event.event == "segment.failed"] == []
    assert sha256(task) == undisturbed("scripted", text)


@pytest.mark.timeout(60)
def test_a_child_that_crosses_the_hard_mark_within_a_segment_is_killed_and_the_segment_spoken_anew(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    # Nothing tells beforehand that a life keeps 64 MiB at once in its sixth segment.
    text = paragraphs(14)
    marks = {"memory.host.soft": '"40MiB"', "memory.host.hard": '"50MiB"', "memory.poll_s": "0.02"}
    slow = {"engine.scripted.wall_per_char_s": "0.006"}
    task = task_in(
        tmp_path / "step", text, **marks, **slow, **SCRIPTED, **{"engine.faults.faults": '["step@6"]'}
    )
    with Narration(task) as run, MemoryWatch(run) as memory:
        assert run.exit_code() == 0, run.tail()
    assert memory.highest_bytes < (64 + 50) * MIB
    killed = recycled(run)
    assert len(killed) == 2
    assert all("memory.host.hard is 50 MiB" in (event.why or "") for event in killed)
    assert all(event.signal == "SIGKILL" for event in killed)
    # Five of each of the first two: what was in hand was given up, and spoken by the next.
    (job,) = json.loads(ask(task, "jobs", "list", "--json").stdout)
    lives = json.loads(ask(task, "jobs", "show", job["job"], "--json").stdout)["lives"]
    assert [life["segments"] for life in lives] == [5, 5, 4]
    # The mark was this life's doing, so no segment pays for it.
    assert [event for event in run.seen if event.event == "segment.failed"] == []
    assert sha256(task) == undisturbed("scripted", text)


@pytest.mark.timeout(60)
def test_a_segment_that_crosses_the_hard_mark_in_every_child_is_set_aside_and_the_rest_is_spoken(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    text = paragraphs(6, ["", "", "xyzzy"])
    # Its word alone makes a child keep 64 MiB at once; the mark lies between.
    marks = {"memory.host.soft": '"50MiB"', "memory.host.hard": '"50MiB"', "memory.poll_s": "0.02"}
    slow = {"engine.scripted.wall_per_char_s": "0.006"}
    poisoned = {"engine.faults.poison": '{xyzzy="step"}'}
    task = task_in(tmp_path / "poison", text, **marks, **slow, **SCRIPTED, **poisoned)
    with Narration(task) as run:
        assert run.exit_code() == 3, run.tail()
    (failed,) = [event for event in run.seen if event.event == "segment.set_aside"]
    assert failed.segment == 2
    assert "memory.host.hard is 50 MiB" in failed.message
    # Once in the life that spoke what came before it, uncharged; then `child.attempts` times in fresh ones.
    assert len(recycled(run)) == 1 + 3
    calm = Task(text=task.text, output=task.output, state=task.state, sets=SCRIPTED)
    narrate(calm)
    assert sha256(calm) == undisturbed("scripted", text)


@pytest.mark.timeout(60)
def test_marks_that_no_segment_fits_under_end_in_exit_78_that_names_the_mark(tmp_path: Path) -> None:
    swelling = {"engine.faults.peak_bytes": '"350MiB"', "engine.scripted.wall_per_char_s": "0.004"}
    task = task_in(
        tmp_path / "none", paragraphs(12), **MARKS, **swelling, **SCRIPTED, **{"child.attempts": "1"}
    )
    with Narration(task) as run:
        assert run.exit_code() == 78, run.tail()
    said = "\n".join(run.lines)
    assert "5 different segments in a row" in said
    assert "memory.host.hard is 300 MiB" in said


@pytest.mark.timeout(60)
def test_a_hard_mark_below_a_fresh_child_is_a_configuration_error(tmp_path: Path) -> None:
    heavy = {"engine.scripted.load_bytes": '"320MiB"', "child.start": '"cold"'}  # a template would hold it
    task = task_in(tmp_path / "heavy", paragraphs(3), **MARKS, **heavy, **SCRIPTED)
    with Narration(task) as run:
        assert run.exit_code() == 2, run.tail()
    said = "\n".join(run.lines)
    assert "memory.host.hard is 300 MiB, but a fresh child already holds 3" in said
    assert "raise it" in said
    assert len(states(run, "starting")) == 1
    assert not task.output.exists()


@pytest.mark.timeout(60)
def test_what_a_child_shares_with_its_template_counts_against_no_mark(tmp_path: Path) -> None:
    heavy = {"engine.scripted.load_bytes": '"320MiB"'}
    task = task_in(tmp_path / "shared", paragraphs(3), **MARKS, **heavy, **SCRIPTED)
    with Narration(task) as run:
        assert run.exit_code() == 0, run.tail()
    # The end of a child would give none of it back.
    assert [line for line in run.lines if "memory.host" in line] == []
    assert recycled(run) == []


@pytest.mark.timeout(60)
def test_a_soft_mark_below_a_fresh_child_is_said_once_and_not_acted_on(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    text = paragraphs(8)
    # Three lives, for another reason: it is said once a run, not once a life.
    heavy = {"engine.scripted.load_bytes": '"230MiB"', "engine.faults.faults": '["exit@4"]'}
    heavy["child.start"] = '"cold"'  # a template would hold it
    task = task_in(tmp_path / "heavy", text, **MARKS, **heavy, **SCRIPTED)
    with Narration(task) as run:
        assert run.exit_code() == 0, run.tail()
    (said,) = [line for line in run.lines if "memory.host.soft" in line]
    assert "memory.host.soft is 200 MiB, below what a fresh child holds: it is not acted on" in said
    assert states(run, "releasing") == []
    assert [event.why for event in recycled(run)] == ["exited with status 3"] * 2
    assert sha256(task) == undisturbed("scripted", text)


@pytest.mark.timeout(60)
def test_a_cache_that_fills_and_stays_below_the_mark_costs_no_child_its_life(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    text = paragraphs(12)
    task = task_in(tmp_path / "plateau", text, **LEAKING, **SCRIPTED, **{"engine.faults.plateau": "5"})
    with Narration(task) as run, MemoryWatch(run) as memory:
        assert run.exit_code() == 0, run.tail()
    assert recycled(run) == []
    assert 5 * LEAK < memory.highest_bytes < SOFT
    assert sha256(task) == undisturbed("scripted", text)
