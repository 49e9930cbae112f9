"""What an engine on torch says of its memory: with torch on the CPU, without torch, and with a scripted CUDA.

Real CUDA is in tests/gpu/. Here a module stands in for torch's own, so that every figure is known.
"""

import gc
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from child.torch_vitals import Declared, TorchMemory, tensor_bytes

MIB = 2**20
SLACK_BYTES = 8 * MIB  # what the interpreter and the test's own plumbing move meanwhile


class ScriptedCuda:
    """Of `torch.cuda`, what is used; notes each call."""

    def __init__(self, *, begun: bool = True, lost: bool = False) -> None:
        self.called: list[str] = []
        self._begun = begun
        self._lost = lost

    def is_initialized(self) -> bool:
        return self._begun

    def synchronize(self, device: str) -> None:
        self._note("synchronize", device)

    def memory_stats(self, device: str) -> dict[str, int]:
        self._note("memory_stats", device)
        return {
            "allocated_bytes.all.current": 700,
            "allocated_bytes.all.peak": 900,
            "reserved_bytes.all.current": 1000,
            "num_alloc_retries": 3,
            "inactive_split_bytes.all.current": 50,
        }

    def reset_peak_memory_stats(self, device: str) -> None:
        self._note("reset_peak", device)

    def empty_cache(self) -> None:
        self._note("empty_cache")

    def clear_workspaces(self) -> None:
        self._note("clear_workspaces")

    def _note(self, *words: str) -> None:
        self.called.append(" ".join(words))
        if self._lost:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")


def put_in_place_of_torch(monkeypatch: pytest.MonkeyPatch, cuda: ScriptedCuda) -> None:
    inner = SimpleNamespace(_cuda_clearCublasWorkspaces=cuda.clear_workspaces)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda, _C=inner))


# ------------------------------------------------------------------ on the CPU


HOLDS_A_TENSOR = """
import torch
from child.torch_vitals import TorchMemory

memory = TorchMemory("cpu")
before = memory.vitals()
held = torch.ones(32 * 2**20 // 4)
after = memory.vitals()
print(after.host_private_bytes - before.host_private_bytes, after.declared_bytes)
print(after.live_bytes, after.reserved_bytes, after.peak_bytes)
print(after.alloc_retries, after.inactive_split_bytes)
assert held[0] == 1
"""
LETS_A_RING_GO = """
import gc
import torch
from child.torch_vitals import TorchMemory

memory = TorchMemory("cpu")
gc.disable()
ring = [torch.ones(64 * 2**20 // 4)]
ring.append(ring)
held_bytes = memory.vitals().host_private_bytes
del ring
memory.release()
print(held_bytes - memory.vitals().host_private_bytes)
"""


def in_a_fresh_process(program: str) -> list[str]:
    """What `program` prints, word by word: only a fresh process has no freed memory for a tensor to take."""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return said.stdout.split()


def test_on_the_cpu_private_memory_tells_and_the_allocator_is_not_known() -> None:
    grown_bytes, declared_bytes, *of_the_allocator = in_a_fresh_process(HOLDS_A_TENSOR)
    assert int(grown_bytes) == pytest.approx(32 * MIB, abs=SLACK_BYTES)
    assert declared_bytes == "0"
    assert of_the_allocator == ["None"] * 5


def test_release_collects_garbage_and_hands_its_pages_back() -> None:
    (returned_bytes,) = in_a_fresh_process(LETS_A_RING_GO)
    assert int(returned_bytes) > 64 * MIB - SLACK_BYTES


def test_nothing_imports_torch_for_an_engine_that_has_not() -> None:
    program = (
        "import sys\n"
        "from child.torch_vitals import TorchMemory, tensor_bytes\n"
        "memory = TorchMemory('cuda:0')\n"
        "memory.segment_begins()\n"
        "memory.release()\n"
        "print(memory.vitals().live_bytes, tensor_bytes([b'x']), 'torch' in sys.modules)"
    )
    assert in_a_fresh_process(program) == ["None", "0", "False"]


# ------------------------------------------------------------------ on a device


def test_on_a_device_the_allocator_tells_once_the_devices_work_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda = ScriptedCuda()
    put_in_place_of_torch(monkeypatch, cuda)
    vitals = TorchMemory("cuda:1").vitals()
    assert (vitals.live_bytes, vitals.reserved_bytes, vitals.peak_bytes) == (700, 1000, 900)
    assert (vitals.alloc_retries, vitals.inactive_split_bytes) == (3, 50)
    assert cuda.called == ["synchronize cuda:1", "memory_stats cuda:1"]


def test_the_peak_is_that_of_one_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = ScriptedCuda()
    put_in_place_of_torch(monkeypatch, cuda)
    TorchMemory("cuda:0").segment_begins()
    assert cuda.called == ["reset_peak cuda:0"]


class Kept:
    """In a ring with itself: gone when garbage is collected, and says so."""

    def __init__(self, said: list[str]) -> None:
        self._said = said
        self._ring = self

    def __del__(self) -> None:
        self._said.append("garbage")


def test_release_frees_garbage_and_workspaces_before_the_cache_that_their_blocks_fall_into(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda = ScriptedCuda()
    put_in_place_of_torch(monkeypatch, cuda)
    gc.disable()
    try:
        Kept(cuda.called)
        TorchMemory("cuda:0").release()
    finally:
        gc.enable()
    assert cuda.called == ["garbage", "synchronize cuda:0", "clear_workspaces", "empty_cache"]


@pytest.mark.parametrize(("device", "begun"), [("cuda:0", False), ("cpu", True)])
def test_a_device_that_is_not_in_use_is_not_touched(
    monkeypatch: pytest.MonkeyPatch, device: str, begun: bool
) -> None:
    cuda = ScriptedCuda(begun=begun)
    put_in_place_of_torch(monkeypatch, cuda)
    memory = TorchMemory(device)
    memory.segment_begins()
    memory.release()
    assert memory.vitals().live_bytes is None
    assert cuda.called == []


def test_after_an_error_of_the_device_private_memory_still_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_place_of_torch(monkeypatch, ScriptedCuda(lost=True))
    memory = TorchMemory("cuda:0")
    memory.release()
    vitals = memory.vitals()
    assert vitals.host_private_bytes > MIB
    assert vitals.live_bytes is None


# ------------------------------------------------------------------ caches kept on purpose


def test_what_is_declared_is_asked_anew_each_time() -> None:
    declared = Declared()
    voices: dict[str, torch.Tensor] = {}
    declared.add("voices", lambda: tensor_bytes(voices))
    declared.add("pool", lambda: 1000)
    assert declared.total_bytes() == 1000
    voices["reed"] = torch.zeros(250)
    assert declared.by_name() == {"voices": 1000, "pool": 1000}
    memory = TorchMemory("cpu")
    memory.declared.add("voices", lambda: tensor_bytes(voices))
    assert memory.vitals().declared_bytes == 1000


def test_a_storage_counts_once_and_in_full_whoever_shares_it() -> None:
    whole = torch.zeros(1000)
    held = {"slice": whole[:10], "twice": [whole, (whole,)], "other": {"deep": torch.zeros(5)}, "no": "text"}
    assert tensor_bytes(held) == 4000 + 20
    assert tensor_bytes(whole[3:4], whole) == 4000
    assert tensor_bytes() == 0
