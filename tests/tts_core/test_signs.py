"""Signs of life come from modules at work, at most so often, and only while they are listened to."""

from typing import cast

import pytest
import torch
from torch import nn

from tts_core.signs import EVERY_S, Signs


class Clock:
    """Goes on by a step each time that it is read."""

    def __init__(self, step_s: float) -> None:
        self.now_s = 0.0
        self.step_s = step_s

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s


def passes(signs: Signs, count: int) -> int:
    """How many signs that many calls of a module give."""
    told: list[None] = []
    signs.tell = lambda: told.append(None)
    layer = nn.Linear(2, 2)
    with signs.felt():
        for _ in range(count):
            layer(torch.zeros(1, 2))
    return len(told)


@pytest.mark.parametrize(("step_s", "signs"), [(1.0, 10), (0.5, 5), (0.25, 2), (30.0, 10), (0.0, 0)])
def test_a_sign_is_given_about_every_second_of_work(step_s: float, signs: int) -> None:
    assert passes(Signs(now_s=Clock(step_s)), 10) == signs


def test_inner_modules_count_and_nobody_is_told_afterwards() -> None:
    signs = Signs(now_s=Clock(EVERY_S))
    told: list[None] = []
    signs.tell = lambda: told.append(None)
    block = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    with signs.felt():
        block(torch.zeros(1, 2))
    assert len(told) == 3
    block(torch.zeros(1, 2))
    assert len(told) == 3


def test_what_fails_while_it_is_listened_to_leaves_nothing_behind() -> None:
    signs = Signs(now_s=Clock(EVERY_S))
    told: list[None] = []
    signs.tell = lambda: told.append(None)
    with pytest.raises(RuntimeError), signs.felt():
        nn.Linear(2, 2)(torch.zeros(1, 3))
    nn.Linear(2, 2)(torch.zeros(1, 2))
    assert told == []


def test_listening_changes_no_result() -> None:
    layer = nn.Linear(8, 8)
    given = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    alone = layer(given)
    with Signs(every_s=0.0).felt():
        assert torch.equal(layer(given), alone)


@pytest.mark.filterwarnings(
    "ignore:.torch.jit.trace:DeprecationWarning"
)  # what the release's vocoder was made by
def test_a_module_of_torchscript_is_heard_too() -> None:
    scripted = cast("nn.Module", torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)))
    signs = Signs(now_s=Clock(EVERY_S))
    told: list[None] = []
    signs.tell = lambda: told.append(None)
    with signs.felt():
        scripted(torch.zeros(1, 2))
    assert told
