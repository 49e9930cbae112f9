"""Weights into modules: strictly, without a copy on the CPU, and without running what a file holds."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tts_core.errors import CheckpointError, WeightsError
from tts_core.weights import Weights, fit, held_bytes, none_unused, read_pickled, read_safetensors

CPU = torch.device("cpu")


class Small(nn.Module):
    """Two layers, a counter, and a table that it fills itself."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.second = nn.Linear(4, 2, bias=False)
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("own", torch.zeros(2), persistent=False)


def tensors() -> dict[str, torch.Tensor]:
    return {
        "first.weight": torch.ones(4, 3),
        "first.bias": torch.ones(4),
        "second.weight": torch.ones(2, 4),
        "count": torch.tensor(7),
    }


def on_meta() -> Small:
    with torch.device("meta"):
        return Small()


def of(found: dict[str, torch.Tensor], path: Path = Path("x.pt")) -> Weights:
    return Weights(path=path, tensors=found)


def test_a_module_takes_what_it_is_given_and_is_ready_to_run() -> None:
    module, given = on_meta(), tensors()
    fit(module, of(given), device=CPU)
    assert not module.training
    assert not any(one.requires_grad for one in module.parameters())
    assert module.first.weight.data_ptr() == given["first.weight"].data_ptr()  # no copy
    assert int(module.get_buffer("count")) == 7


def test_floats_get_the_type_that_is_wanted_and_counts_keep_theirs() -> None:
    module = on_meta()
    fit(module, of(tensors()), device=CPU, dtype=torch.bfloat16)
    assert module.first.weight.dtype == torch.bfloat16
    assert module.get_buffer("count").dtype == torch.int64


def test_all_that_does_not_fit_is_named_at_once() -> None:
    given = tensors()
    del given["first.bias"]
    given["third.weight"] = torch.ones(1)
    given["second.weight"] = torch.ones(2, 5)
    with pytest.raises(WeightsError) as caught:
        fit(on_meta(), of(given), device=CPU)
    error = caught.value
    assert (error.missing, error.unexpected) == (["first.bias"], ["third.weight"])
    assert error.wrong_shape == ["second.weight (2, 5) instead of (2, 4)"]


def test_what_is_known_to_be_unused_may_be_there() -> None:
    given = tensors() | {"ema.first": torch.ones(1)}
    module = on_meta()
    fit(module, of(given), device=CPU, unused=lambda name: name.startswith("ema."))
    with pytest.raises(WeightsError, match=r"ema\.first"):
        fit(on_meta(), of(given), device=CPU, unused=none_unused)
    # The name of a part that the model has is never unused.
    fit(module, of(tensors()), device=CPU, unused=lambda _: True)


def test_held_bytes_count_each_storage_once() -> None:
    module = on_meta()
    fit(module, of(tensors()), device=CPU)
    own = (12 + 4 + 8) * 4 + 8
    module.own = torch.zeros(2)
    assert held_bytes([module]) == held_bytes([module, module]) == own + 8


# ------------------------------------------------------------------ safetensors


def test_several_files_are_one_set_without_the_unused(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2), "b": torch.ones(3)}, tmp_path / "1.safetensors")
    save_file({"c": torch.ones(4)}, tmp_path / "2.safetensors")
    paths = [tmp_path / "1.safetensors", tmp_path / "2.safetensors"]
    found = read_safetensors(paths, unused=lambda name: name == "b")
    assert {name: tuple(one.shape) for name, one in found.tensors.items()} == {"a": (2,), "c": (4,)}
    assert found.path == tmp_path
    assert read_safetensors(paths[:1]).path == paths[0]


@pytest.mark.parametrize("kept", [0, 4, 40, -1])
def test_a_safetensors_file_that_is_cut_short_is_named(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"a": torch.ones(64)}, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=r"x\.safetensors: damaged or cut short .*download it again"):
        read_safetensors([path])


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.safetensors: there is no such file"):
        read_safetensors([tmp_path / "none.safetensors"])
    with pytest.raises(CheckpointError, match=r"none\.pt: there is no such file"):
        read_pickled(tmp_path / "none.pt")


# ------------------------------------------------------------------ torch's own files


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_bare_dictionary_and_one_below_model_are_the_same(tmp_path: Path, wrapped: bool) -> None:
    path = tmp_path / "flow.pt"
    torch.save({"model": tensors(), "epoch": 3} if wrapped else tensors(), path)
    found = read_pickled(path).tensors
    assert found.keys() == tensors().keys()
    assert all(torch.equal(one, tensors()[name]) for name, one in found.items())


@pytest.mark.parametrize("kept", [0, 10, 200, -30])
def test_a_torch_file_that_is_cut_short_is_named(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "flow.pt"
    torch.save(tensors(), path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=r"flow\.pt: damaged or cut short"):
        read_pickled(path)


@pytest.mark.parametrize("content", [[1, 2], {"model": 3}, torch.ones(2), {"a": torch.ones(1), "b": "text"}])
def test_a_file_that_holds_something_else_is_named(tmp_path: Path, content: object) -> None:
    path = tmp_path / "flow.pt"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=r"flow\.pt: not a dictionary of tensors"):
        read_pickled(path)


class Wicked:
    """Unpickled, it would make a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("as_torch", [True, False], ids=["torch", "bare pickle"])
def test_what_a_file_would_run_is_never_run(tmp_path: Path, as_torch: bool) -> None:
    path, trace = tmp_path / "flow.pt", tmp_path / "it-was-run"
    if as_torch:
        torch.save({"model": Wicked(trace)}, path)
    else:
        path.write_bytes(pickle.dumps({"model": Wicked(trace)}))
    with pytest.raises(CheckpointError) as caught:
        read_pickled(path)
    assert not trace.exists()
    said = str(caught.value)
    assert "flow.pt" in said
    assert "download it again" in said
    assert "weights_only" not in said  # torch's own words tell how to have it run
    assert not as_torch or "posix.mkdir" in said
