"""What lies on a card: by the driver, and by torch; and a smaller card, made believe."""

import gc
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

import torch

MIB, GIB = 2**20, 2**30


class _Limits(Protocol):
    """Of `torch.cuda`, untyped."""

    def set_per_process_memory_fraction(self, fraction: float, /) -> None: ...


class _Properties(Protocol):
    total_memory: int


class _Memory(Protocol):
    used: int


class _Nvml(Protocol):
    """Of `pynvml`, untyped."""

    def nvmlInit(self) -> None: ...  # noqa: N802 -- its name
    def nvmlShutdown(self) -> None: ...  # noqa: N802 -- its name
    def nvmlDeviceGetHandleByIndex(self, index: int, /) -> object: ...  # noqa: N802 -- its name
    def nvmlDeviceGetMemoryInfo(self, handle: object, /) -> _Memory: ...  # noqa: N802 -- its name


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What there is on the card; zeros on the CPU.

    Attributes:
        used_bytes: By the driver, since before this process had a context.
        reserved_bytes: By torch's allocator.
        allocated_bytes: Of live tensors.
    """

    used_bytes: int
    reserved_bytes: int
    allocated_bytes: int


class Card:
    """The device that is measured."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.is_card = device.type == "cuda"
        self._before_bytes = _driver_used_bytes(device) if self.is_card else 0
        self._total_bytes = 0
        if self.is_card:
            found = torch.cuda.get_device_properties(device)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] -- untyped
            self._total_bytes = cast("_Properties", found).total_memory

    def held(self) -> Held:
        """Return what is held now, once all work is done."""
        if not self.is_card:
            return Held(used_bytes=0, reserved_bytes=0, allocated_bytes=0)
        torch.cuda.synchronize(self.device)
        free_bytes, total_bytes = torch.cuda.mem_get_info(self.device)
        return Held(
            used_bytes=total_bytes - free_bytes - self._before_bytes,
            reserved_bytes=torch.cuda.memory_reserved(self.device),
            allocated_bytes=torch.cuda.memory_allocated(self.device),
        )

    def empty(self) -> None:
        """Give back what torch holds in reserve."""
        gc.collect()
        if self.is_card:
            torch.cuda.empty_cache()

    def most_allocated_bytes(self) -> int:
        """Return the most that lived at once."""
        return torch.cuda.max_memory_allocated(self.device) if self.is_card else 0

    def limit(self, budget_bytes: int | None) -> None:
        """Let torch take what such a card would leave it beside the context; None = all there is."""
        if not self.is_card:
            return
        held = self.held()
        left = 1.0
        if budget_bytes is not None:
            left = (budget_bytes - (held.used_bytes - held.reserved_bytes)) / self._total_bytes
        cast("_Limits", torch.cuda).set_per_process_memory_fraction(left)


def _driver_used_bytes(device: torch.device) -> int:
    """Return what all programs hold there, asked in a way that makes no context."""
    nvml = cast("_Nvml", import_module("pynvml"))
    nvml.nvmlInit()
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(device.index or 0)
        return nvml.nvmlDeviceGetMemoryInfo(handle).used
    finally:
        nvml.nvmlShutdown()


def growth_mib(before: Held, after: Held) -> dict[str, float]:
    """Return what has come to be held, in MiB."""
    return {
        "used": round((after.used_bytes - before.used_bytes) / MIB, 2),
        "reserved": round((after.reserved_bytes - before.reserved_bytes) / MIB, 2),
        "allocated": round((after.allocated_bytes - before.allocated_bytes) / MIB, 2),
    }


def gib(size_bytes: int) -> float:
    """Return GiB for people."""
    return round(size_bytes / GIB, 3)
