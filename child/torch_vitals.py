"""Vitals of an engine on torch: what its allocator holds, which of it on purpose, and giving back the rest.

An engine keeps one `TorchMemory`: declares its caches in it, calls `segment_begins` at the start of
`synthesize`, and answers `vitals` and `release_caches` with its methods. Nothing here imports
torch: where the engine has not done so there is nothing to read. On the CPU torch keeps no such
figures; they are None there, and private host memory tells.
"""

import gc
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, runtime_checkable

from child.vitals import give_back_host_memory, private_bytes
from supervisor.wire.messages import Vitals


class Declared:
    """Caches that an engine keeps on purpose: their growth is no leak.

    What is declared must be where the memory is: on the device for an engine on a device, else on
    the host. A cache without a bound is a leak; declare what evicts.
    """

    def __init__(self) -> None:
        self._caches: dict[str, Callable[[], int]] = {}

    def add(self, name: str, size_bytes: Callable[[], int]) -> None:
        """Declare a cache, or declare it anew.

        Args:
            name: For people; one cache a name.
            size_bytes: Asked after each segment; `tensor_bytes` counts what lies in containers.
        """
        self._caches[name] = size_bytes

    def by_name(self) -> dict[str, int]:
        """Return the bytes in each cache now."""
        return {name: size_bytes() for name, size_bytes in self._caches.items()}

    def total_bytes(self) -> int:
        """Return the bytes in all of them now."""
        return sum(self.by_name().values())


class TorchMemory:
    """What one engine holds through torch.

    Attributes:
        declared: Caches that it keeps on purpose.
    """

    def __init__(self, device: str) -> None:
        """Say where it computes.

        Args:
            device: As torch calls it: "cpu", "cuda" or "cuda:N". Nothing is touched yet.
        """
        self.declared = Declared()
        self._device = device

    def segment_begins(self) -> None:
        """Let the peak start from what is live now."""
        cuda = _cuda_in_use(self._device)
        if cuda is not None:
            cuda.reset_peak_memory_stats(self._device)

    def vitals(self) -> Vitals:
        """Return what is held now, once all of the device's work is done.

        Figures that torch does not have, on the CPU or after an error of the device, are None.
        """
        stats = self._stats()
        return Vitals(
            host_private_bytes=private_bytes(),
            live_bytes=stats.get("allocated_bytes.all.current"),
            reserved_bytes=stats.get("reserved_bytes.all.current"),
            peak_bytes=stats.get("allocated_bytes.all.peak"),
            declared_bytes=self.declared.total_bytes(),
            # Of the process, and so of this life: a child that was forked had no CUDA before.
            alloc_retries=stats.get("num_alloc_retries"),
            inactive_split_bytes=stats.get("inactive_split_bytes.all.current"),
        )

    def release(self) -> None:
        """Give back all that holds no live tensor: garbage, workspaces, cached blocks, free host pages.

        Changes no later audio: what is needed again is made again.
        """
        gc.collect()
        cuda = _cuda_in_use(self._device)
        if cuda is not None:
            _release_device(cuda, self._device)
        give_back_host_memory()

    def _stats(self) -> Mapping[str, int]:
        cuda = _cuda_in_use(self._device)
        if cuda is None:
            return {}
        try:
            cuda.synchronize(self._device)
            return cuda.memory_stats(self._device)
        except RuntimeError:
            # After a sticky error every call fails; that error is told already, by the segment it struck.
            return {}


# ---------------------------------------------------------------- what lies in containers


def tensor_bytes(*held: object) -> int:
    """Return the bytes behind all tensors in nested dicts, lists, tuples and sets.

    A storage that several tensors share, as slices do, counts once and in full: it is what
    stays in memory.
    """
    return sum({storage.data_ptr(): storage.nbytes() for storage in _storages(held)}.values())


def _storages(held: Iterable[object]) -> "Iterable[_Storage]":
    for one in held:
        if isinstance(one, _HasStorage):
            yield one.untyped_storage()
        elif isinstance(one, dict):
            yield from _storages(one.values())  # pyright: ignore[reportUnknownArgumentType] -- any dict will do
        elif isinstance(one, list | tuple | set | frozenset):
            yield from _storages(one)  # pyright: ignore[reportUnknownArgumentType] -- and any of these


# ---------------------------------------------------------------- the part of torch that is used


class _Storage(Protocol):
    def data_ptr(self) -> int: ...
    def nbytes(self) -> int: ...


@runtime_checkable
class _HasStorage(Protocol):
    def untyped_storage(self) -> _Storage: ...


class _Cuda(Protocol):
    """Of `torch.cuda`."""

    def is_initialized(self) -> bool: ...
    def synchronize(self, device: str, /) -> None: ...
    def memory_stats(self, device: str, /) -> Mapping[str, int]: ...
    def reset_peak_memory_stats(self, device: str, /) -> None: ...
    def empty_cache(self) -> None: ...


def _cuda_in_use(device: str) -> _Cuda | None:
    """Return `torch.cuda` if the engine has begun to use it: to ask sooner would begin it."""
    torch = sys.modules.get("torch")
    if torch is None or not device.startswith("cuda"):
        return None
    cuda: _Cuda = torch.cuda
    return cuda if cuda.is_initialized() else None


def _release_device(cuda: _Cuda, device: str) -> None:
    # Workspaces of cuBLAS are live blocks to the allocator, and blocks of pinned host memory lie in
    # a cache of their own; neither has a public name. Same order as torch's own leak check.
    inner = sys.modules["torch"]._C
    try:
        cuda.synchronize(device)
        for name in ("_cuda_clearCublasWorkspaces", "_host_emptyCache"):
            clear: Callable[[], None] | None = getattr(inner, name, None)
            if clear is not None:
                clear()
        cuda.empty_cache()
    except RuntimeError:
        return  # the device is lost to this process: nothing can be given back but the process
