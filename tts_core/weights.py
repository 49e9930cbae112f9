"""Weights from files into modules: strictly, without running anything that a file says.

Modules are built on the `meta` device and take the tensors as they were mapped, so that on the CPU
no weight is copied: forks of one process share their pages. What a model does not need is never read.
"""

import pickle
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from tts_core.errors import CheckpointError, WeightsError

#: Says of a tensor's name whether the file may have it though the model does not.
Unused = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Tensors by name, mapped from files.

    Attributes:
        path: For messages: the file, or the folder of several.
        tensors: By name.
    """

    path: Path
    tensors: Mapping[str, Tensor]


def none_unused(name: str) -> bool:
    """Let no tensor be in the file that the model has no place for."""
    del name
    return False


def read_safetensors(paths: Sequence[Path], *, unused: Unused = none_unused) -> Weights:
    """Map the tensors of some safetensors files, without those that are not used.

    Raises:
        CheckpointError: If a file is missing or damaged.
    """
    tensors: dict[str, Tensor] = {}
    for path in paths:
        try:
            with safe_open(str(path), framework="pt", device="cpu") as file:
                for name in file.keys():  # noqa: SIM118 -- not a mapping: it has keys() and no iterator
                    if not unused(name):
                        tensors[name] = file.get_tensor(name)
        except FileNotFoundError:
            raise CheckpointError(f"{path}: there is no such file; the checkpoint is not whole") from None
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path}: damaged or cut short ({error}); download it again") from None
    return Weights(path=paths[0] if len(paths) == 1 else paths[0].parent, tensors=tensors)


def read_pickled(path: Path) -> Weights:
    """Map the tensors of a torch file: a dictionary with the key `model`, or a bare one.

    Raises:
        CheckpointError: If the file is missing, damaged, or holds anything but tensors.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such file; the checkpoint is not whole") from None
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path}: holds more than tensors ({_foreign(error)}), and is not loaded, since loading it could "
            "run what it holds; download it again, from where the model comes from"
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise CheckpointError(f"{path}: damaged or cut short ({error}); download it again") from None
    if isinstance(found, dict) and isinstance(found.get("model"), dict):
        found = found["model"]
    if not isinstance(found, dict) or not all(isinstance(one, Tensor) for one in found.values()):
        raise CheckpointError(f"{path}: not a dictionary of tensors by name")
    return Weights(path=path, tensors=found)


def _foreign(error: pickle.UnpicklingError) -> str:
    """Return what a file wanted to be run; torch's own words advise, over many lines, to let it."""
    named = re.search(r"GLOBAL (\S+)", str(error))
    return named[1] if named else str(error).split("\n", 1)[0]


def fit(
    module: nn.Module,
    weights: Weights,
    *,
    device: torch.device,
    dtype: torch.dtype | None = None,
    unused: Unused = none_unused,
) -> None:
    """Put weights into a module that was built on the `meta` device; afterwards it is ready to run.

    Buffers that the files do not hold must be registered as not persistent, and be filled by the
    module itself: `fit` leaves them alone.

    Args:
        module: Takes the tensors themselves (no copy on the CPU at the files' own type), set to `eval`.
        weights: As they were read.
        device: Where they are to be.
        dtype: Of those that hold floats; None = as in the file.
        unused: Names that may be in the files and are dropped.

    Raises:
        WeightsError: If a name is missing or unexpected, or a shape differs; all are named.
    """
    wanted = module.state_dict()
    tensors = weights.tensors
    given = {name: tensor for name, tensor in tensors.items() if name in wanted or not unused(name)}
    missing = sorted(wanted.keys() - given.keys())
    unexpected = sorted(given.keys() - wanted.keys())
    wrong = [
        f"{name} {tuple(given[name].shape)} instead of {tuple(wanted[name].shape)}"
        for name in sorted(wanted.keys() & given.keys())
        if given[name].shape != wanted[name].shape
    ]
    if missing or unexpected or wrong:
        raise WeightsError(path=weights.path, missing=missing, unexpected=unexpected, wrong_shape=wrong)
    placed = {name: _placed(tensor, device, dtype) for name, tensor in given.items()}
    module.load_state_dict(placed, strict=True, assign=True)
    module.requires_grad_(requires_grad=False)
    module.eval()


def _placed(tensor: Tensor, device: torch.device, dtype: torch.dtype | None) -> Tensor:
    return tensor.to(device=device, dtype=dtype if tensor.is_floating_point() else None)


def held_bytes(modules: Iterable[nn.Module]) -> int:
    """Return the bytes that the parameters and buffers of some modules hold, each storage once."""
    storages: dict[int, int] = {}
    for module in modules:
        for tensor in (*module.parameters(), *module.buffers()):
            storage = tensor.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())
