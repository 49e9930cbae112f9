"""The card, for tests that need one: a torch with CUDA and a driver that answers."""

import importlib
from collections.abc import Generator
from typing import TYPE_CHECKING, cast

import pytest
import torch

from tests.gpu.card import Card

if TYPE_CHECKING:
    from supervisor.edge.driver import Nvml


@pytest.fixture
def card() -> Generator[Card]:
    """The card; the test is left out where there is none to be used."""
    if not torch.cuda.is_available():
        pytest.skip(f"torch {torch.__version__} finds no CUDA")
    nvml = cast("Nvml", importlib.import_module("pynvml"))
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        pytest.skip(f"NVML does not answer: {error}")
    handle = nvml.nvmlDeviceGetHandleByIndex(0)

    def used_bytes() -> int:
        return nvml.nvmlDeviceGetMemoryInfo(handle).used

    def pids() -> set[int]:
        listed = nvml.nvmlDeviceGetComputeRunningProcesses_v3(handle)
        drawing = nvml.nvmlDeviceGetGraphicsRunningProcesses_v3(handle)
        return {one.pid for one in (*listed, *drawing)}

    yield Card(before_bytes=used_bytes(), used_bytes=used_bytes, pids=pids)
    nvml.nvmlShutdown()
