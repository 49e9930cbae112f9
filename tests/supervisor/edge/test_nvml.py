import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from supervisor.core.readings import DeviceAnswer, DeviceReading, DeviceUnknown
from supervisor.edge.driver import NOBODY_BYTES, child_share
from supervisor.edge.process import start_child
from supervisor.wire.messages import FaultPlan
from tests.standin.driver import StandinDriver
from tests.standin.nest import hello, nest

pytestmark = pytest.mark.processes

GIB = 1024**3

# Asks as told, one JSON line a question; answers with what was delivered. A process of its own,
# since the dynamic linker looks for the driver where the environment said at the start.
ASKER = """
import json, queue, sys, threading
from dataclasses import asdict
from supervisor.edge.nvml import DeviceReader
answers = queue.Queue()
reader = DeviceReader(answers.put, deadline_s=0.05)
for line in sys.stdin:
    order = json.loads(line)
    if order == "wait":
        said = answers.get()
        said = {type(said).__name__: asdict(said)}
    elif order == "imports":
        said = sorted({"pynvml", "numpy"} & set(sys.modules))
    elif order == "maps":
        maps = open("/proc/self/maps").read()
        said = [name for name in ("nvidia-ml", "libcuda", "libcudart") if name in maps]
    elif order == "silent":
        said = answers.empty()
    elif order == "threads":
        said = threading.active_count()
    elif order == "close":
        said = reader.close()
    else:
        said = reader.request(*order)
    print(json.dumps(said), flush=True)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    process: "subprocess.Popen[str]"

    def order(self, order: object) -> object:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def ask(self, device: str = "auto", pid: int | None = None) -> bool:
        return bool(self.order([device, pid]))

    def wait(self) -> DeviceAnswer:
        answer = self.order("wait")
        assert isinstance(answer, dict)
        if "DeviceReading" in answer:
            return DeviceReading(**answer["DeviceReading"])  # pyright: ignore[reportUnknownArgumentType] -- made by asdict
        return DeviceUnknown(**answer["DeviceUnknown"])  # pyright: ignore[reportUnknownArgumentType] -- made by asdict

    def read(self, device: str = "auto", pid: int | None = None) -> DeviceAnswer:
        assert self.ask(device, pid)
        return self.wait()

    def reading(self, device: str = "auto", pid: int | None = None) -> DeviceReading:
        answer = self.read(device, pid)
        assert isinstance(answer, DeviceReading), answer
        return answer

    def unknown(self, device: str = "auto", pid: int | None = None) -> DeviceUnknown:
        answer = self.read(device, pid)
        assert isinstance(answer, DeviceUnknown), answer
        return answer


def asker(env: dict[str, str]) -> "subprocess.Popen[str]":
    whole = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **env}
    words = [sys.executable, "-c", ASKER]
    return subprocess.Popen(words, env=whole, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def one(standin_driver: StandinDriver) -> Iterator[Asker]:
    standin_driver.set(total=8 * GIB, used=GIB)
    with asker(standin_driver.env) as process:
        yield Asker(process=process)
        process.kill()


def test_a_reading_tells_the_whole_gpu_and_the_childs_share(
    one: Asker, standin_driver: StandinDriver
) -> None:
    standin_driver.set(procs=f"4242:{2 * GIB},7:5", neighbour=GIB)
    assert one.reading(pid=4242) == DeviceReading(
        total_bytes=8 * GIB,
        used_bytes=4 * GIB + 5,
        child_bytes=2 * GIB,
        api="v2",
        child_pid=4242,
        others_bytes=5,
    )
    assert one.reading().child_bytes is None


def test_the_parent_maps_the_management_library_and_no_cuda(one: Asker) -> None:
    one.reading()
    assert one.order("maps") == ["nvidia-ml"]
    assert one.order("imports") == ["pynvml"]
    assert one.order("threads") == 2


def test_one_process_in_both_lists_counts_once(one: Asker, standin_driver: StandinDriver) -> None:
    standin_driver.set(procs=f"4242:{GIB}", graphics=1)
    assert one.reading(pid=4242).child_bytes == GIB


def test_what_the_child_forked_counts_as_its_own(one: Asker, standin_driver: StandinDriver) -> None:
    standin_driver.set(procs=f"{one.process.pid}:{GIB}")
    assert one.reading(pid=os.getpid()).child_bytes == GIB


@pytest.mark.parametrize(
    "keys", [{"hide_procs": 1}, {"no_figures": 1}, {"process_error": 3}, {"process_error": 4}]
)
def test_a_share_that_the_driver_does_not_tell_is_unknown_not_nothing(
    one: Asker, standin_driver: StandinDriver, keys: dict[str, int]
) -> None:
    standin_driver.set(procs=f"4242:{GIB}", **keys)
    reading = one.reading(pid=4242)
    assert (reading.used_bytes, reading.child_bytes) == (2 * GIB, None)


def test_an_older_driver_is_read_by_its_older_calls(one: Asker, standin_driver: StandinDriver) -> None:
    standin_driver.set(v2=0, v3=0, reserved=300, procs=f"4242:{GIB}")
    reading = one.reading(pid=4242)
    assert (reading.api, reading.used_bytes, reading.child_bytes) == ("v1", 2 * GIB + 300, GIB)


@pytest.mark.parametrize(
    ("keys", "kind", "mend"),
    [
        ({"init_error": 9}, "absent", "modprobe"),
        ({"init_error": 4}, "no_permission", "group"),
        ({"init_error": 18}, "mismatch", "reboot"),
        ({"error": 15}, "lost", "Xid 79"),
        ({"error": 16}, "lost", "reset"),
        ({"handle_error": 15}, "lost", "reboot"),
        ({"memory_error": 15}, "lost", "reboot"),
        ({"memory_error": 3}, "not_supported", "host memory"),
        ({"memory_error": 4}, "no_permission", "group"),
        ({"memory_error": 999}, "error", "nvidia-smi"),
        ({"mig": 1}, "no_permission", "MIG"),
        ({"devices": 0}, "absent", "nvidia-smi -L"),
    ],
)
def test_every_refusal_of_the_driver_has_a_kind_and_a_mend(
    one: Asker, standin_driver: StandinDriver, keys: dict[str, int], kind: str, mend: str
) -> None:
    standin_driver.set(**keys)
    unknown = one.unknown(pid=4242)
    assert unknown.kind == kind
    assert mend in unknown.text


def test_a_driver_that_recovers_is_read_again(one: Asker, standin_driver: StandinDriver) -> None:
    one.reading()
    standin_driver.set(error=15)
    assert one.unknown().kind == "lost"
    standin_driver.set(error=None)
    assert one.reading().used_bytes == GIB


def test_a_hanging_driver_is_told_once_and_not_asked_twice(one: Asker, standin_driver: StandinDriver) -> None:
    standin_driver.set(hang=30)
    assert one.ask()
    assert not one.ask(), "the first call is not back"
    while one.order("silent"):
        assert not one.ask()
    hung = one.wait()
    assert isinstance(hung, DeviceUnknown)
    assert hung.kind == "hung"
    assert not one.ask()
    assert one.order("silent")
    assert one.order("threads") == 2
    standin_driver.set(hang=None)
    assert isinstance(one.wait(), DeviceReading), "the late answer, and no second word of the hang before it"
    assert one.reading().used_bytes == GIB


def test_a_hanging_driver_does_not_keep_the_parent_from_ending(
    one: Asker, standin_driver: StandinDriver
) -> None:
    standin_driver.set(hang=30)
    assert one.ask()
    one.order("close")
    assert not one.ask()
    assert one.process.stdin is not None
    one.process.stdin.close()
    assert one.process.wait(timeout=5) == 0


def test_on_the_processor_nothing_is_opened(one: Asker) -> None:
    assert not one.ask("cpu")
    assert one.order("threads") == 1
    assert one.order("maps") == []


@pytest.mark.parametrize(
    ("visible", "keys", "kind"),
    [
        ("3", {"devices": 4}, None),
        ("3", {"devices": 3}, "absent"),
        ("GPU-00000002", {"devices": 4}, None),
        ("GPU-ffff", {"devices": 4}, "absent"),
        ("MIG-1234", {"mig": 1}, None),
        ("", {}, "absent"),
    ],
)
def test_the_gpu_read_is_the_one_that_cuda_sees(
    standin_driver: StandinDriver, visible: str, keys: dict[str, int], kind: str | None
) -> None:
    standin_driver.set(used=5, **keys)
    with asker({**standin_driver.env, "CUDA_VISIBLE_DEVICES": visible}) as process:
        answer = Asker(process=process).read()
        assert (answer.kind if isinstance(answer, DeviceUnknown) else None) == kind
        process.kill()


def test_without_a_driver_pynvml_is_not_even_imported() -> None:
    with asker({"LD_LIBRARY_PATH": ""}) as process:
        unknown = Asker(process=process).unknown()
        if unknown.kind != "absent" or "libnvidia-ml" not in unknown.text:
            pytest.skip("this machine has a driver")
        assert Asker(process=process).order("imports") == []
        process.kill()


def test_a_leaking_child_raises_the_stand_ins_figures(one: Asker, standin_driver: StandinDriver) -> None:
    standin_driver.set(used=0, procs="env")
    mib = 1024 * 1024
    program = (
        f"import os, sys; held = b'x' * {64 * mib}\n"
        "os.write(int(sys.argv[4]), b'on'); os.read(int(sys.argv[2]), 1)"
    )
    child = start_child(
        python=sys.executable,
        life=1,
        state_marker="/a/state",
        program=("-S", "-c", program),
        extra_env=standin_driver.env,
    )
    os.set_blocking(child.read_fd, True)
    assert os.read(child.read_fd, 2) == b"on"
    reading = one.reading(pid=child.pid)
    assert reading.child_bytes == reading.used_bytes
    assert 64 * mib <= reading.used_bytes <= 80 * mib
    child.kill_group()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    child.reap()
    child.close()
    # The stand-in walks over pages every 20 ms at most: one look at it may be of before.
    assert 0 in (one.reading(pid=4242).used_bytes for _ in range(1000))


@dataclass(slots=True, kw_only=True)
class Line:
    pid: int
    usedGpuMemory: int | None  # noqa: N815 -- NVML's name


MUCH = NOBODY_BYTES + 1


Lists = list[list[tuple[int, int | None]]]
SHARES: list[tuple[Lists, int, bool, int | None]] = [
    ([[(1, 5)], []], MUCH, True, 5),
    ([[(1, 5)], [(1, 5)]], MUCH, True, 5),
    ([[(1, 5), (2, 7)], []], MUCH, True, 12),
    ([[(1, None)], [(1, 5)]], MUCH, True, 5),
    ([[(1, None)], []], MUCH, True, None),
    ([[(1, 5), (2, None)], []], MUCH, True, None),
    ([[(9, 5)], []], MUCH, True, 0),  # the list can be believed: it names others
    ([[(9, 5)], []], MUCH, False, None),  # in a container 9 may be anybody
    ([[(1, 5)], []], MUCH, False, 5),
    ([[], []], MUCH, True, None),  # somebody holds it, and nobody is listed
    ([[], []], NOBODY_BYTES, True, 0),
    ([[], []], NOBODY_BYTES, False, 0),
]


@pytest.mark.parametrize(("lists", "used", "on_host", "expected"), SHARES)
def test_a_share_is_nothing_only_where_the_list_can_be_believed(
    lists: Lists,
    used: int,
    on_host: bool,
    expected: int | None,
) -> None:
    lines = [[Line(pid=pid, usedGpuMemory=held) for pid, held in one] for one in lists]
    assert child_share(lines, [1, 2], used, on_host=on_host) == expected


def test_of_a_forked_child_the_stand_in_counts_what_is_its_own_and_nothing_of_the_template(
    one: Asker, standin_driver: StandinDriver
) -> None:
    standin_driver.set(used=0, procs="env")
    mib = 1024 * 1024
    said = hello(faults=FaultPlan(leak_bytes=64 * mib), load_bytes="128MiB")
    with nest(said, env=standin_driver.env) as warm:
        assert warm.warm().private_bytes >= 128 * mib
        assert one.reading().used_bytes == 0
        child = warm.child()
        child.ready()
        assert one.reading().used_bytes < 32 * mib
        child.speak("hello")
        assert 64 * mib <= one.reading().used_bytes < 96 * mib
        child.kill()
