"""Modules are counted as they are called, in whatever holds them."""

import pytest
import torch

from child.glm_upstream_pulse import Pulse


def traced(module: torch.nn.Module) -> torch.jit.ScriptModule:
    made: object = torch.jit.trace(module, torch.ones(1, 2))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] -- torch is typed in part
    assert isinstance(made, torch.jit.ScriptModule)
    return made


class Holder:
    """No module itself, as upstream's vocoder pipeline."""

    def __init__(self) -> None:
        self.inner = torch.nn.Sequential(torch.nn.Linear(2, 2))
        self.name = "holder"


def test_calls_of_modules_are_counted_and_their_answers_are_as_they_were() -> None:
    pulse = Pulse()
    model, holder = torch.nn.Sequential(torch.nn.Linear(2, 2)), Holder()
    given = torch.ones(1, 2)
    expected = model(given), holder.inner(given)
    pulse.feel(model, holder, model, "no module")
    assert pulse.count == 0
    assert torch.equal(model(given), expected[0])
    assert pulse.count == 2  # itself and what is in it, each felt once
    assert torch.equal(holder.inner(given), expected[1])
    assert pulse.count == 4


@pytest.mark.filterwarnings("ignore:`torch.jit.trace")
def test_what_lies_deep_is_not_counted_and_scripted_modules_are_left_alone() -> None:
    pulse = Pulse()
    deep: torch.nn.Module = torch.nn.Identity()
    for _ in range(6):
        deep = torch.nn.Sequential(deep)
    scripted = traced(torch.nn.Linear(2, 2))
    pulse.feel(deep, scripted)
    deep(torch.ones(1))
    assert pulse.count == 3
    scripted(torch.ones(1, 2))
    assert pulse.count == 3
