"""What ails a service shows within a poll: in `status`, in the line for systemd, and for people."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from tests.engines.gated.engine import POISON, SAYS
from tests.processes.narration import Task, paragraphs
from tests.processes.serving import Json, Refused, Serving, fields, scripted_task
from tests.standin.driver import StandinDriver
from tests.standin.manager import ServiceManager
from tests.standin.tinydisk import resize, tiny_disk
from tests.tree import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.timeout(90)]

MIB = 2**20
POLL = {"memory.poll_s": "0.05"}


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ServiceManager]:
    with ServiceManager(tmp_path) as manager:
        yield manager


def ails(status: Json) -> dict[str, Json]:
    """What ails, by kind."""
    found = [fields(one) for one in cast("list[object]", status["health"])]
    return {str(one["kind"]): one for one in found}


def saying(*words: str) -> Callable[[str], bool]:
    return lambda line: all(word in line for word in words)


def is_well(line: str) -> bool:
    return line.startswith("idle; child ")


def on_a_gpu(folder: Path, driver: StandinDriver, **sets: str) -> Task:
    task = scripted_task(folder, **POLL, **sets)
    return replace(task, env={**task.env, **driver.env})


# ------------------------------------------------------------------ the GPU and its driver


#: What the driver says of a GPU that is lost; what is told of it, and its mend.
LOST = {
    "off the bus": ({"error": 15}, "the GPU is lost (fell off the bus) (NVML error 15)", "reboot"),
    "not found": ({"error": 28}, "the GPU is no longer found (NVML error 28)", "dmesg"),
    "wants a reset": ({"error": 16}, "the GPU requires a reset (NVML error 16)", "--gpu-reset"),
    "no such device": ({"memory_error": 2, "v2": 0}, "the GPU is no longer there", "dmesg"),
}


@pytest.mark.parametrize("how", LOST)
def test_a_gpu_that_is_lost_while_the_service_is_idle_shows_within_a_poll_and_so_does_its_return(
    tmp_path: Path, manager: ServiceManager, standin_driver: StandinDriver, how: str
) -> None:
    keys, seen, mend = LOST[how]
    standin_driver.set(procs="env")
    with Serving(on_a_gpu(tmp_path, standin_driver), **manager.env) as service:
        service.child_pid()
        manager.status(is_well)
        before = service.ask("status")
        assert (before["state"], before["ready"], before["health"]) == ("idle", True, [])
        standin_driver.set(**keys)
        line = manager.status(saying(seen, mend))
        assert line.startswith("gpu_lost: ")
        status = service.ask("status")
        assert (status["state"], status["ready"]) == ("gpu_lost", False)
        found = ails(status)["gpu_lost"]
        assert str(found["words"]).startswith(seen)
        assert str(found["words"]).startswith(str(status["why"]))
        assert mend in str(found["mend"])
        assert found["stops"] is True
        standin_driver.set(**dict.fromkeys(keys))
        manager.status(is_well)
        after = service.ask("status")
        assert (after["state"], after["ready"], after["health"]) == ("idle", True, [])
        assert service.hang_up() == 0
    assert manager.count("READY=1") == 1


def test_a_gpu_lost_while_it_speaks_shows_and_the_child_that_dies_on_it_is_the_last(
    tmp_path: Path, manager: ServiceManager, standin_driver: StandinDriver
) -> None:
    standin_driver.set(procs="env")
    slow = {"engine.scripted.wall_per_char_s": "0.01"}
    with Serving(on_a_gpu(tmp_path, standin_driver, **slow), **manager.env) as service:
        pid = service.child_pid()
        job = str(service.ask("jobs/submit", text=paragraphs(200), output="out.wav")["job"])
        manager.status(saying("narrating; "))
        standin_driver.set(error=15)
        assert manager.status(saying("the GPU is lost")).startswith("gpu_lost: ")
        assert service.ask("status")["state"] == "gpu_lost"
        assert service.ask("jobs/get", job=job)["state"] == "running"
        os.kill(pid, signal.SIGKILL)
        assert service.exit_code() == 76
    assert manager.last_status().startswith("gpu_lost: the GPU is lost (fell off the bus)")
    assert b"the GPU is lost" in service.stderr.read_bytes()


def test_children_that_crash_on_a_lost_gpu_end_it_with_the_gpus_code(
    tmp_path: Path, manager: ServiceManager, standin_driver: StandinDriver
) -> None:
    # Not even the first canary speaks: that the child would use it nobody has said, and it is broken.
    standin_driver.set(procs="env", error=15)
    task = on_a_gpu(
        tmp_path, standin_driver, **{"engine.name": '"gated"', "engine.gated.gate": '"/dev/full/x"'}
    )
    task = with_engines(task)
    with Serving(task, **manager.env) as service:
        assert service.exit_code() == 76
    assert b"the GPU is lost" in service.stderr.read_bytes()


def test_a_driver_of_two_versions_shows_with_its_mend_and_the_child_works_on(
    tmp_path: Path, manager: ServiceManager, standin_driver: StandinDriver
) -> None:
    standin_driver.set(procs="env", init_error=18)
    with Serving(on_a_gpu(tmp_path, standin_driver), **manager.env) as service:
        line = manager.status(saying("idle", "different versions", "(NVML error 18)"))
        assert "reboot or reload the module" in line
        status = service.ask("status")
        assert (status["state"], status["ready"]) == ("idle", True)
        assert ails(status)["driver_mismatch"]["mend"] == "reboot or reload the module"
        assert service.ask("synthesize", text="It works on.")["seconds"] is not None
        assert service.hang_up() == 0


def test_a_driver_that_hangs_shows_and_holds_nobody_up(
    tmp_path: Path, manager: ServiceManager, standin_driver: StandinDriver
) -> None:
    standin_driver.set(procs="env", hang=600)
    with Serving(on_a_gpu(tmp_path, standin_driver), **manager.env) as service:
        manager.status(saying("idle", "the NVIDIA driver has not answered"))
        status = service.ask("status")
        assert (status["ready"], ails(status)["driver_hangs"]["stops"]) == (True, False)
        assert service.ask("synthesize", text="It works on.")["seconds"] is not None
        standin_driver.set(hang=None)
        manager.status(is_well)
        assert service.hang_up() == 0


def test_a_gpu_lost_while_no_child_is_there_shows_too(
    tmp_path: Path, manager: ServiceManager, standin_driver: StandinDriver
) -> None:
    standin_driver.set(procs="env")
    task = on_a_gpu(tmp_path, standin_driver, **{"child.idle_unload_s": "0.1"})
    with Serving(task, **manager.env) as service:
        manager.status(saying("idle; no child; "))
        assert service.ask("status")["ready"] is True  # the next text brings one
        standin_driver.set(error=15)
        manager.status(saying("gpu_lost: ", "no child"))
        assert service.ask("status")["ready"] is False
        assert service.hang_up() == 0


# ------------------------------------------------------------------ the child


class Gate:
    """Where each child waits until it is let through."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "gate"
        os.mkfifo(self.path)

    def let_through(self) -> None:
        """Wait for one child to come, and let it through."""
        with self.path.open("wb"):
            pass


def with_engines(task: Task) -> Task:
    return replace(task, env={**task.env, "PYTHONPATH": str(ROOT / "tests" / "engines")})


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def gated_task(folder: Path, gate: Gate) -> Task:
    # One attempt: what poisons a child is not given to the next.
    sets = {"engine.name": '"gated"', "engine.gated.gate": f'"{gate.path}"', "child.attempts": "1"}
    plain = scripted_task(folder, **POLL)
    sets = {key: value for key, value in plain.sets.items() if "scripted" not in key} | sets
    return with_engines(replace(plain, sets=sets))


def test_a_poisoned_child_is_replaced_and_nothing_is_ready_before_the_next_canary(
    tmp_path: Path, manager: ServiceManager, gate: Gate
) -> None:
    with Serving(gated_task(tmp_path, gate), **manager.env) as service:
        status = service.ask("status")
        assert (status["state"], status["ready"]) == ("starting", False)
        assert manager.count("READY=1") == 0
        gate.let_through()
        manager.status(is_well)
        assert service.ask("status")["ready"] is True
        with pytest.raises(Refused, match="device-side assert"):
            service.ask("synthesize", text=f"A word that is {POISON}.")
        line = manager.status(saying("recycling", SAYS, "not ready"))
        assert "it is replaced by itself" in line
        status = service.ask("status")
        assert (status["state"], status["ready"]) == ("recycling", False)
        assert fields(status["child"])["ready"] is False
        found = ails(status)["child_poisoned"]
        assert SAYS in str(found["words"])
        waiting = service.begin("synthesize", {"text": "Another word."})
        gate.let_through()
        assert fields(service.answer(waiting))["seconds"] is not None
        manager.status(is_well)
        status = service.ask("status")
        assert (status["ready"], status["health"]) == (True, [])
        (life,) = [fields(one) for one in cast("list[object]", status["lives"])]
        assert (life["life"], SAYS in str(life["why"])) == (1, True)
        assert service.hang_up() == 0
    assert manager.count("READY=1") == 1


def test_a_child_that_died_is_told_and_ready_comes_back_with_the_next_canary_alone(
    tmp_path: Path, manager: ServiceManager, gate: Gate
) -> None:
    with Serving(gated_task(tmp_path, gate), **manager.env) as service:
        gate.let_through()
        manager.status(is_well)
        os.kill(service.child_pid(), signal.SIGKILL)
        manager.status(saying("recycling", "child life 1 ended: killed by SIGKILL", "not ready"))
        # Whoever asks hears of nothing that is ready: the next one waits at the gate.
        every = [service.ask("status") for _ in range(50)]
        assert {(status["state"], status["ready"]) for status in every} == {("recycling", False)}
        assert not any(fields(status["child"])["ready"] for status in every if status["child"] is not None)
        status = every[-1]
        assert ails(status)["child_died"]["mend"] == "the next one is started by itself"
        gate.let_through()
        manager.status(is_well)
        status = service.ask("status")
        assert (status["state"], status["ready"], status["health"]) == ("idle", True, [])
        assert fields(status["child"])["life"] == 2
        assert service.hang_up() == 0
    assert manager.count("READY=1") == 1


def test_children_that_follow_one_that_a_lost_gpu_poisoned_end_it_with_the_gpus_code(
    tmp_path: Path, manager: ServiceManager, standin_driver: StandinDriver, gate: Gate
) -> None:
    standin_driver.set(procs="env")
    task = gated_task(tmp_path, gate)
    task = replace(task, env={**task.env, **standin_driver.env})
    with Serving(task, **manager.env) as service:
        gate.let_through()
        manager.status(is_well)
        standin_driver.set(error=15)
        manager.status(saying("gpu_lost: "))
        gate.path.unlink()  # no child loads on a GPU that is lost
        with pytest.raises(Refused, match="device-side assert"):
            service.ask("synthesize", text=f"A word that is {POISON}.")
        assert service.exit_code() == 76
    assert manager.last_status().startswith("gpu_lost: the GPU is lost (fell off the bus)")


# ------------------------------------------------------------------ full disks


def test_a_full_state_folder_shows_and_the_job_goes_on_by_itself_when_there_is_room(
    tmp_path: Path, manager: ServiceManager
) -> None:
    with tiny_disk(tmp_path / "state", size_bytes=MIB):
        task = scripted_task(tmp_path, **POLL, **{"engine.scripted.seconds_per_char": "0.06"})
        with Serving(task, **manager.env) as service:
            service.child_pid()
            text = "It does not fit on this disk, not all of it. " * 60
            job = str(service.ask("jobs/submit", text=text, output="out.wav")["job"])
            line = manager.status(saying("paused: the disk is full in", str(tmp_path / "state")))
            assert "make room there; it goes on by itself once 8 MiB are free" in line
            status = service.ask("status")
            assert (status["state"], status["ready"]) == ("paused", False)
            found = ails(status)["disk_full"]
            assert (found["words"], found["stops"]) == (status["why"], True)
            view = service.wait_for(job, "parked")
            assert "the disk is full in" in str(view["error"])
            with pytest.raises(Refused, match="disk is full") as refused:
                service.ask("synthesize", text="Nor does this.")
            assert refused.value.kind == "disk_full"
            resize(tmp_path / "state", size_bytes=64 * MIB)
            assert service.wait_for(job, "done")["failed"] == 0
            manager.status(is_well)
            assert service.ask("status")["health"] == []
            assert service.hang_up() == 0


def test_an_idle_service_tells_of_a_state_folder_that_others_filled(
    tmp_path: Path, manager: ServiceManager
) -> None:
    task = scripted_task(tmp_path, **POLL)
    with (
        tiny_disk(tmp_path / "state", size_bytes=2 * MIB) as state,
        Serving(task, **manager.env) as service,
    ):
        service.child_pid()
        manager.status(is_well)
        fill(state / "others")
        manager.status(saying("paused: the disk is full in"))
        assert service.ask("status")["ready"] is False
        (state / "others").unlink()
        manager.status(is_well)
        assert service.ask("status")["ready"] is True
        assert service.hang_up() == 0


def fill(path: Path) -> None:
    """Write until there is no room for another byte."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass


def test_a_full_output_folder_parks_that_job_says_so_everywhere_and_holds_up_nobody_else(
    tmp_path: Path, manager: ServiceManager
) -> None:
    task = scripted_task(tmp_path, **POLL)
    with (
        tiny_disk(tmp_path / "small", size_bytes=64 * 1024) as small,
        Serving(task, **manager.env) as service,
    ):
        service.child_pid()
        job = str(service.ask("jobs/submit", text=paragraphs(8), output="small/out.wav")["job"])
        line = manager.status(saying(f"paused: job {job} waits: the disk is full in {small}"))
        assert "bytes to write" in line
        status = service.ask("status")
        found = ails(status)["disk_full"]
        assert (found["words"], found["stops"]) == (status["why"], False)
        assert (status["state"], status["ready"]) == ("paused", True)
        view = service.ask("jobs/get", job=job)
        assert view["state"] == "parked"
        assert f"the disk is full in {small}" in str(view["error"])
        assert "bytes to write" in str(view["error"])
        assert "it goes on by itself once 8 MiB are free" in str(view["error"])
        assert service.ask("synthesize", text="Nobody else waits.")["seconds"] is not None
        resize(small, size_bytes=64 * MIB)
        assert service.wait_for(job, "done")["failed"] == 0
        manager.status(is_well)
        assert service.ask("status")["health"] == []
        assert service.hang_up() == 0
