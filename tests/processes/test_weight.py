"""What a running parent weighs, and how soon it is there."""

import statistics
from pathlib import Path

import pytest

from tests.book import make_book
from tests.processes.narration import Narration, Task, paragraphs, tell

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

MOST_RESIDENT_BYTES = 40 * 2**20
SOONEST_S = 0.4
MOST_IDLE_SHARE = 0.01

#: The last two: supervisor/cli/lean.py leaves them out.
HEAVY = ("torch", "numpy", "libcuda", "libcudart", "libcrypto", "libssl")


def task_in(tmp_path: Path, text: str, **sets: str) -> Task:
    (tmp_path / "text.md").write_text(text, "utf-8")
    named = {"engine.name": '"scripted"'} | sets
    return Task(text=tmp_path / "text.md", output=tmp_path / "out.flac", state=tmp_path / "state", sets=named)


def figure_bytes(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {name} in the status of {pid}")


def processor_s(pid: int) -> float:
    """Processor time of all its threads: in nanoseconds, where `stat` counts hundredths of a second."""
    return (
        sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
    )


def kept_waiting_s(pid: int) -> float:
    """How long its main thread could have run and others had the processors."""
    return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[1]) / 1e9


@pytest.mark.parametrize("chars", [20_000, pytest.param(300_000, marks=pytest.mark.slow)])
def test_the_parent_stays_small_and_maps_nothing_heavy(chars: int, tmp_path: Path) -> None:
    task = task_in(tmp_path, make_book(chars), **{"engine.scripted.seconds_per_char": "0.06"})
    resident: list[int] = []
    with Narration(task) as run:
        for event in run.rest():
            if event.event == "segment.done" and event.segment % 10 == 0:
                resident.append(figure_bytes(run.pid, "VmRSS"))
            if event.stage == "delivering":
                # It has planned, spoken and stored by now, and still stands there to be looked at.
                peak_bytes = figure_bytes(run.pid, "VmHWM")
                mapped = Path(f"/proc/{run.pid}/maps").read_text()
                break
        else:
            raise AssertionError(run.tail())
        assert run.exit_code() == 0, run.tail()
    mib = 2**20
    tell(
        f"{chars} characters: VmRSS {min(resident) / mib:.1f} to {max(resident) / mib:.1f} MiB, "
        f"VmHWM {peak_bytes / mib:.1f} MiB"
    )
    assert [name for name in HEAVY if name in mapped] == []
    assert peak_bytes <= MOST_RESIDENT_BYTES


@pytest.mark.slow  # timed: asked for, and read, but no verdict over a build
def test_the_parent_is_ready_within_400_ms_of_its_start(tmp_path: Path) -> None:
    task = task_in(tmp_path, paragraphs(20), **{"engine.scripted.load_s": "30.0"})
    took_s: list[float] = []
    in_peace_s: list[float] = []
    for _ in range(7):
        with Narration(task, level="info") as run:
            assert run.until(lambda event: event.is_child("starting")), run.tail()
            took_s.append(run.age_s)
            in_peace_s.append(took_s[-1] - kept_waiting_s(run.pid))
            assert not run.over_after(0.0)
            run.kill()
    middle_s = statistics.median(took_s)
    tell(
        f"child spawned after {middle_s:.3f} s (median; {min(took_s):.3f} to {max(took_s):.3f}), "
        f"at best {min(in_peace_s):.3f} s without waiting for a processor"
    )
    # What others do with the processors meanwhile is not its doing, and so is not counted here.
    assert min(in_peace_s) <= SOONEST_S


@pytest.mark.slow  # timed, likewise
@pytest.mark.parametrize("for_s", [5.0, 60.0])
@pytest.mark.parametrize("held", ["0MiB", "512MiB"])
def test_a_parent_that_waits_costs_next_to_nothing(held: str, for_s: float, tmp_path: Path) -> None:
    loading = {"engine.scripted.load_s": "300.0", "engine.scripted.load_bytes": f'"{held}"'}
    task = task_in(tmp_path, paragraphs(20), **loading)
    with Narration(task, level="info") as run:
        assert run.until(lambda event: event.is_child("starting")), run.tail()
        run.over_after(2.0)  # the first readings, and a child that grows, are no idling
        before_s = processor_s(run.pid)
        assert not run.over_after(for_s), run.tail()
        share = (processor_s(run.pid) - before_s) / for_s
        tell(f"idle for {for_s:g} s, its child holds {held}: {share:.2%} of a processor")
        run.kill()
    assert share <= MOST_IDLE_SHARE
