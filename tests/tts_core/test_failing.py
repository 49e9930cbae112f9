"""Out of memory: said with figures, and nothing of the way down is held any more."""

import gc
import subprocess
import sys
import weakref

import pytest
import torch
from torch import Tensor

from tests.tree import ROOT
from tts_core.errors import OutOfMemory, TextError
from tts_core.failing import is_memory, telling_memory
from tts_core.lm.cache import KvCache
from tts_core.lm.config import LmConfig

CPU = torch.device("cpu")
#: No machine has so much: 8 EiB.
TOO_MANY = 1 << 61


def test_what_torch_says_of_the_host_becomes_an_error_with_figures() -> None:
    with pytest.raises(OutOfMemory) as caught, telling_memory(CPU, "a text that is too much for it"):
        torch.zeros(TOO_MANY // 4, dtype=torch.uint8)
    said = str(caught.value)
    assert "'a text that is too much for it' (30 characters)" in said
    assert str(TOO_MANY // 4) in said
    for figure in ("MiB held", "MiB mapped", "MiB available"):
        assert figure in said
    assert "\n" not in said


def test_the_stage_that_asked_is_named() -> None:
    config = LmConfig(
        vocab_size=8,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        head_dim=8,
        rms_norm_eps=1e-5,
        rope_theta=10_000.0,
        tie_word_embeddings=True,
    )
    words = r"'x' \(1 characters\), in the language model: .*MiB mapped"
    with pytest.raises(OutOfMemory, match=words), telling_memory(CPU, "x"):
        KvCache(config, TOO_MANY >> 12, device=CPU, dtype=torch.float32)


def test_python_s_own_is_the_same() -> None:
    with pytest.raises(OutOfMemory, match=r"MemoryError; \d+ MiB mapped"), telling_memory(CPU, "x"):
        bytearray(TOO_MANY)


def test_nothing_of_the_way_down_is_held_when_it_is_told() -> None:
    held: list[weakref.ref[Tensor]] = []

    def deep() -> None:
        large = torch.zeros(1000)
        held.append(weakref.ref(large))
        torch.zeros(TOO_MANY // 4, dtype=torch.uint8)

    gc.disable()
    try:
        with pytest.raises(OutOfMemory) as caught, telling_memory(CPU, "x"):
            deep()
        assert held[0]() is None
        assert caught.value.__cause__ is None
    finally:
        gc.enable()


def test_any_other_error_goes_through_as_it_is() -> None:
    with pytest.raises(RuntimeError, match="shapes"), telling_memory(CPU, "x"):
        torch.matmul(torch.zeros(2, 3), torch.zeros(2, 3))
    with pytest.raises(TextError), telling_memory(CPU, "x"):
        raise TextError("nothing to speak")


def test_which_errors_are_about_memory() -> None:
    assert is_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_memory(MemoryError())
    assert is_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"))
    assert not is_memory(RuntimeError("CUDA error: device-side assert triggered"))


LIMITED = """
import resource, torch
from tts_core.errors import OutOfMemory
from tts_core.failing import telling_memory
torch.zeros(8) @ torch.zeros(8)
with open("/proc/self/statm") as file:
    mapped = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (mapped + (16 << 20), resource.RLIM_INFINITY))
try:
    with telling_memory(torch.device("cpu"), "x"):
        torch.zeros(64 << 20, dtype=torch.uint8)
except OutOfMemory as error:
    print(error)
print(float(torch.ones(1 << 20).sum()))
"""


def test_under_a_limit_of_the_system_it_is_told_and_work_goes_on() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    first, second = done.stdout.splitlines()
    assert "out of memory within 'x'" in first
    assert second == "1048576.0"
