"""The marks on device memory, through pynvml's own code and a stand-in for the driver below it.

The stand-in takes the children's anonymous memory for the GPU's, so a child that leaks on the
host leaks on the device; the host's own marks are far away.
"""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes.memory_watch import MemoryWatch
from tests.processes.narration import PATIENCE_S, Event, Narration, Task, narrate, paragraphs
from tests.standin.driver import LIBRARY, StandinDriver

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]

MIB = 2**20
LEAK, SOFT, HARD = 20 * MIB, 110 * MIB, 200 * MIB
#: What the child holds for a moment beside its leak, and its file pages, which are none of the device's.
SLACK = 32 * MIB

SEGMENTS = 8
SETS = {
    "engine.name": '"scripted"',
    "memory.poll_s": "0.1",
    "memory.device.soft": '"110MiB"',
    "memory.device.hard": '"200MiB"',
    "memory.host.soft": '"8GiB"',
    "memory.host.hard": '"9GiB"',
}
LEAKING = {"engine.faults.leak_bytes": '"20MiB"'}

Make = Callable[..., Task]


@pytest.fixture
def make(tmp_path: Path, standin_driver: StandinDriver) -> Make:
    def task(env: dict[str, str] | None = None, **sets: str) -> Task:
        text = tmp_path / "text.txt"
        text.write_text(paragraphs(SEGMENTS), "utf-8")
        env = standin_driver.env if env is None else env
        return Task(
            text=text, output=tmp_path / "out.wav", state=tmp_path / "state", sets=SETS | sets, env=env
        )

    return task


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the text sounds like when nothing is wrong and no GPU is there, as a hash."""
    folder = tmp_path_factory.mktemp("calm")
    (folder / "text.txt").write_text(paragraphs(SEGMENTS), "utf-8")
    task = Task(
        text=folder / "text.txt",
        output=folder / "out.wav",
        state=folder / "state",
        sets={"engine.name": '"scripted"', "child.device": '"cpu"'},
    )
    narrate(task)
    return sha256(task)


def sha256(task: Task) -> str:
    return hashlib.sha256(task.output.read_bytes()).hexdigest()


def ends(run: Narration) -> list[Event]:
    """Lives that ended for another reason than the end of the work; a successor may come too late for any."""
    gone = [event for event in run.seen if event.is_child("gone")]
    return [event for event in gone if event.why not in ("no more work", "no work")]


def said(run: Narration, words: str) -> int:
    """How many lines people see have these words; a line of the log is not among them."""
    return sum(words in line for line in run.lines)


# ------------------------------------------------------------------ the marks


@pytest.mark.parametrize("driver", [{}, {"v2": 0, "v3": 0}], ids=["all is told", "an older driver"])
def test_a_child_that_leaks_on_the_device_is_replaced_between_segments(
    make: Make, standin_driver: StandinDriver, undisturbed: str, driver: dict[str, int]
) -> None:
    standin_driver.set(procs="env", **driver)
    task = make(**LEAKING)
    with Narration(task) as run, MemoryWatch(run) as memory:
        assert run.exit_code() == 0, run.tail()
    assert SOFT - LEAK <= memory.highest_bytes < SOFT + LEAK + SLACK < HARD
    (replaced,) = ends(run)
    # At the mark, or at the boundary before it where the next text would have crossed it.
    marked = "memory.device.soft is 110 MiB" in (replaced.why or "")
    assert marked or (replaced.why or "").startswith("lookahead: ")
    of_life = [one.state for one in run.seen if one.event == "child.state" and one.life == replaced.life]
    assert of_life == ["starting", "ready", *["releasing"] * marked, "leaving", "gone"]
    assert sha256(task) == undisturbed


@pytest.mark.parametrize(
    "driver",
    [
        pytest.param({"hide_procs": 1}, id="a container hides processes"),
        pytest.param({"no_figures": 1}, id="processes without figures"),
        pytest.param({"process_error": 4}, id="no permission for the list"),
    ],
)
def test_what_may_be_a_neighbours_costs_a_child_without_figures_not_its_life(
    make: Make, standin_driver: StandinDriver, undisturbed: str, driver: dict[str, int]
) -> None:
    # Neither the driver nor the engine tells whose it is: over the soft mark it is taken for others'.
    standin_driver.set(procs="env", **driver)
    task = make(**LEAKING)
    with Narration(task) as run, MemoryWatch(run) as memory:
        assert run.exit_code() == 0, run.tail()
    assert SOFT < memory.highest_bytes < HARD
    assert ends(run) == []
    assert sha256(task) == undisturbed


def test_no_pace_of_readings_lets_a_child_grow_past_the_marks(
    make: Make, standin_driver: StandinDriver, undisturbed: str
) -> None:
    standin_driver.set(procs="env")
    task = make(**LEAKING, **{"memory.poll_s": "60.0"})
    with Narration(task) as run, MemoryWatch(run) as memory:
        assert run.exit_code() == 0, run.tail()
    assert memory.highest_bytes < SOFT + LEAK + SLACK
    assert len(ends(run)) == 1
    assert sha256(task) == undisturbed


def test_a_segment_that_would_cross_the_hard_mark_beside_what_leaked_waits_for_a_fresh_child(
    make: Make, standin_driver: StandinDriver, undisturbed: str
) -> None:
    standin_driver.set(procs="env")
    swelling = {"engine.faults.peak_bytes": '"130MiB"', "engine.scripted.wall_per_char_s": "0.006"}
    task = make(**LEAKING, **swelling)
    with Narration(task) as run, MemoryWatch(run) as memory:
        assert run.exit_code() == 0, run.tail()
    assert memory.highest_bytes < HARD
    early = ends(run)
    assert 1 <= len(early) <= 4
    assert all((event.why or "").startswith(("headroom", "lookahead")) for event in early)
    assert [event for event in early if event.signal] == []
    assert sha256(task) == undisturbed


def test_a_child_that_crosses_the_hard_mark_within_a_segment_is_killed(
    make: Make, standin_driver: StandinDriver, undisturbed: str
) -> None:
    standin_driver.set(procs="env")
    # Nothing tells beforehand that a life keeps 64 MiB at once in its fifth segment.
    marks = {"memory.device.soft": '"40MiB"', "memory.device.hard": '"50MiB"'}
    sudden = {"engine.faults.faults": '["step@5"]', "engine.scripted.wall_per_char_s": "0.01"}
    task = make(**marks, **sudden)
    with Narration(task) as run:
        assert run.exit_code() == 0, run.tail()
    (killed,) = ends(run)
    assert "memory.device.hard is 50 MiB" in (killed.why or "")
    assert killed.signal == "SIGKILL"
    assert sum(event.event == "segment.done" for event in run.seen) == SEGMENTS
    assert sha256(task) == undisturbed


def test_a_device_on_which_no_child_fits_is_a_configuration_error(
    make: Make, standin_driver: StandinDriver
) -> None:
    standin_driver.set(procs="env")
    heavy = {"engine.scripted.load_bytes": '"210MiB"', "child.start": '"cold"'}  # a template would hold it
    with Narration(make(**heavy)) as run:
        assert run.exit_code() == 2, run.tail()
    assert said(run, "memory.device.hard is 200 MiB, but a fresh child already holds 2") == 1
    assert said(run, "raise it") == 1


def test_a_soft_mark_below_a_fresh_child_is_said_once_and_not_acted_on(
    make: Make, standin_driver: StandinDriver, undisturbed: str
) -> None:
    standin_driver.set(procs="env")
    heavy = {"engine.scripted.load_bytes": '"130MiB"', "engine.faults.faults": '["exit@6"]'}
    heavy["child.start"] = '"cold"'  # a template would hold it
    task = make(**heavy)
    with Narration(task) as run:
        assert run.exit_code() == 0, run.tail()
    assert said(run, "memory.device.soft is 110 MiB, below what a fresh child holds") == 1
    assert [event for event in run.seen if event.is_child("releasing")] == []
    assert sha256(task) == undisturbed


# ------------------------------------------------------------------ neighbours


@pytest.mark.parametrize("driver", [{}, {"v2": 0}], ids=["all is told", "an older driver"])
def test_a_neighbours_memory_pauses_the_job_until_it_goes_and_kills_nobody(
    make: Make, standin_driver: StandinDriver, undisturbed: str, driver: dict[str, int]
) -> None:
    standin_driver.set(procs="env", **driver)
    task = make(**{"engine.scripted.wall_per_char_s": "0.002"})
    with Narration(task) as run:
        run.until(lambda event: event.event == "segment.done")
        standin_driver.set(neighbour=300 * MIB)
        run.until(lambda event: event.event == "notice" and event.what == "paused")
        assert "not the child's doing" in run.seen[-1].text
        assert "memory.device.hard is 200 MiB" in run.seen[-1].text
        # What was in hand is finished, then nothing is handed out, however many readings come and go.
        spoken_while_paused = _segments_during_readings(run, standin_driver, readings=20)
        assert spoken_while_paused <= 1
        standin_driver.set(neighbour=None)
        run.until(lambda event: event.event == "notice" and "resumed" in event.text)
        assert run.exit_code() == 0, run.tail()
    assert ends(run) == []
    assert said(run, "paused:") == 1
    assert said(run, "resumed:") == 1
    assert sha256(task) == undisturbed


def _segments_during_readings(run: Narration, driver: StandinDriver, *, readings: int) -> int:
    until = driver.readings + readings
    until_s = time.monotonic() + PATIENCE_S
    spoken = 0
    while driver.readings < until:
        assert time.monotonic() < until_s, run.tail()
        event = run.next(0.02)
        spoken += event is not None and event.event == "segment.done"
    return spoken


def test_a_neighbour_between_the_marks_costs_no_child_its_life(
    make: Make, standin_driver: StandinDriver, undisturbed: str
) -> None:
    standin_driver.set(procs="env", neighbour=130 * MIB)
    task = make()
    with Narration(task) as run:
        assert run.exit_code() == 0, run.tail()
    assert [event for event in run.seen if event.is_child("releasing")] == []
    assert ends(run) == []
    assert said(run, "memory.device") == 0
    assert sha256(task) == undisturbed


def test_an_engine_that_uses_no_device_is_not_held_up_by_one_that_is_full(
    make: Make, standin_driver: StandinDriver
) -> None:
    standin_driver.set(used=8000 * MIB)
    with Narration(make(**{"engine.name": '"espeak"'})) as run:
        assert run.exit_code() == 0, run.tail()
    assert said(run, "paused") == 0


# ------------------------------------------------------------------ drivers that fail


@pytest.mark.parametrize(
    ("driver", "words"),
    [
        ({"init_error": 18}, "different versions"),
        ({"init_error": 4}, "refuses this user"),
        ({"memory_error": 3, "v2": 0}, "does not tell its memory"),
        ({"mig": 1}, "split by MIG"),
        ({"devices": 0}, "no such GPU"),
    ],
)
def test_a_driver_that_fails_is_said_once_and_costs_nothing(
    make: Make, standin_driver: StandinDriver, undisturbed: str, driver: dict[str, int], words: str
) -> None:
    standin_driver.set(procs="env", **driver)
    # Several lives: it is said once a run, not once a life.
    task = make(**{"engine.faults.faults": '["exit@4"]'})
    with Narration(task) as run:
        assert run.exit_code() == 0, run.tail()
    assert said(run, words) == 1
    assert len(ends(run)) == 2
    assert sha256(task) == undisturbed


def test_a_gpu_that_is_lost_before_a_child_died_ends_the_run_and_no_other_is_started(
    make: Make, standin_driver: StandinDriver, undisturbed: str
) -> None:
    standin_driver.set(procs="env", error=15)
    task = make(**{"engine.faults.faults": '["exit@4"]'})
    with Narration(task) as run:
        assert run.exit_code() == 76, run.tail()
    assert said(run, "the GPU is lost") >= 1
    assert [event.life for event in run.seen if event.is_child("starting")] == [1]
    standin_driver.set(error=None)
    # What was spoken is kept: the same command goes on once the GPU is back.
    narrate(task)
    assert sha256(task) == undisturbed


def test_a_gpu_that_is_lost_in_the_middle_is_said_once_and_the_job_goes_on(
    make: Make, standin_driver: StandinDriver, undisturbed: str
) -> None:
    standin_driver.set(procs="env")
    task = make(**{"engine.scripted.wall_per_char_s": "0.001"})
    with Narration(task) as run:
        run.until(lambda event: event.event == "segment.done")
        standin_driver.set(error=15)
        assert run.exit_code() == 0, run.tail()
    assert said(run, "the GPU is lost") == 1
    assert ends(run) == []
    assert sha256(task) == undisturbed


@pytest.mark.slow  # a driver that tells nothing is waited for, half a minute
def test_a_gpu_that_is_lost_while_the_job_is_paused_lets_it_go_on(
    make: Make, standin_driver: StandinDriver, undisturbed: str
) -> None:
    standin_driver.set(procs="env", neighbour=300 * MIB)
    task = make()
    with Narration(task) as run:
        run.until(lambda event: event.event == "notice" and event.what == "paused")
        standin_driver.set(error=15)
        assert run.exit_code() == 0, run.tail()
    assert sha256(task) == undisturbed


def test_no_driver_at_all_is_said_once_and_costs_nothing(
    make: Make, tmp_path: Path, undisturbed: str
) -> None:
    # A library that cannot be loaded: so it is on a machine that has a real driver, too.
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / LIBRARY).write_bytes(b"")
    task = make({"LD_LIBRARY_PATH": os.fspath(tmp_path / "none")}, **LEAKING)
    with Narration(task) as run:
        assert run.exit_code() == 0, run.tail()
    assert said(run, "no NVIDIA driver is installed") == 1
    assert ends(run) == []
    assert sha256(task) == undisturbed


def test_on_the_cpu_the_driver_is_never_opened(make: Make, standin_driver: StandinDriver) -> None:
    standin_driver.set(used=8000 * MIB)
    with Narration(make(**{"child.device": '"cpu"'})) as run:
        assert run.exit_code() == 0, run.tail()
    assert standin_driver.readings == 0
    assert said(run, "NVIDIA") == 0


# ------------------------------------------------------------------ a driver that hangs


def test_a_driver_that_hangs_holds_up_neither_the_job_nor_its_end(
    make: Make, standin_driver: StandinDriver
) -> None:
    standin_driver.set(procs="env")
    task = make()
    task.text.write_text(paragraphs(60), "utf-8")
    with Narration(task) as run:
        run.until(lambda event: event.event == "segment.done")
        standin_driver.set(hang=600)
        assert run.exit_code() == 0, run.tail()
    # Nothing waited for the driver's 600 s, nor as long as a reading may be waited for, once a segment.
    assert time.monotonic() - run.began_s < 60 * 0.5
    assert ends(run) == []


def test_a_driver_that_hangs_for_long_is_said_once(
    make: Make, standin_driver: StandinDriver, undisturbed: str
) -> None:
    standin_driver.set(procs="env", hang=600)
    # Some 7 s of speaking: longer than the 5 s after which the driver counts as hung.
    task = make(**LEAKING, **{"engine.scripted.wall_per_char_s": "0.012"})
    with Narration(task) as run:
        assert run.exit_code() == 0, run.tail()
    assert standin_driver.readings == 0
    assert said(run, "the NVIDIA driver has not answered for") == 1
    assert ends(run) == []
    assert sha256(task) == undisturbed


def test_a_driver_that_hangs_for_a_while_is_read_again_when_it_answers(
    make: Make, standin_driver: StandinDriver, undisturbed: str
) -> None:
    standin_driver.set(procs="env", hang=600)
    task = make(**LEAKING, **{"engine.scripted.wall_per_char_s": "0.002"})
    with Narration(task) as run:
        run.until(lambda event: event.event == "segment.done")
        standin_driver.set(hang=None)
        assert run.exit_code() == 0, run.tail()
    assert standin_driver.readings > 0
    (replaced,) = ends(run)
    assert any(words in (replaced.why or "") for words in ("memory.device", "of the device in use"))
    assert sha256(task) == undisturbed
