from collections.abc import Callable

import pytest

from supervisor.core.lifememory import KEEP, LifeMemory
from supervisor.core.readings import DeviceReading
from supervisor.policy.verdict import Verdict
from supervisor.policy.watermark import WatermarkLimits

MIB = 2**20


def marks(soft_mib: int, hard_mib: int) -> Callable[[int], WatermarkLimits]:
    def of(total_bytes: int) -> WatermarkLimits:
        assert total_bytes == 100 * MIB
        return WatermarkLimits(soft_bytes=soft_mib * MIB, hard_bytes=hard_mib * MIB)

    return of


def new() -> LifeMemory:
    return LifeMemory(host=marks(60, 90), device=marks(50, 80), host_total_bytes=100 * MIB)


def on_device(used_mib: int) -> DeviceReading:
    return DeviceReading(total_bytes=100 * MIB, used_bytes=used_mib * MIB, child_bytes=None, api="v2")


@pytest.mark.parametrize(
    ("fresh_mib", "impossible", "remark"),
    [(59, False, False), (60, False, True), (89, False, True), (90, True, True)],
)
def test_host_marks_that_a_fresh_child_stands_above_are_said(
    fresh_mib: int, *, impossible: bool, remark: bool
) -> None:
    memory = new()
    wrong = memory.settle_host(fresh_mib * MIB)
    assert (wrong is not None) is impossible
    assert (memory.host_soft_is_below_a_fresh_child is not None) is remark
    if wrong is not None:
        assert wrong == "memory.host.hard is 90 MiB, but a fresh child already holds 90 MiB: raise it"


@pytest.mark.parametrize(
    ("own_mib", "impossible", "remark"),
    [(None, False, False), (49, False, False), (50, False, True), (79, False, True), (80, True, True)],
)
def test_device_marks_that_a_fresh_child_stands_above_are_said(
    own_mib: int | None, *, impossible: bool, remark: bool
) -> None:
    memory = new()
    assert memory.device_hard_is_below_a_fresh_child is None
    assert memory.device_soft_is_below_a_fresh_child is None
    own_bytes = None if own_mib is None else own_mib * MIB
    for used_mib, own in ((95, own_bytes), (10, 90 * MIB)):  # only the first reading is of a fresh child
        memory.judge_device(on_device(used_mib), own_bytes=own, uses_device=True, released=False)
        assert (memory.device_hard_is_below_a_fresh_child is not None) is impossible
        assert (memory.device_soft_is_below_a_fresh_child is not None) is remark


def test_a_judgement_gives_its_figures() -> None:
    memory = new()
    memory.settle_host(10 * MIB)
    assert memory.judge_host(59 * MIB, released=False) == KEEP
    soft = memory.judge_host(60 * MIB, released=False)
    assert soft.verdict is Verdict.RELEASE
    assert soft.why == "watermark: memory.host.soft is 60 MiB, used 60 MiB"
    hard = memory.judge_host(90 * MIB, released=False)
    assert hard.verdict is Verdict.KILL
    assert hard.why == "watermark: memory.host.hard is 90 MiB, used 90 MiB"


@pytest.mark.parametrize(
    ("own_mib", "words"), [(40, "the child's part 40 MiB"), (None, "the child's part unknown")]
)
def test_of_a_device_it_says_the_childs_part(own_mib: int | None, words: str) -> None:
    memory = new()
    own_bytes = None if own_mib is None else own_mib * MIB
    memory.judge_device(on_device(10), own_bytes=own_bytes and 0, uses_device=True, released=False)
    soft = memory.judge_device(on_device(50), own_bytes=own_bytes, uses_device=True, released=False)
    assert soft.verdict is Verdict.RELEASE
    assert soft.why == f"watermark: memory.device.soft is 50 MiB, used 50 MiB, {words}"


@pytest.mark.parametrize(
    ("uses_device", "own_mib", "blamed"),
    [(False, None, False), (False, 0, False), (False, 20, True), (True, None, True), (True, 20, True)],
)
def test_an_engine_without_device_memory_is_not_held_up_by_it(
    *, uses_device: bool, own_mib: int | None, blamed: bool
) -> None:
    memory = new()
    own_bytes = None if own_mib is None else own_mib * MIB
    judgement = memory.judge_device(
        on_device(80), own_bytes=own_bytes, uses_device=uses_device, released=False
    )
    assert judgement.verdict is (Verdict.PAUSE if blamed else Verdict.KEEP)
