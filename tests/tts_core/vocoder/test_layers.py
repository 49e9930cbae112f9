"""What the vocoder is made of."""

import torch
from torch import nn

from tests.tts_core.vocoder.small import chance
from tts_core.vocoder.layers import ResBlock, Snake, normed_conv, settle


def test_snake_follows_its_formula_and_leaves_its_input() -> None:
    snake = Snake(3)
    nn.init.constant_(snake.alpha, 0.7)
    x = torch.randn(2, 3, 5, generator=chance(0))
    before = x.clone()
    with torch.inference_mode():
        found = snake(x)
    torch.testing.assert_close(found, before + torch.sin(0.7 * before) ** 2 / 0.7)
    assert torch.equal(x, before)


def test_settled_weights_give_the_same_and_nothing_else_is_held() -> None:
    block = nn.Sequential(normed_conv(4, 4, 7, dilation=3), nn.Linear(9, 9), normed_conv(4, 4, 3))
    x = torch.randn(1, 4, 9, generator=chance(0))
    with torch.no_grad():
        before = block(x)
        settle(block)
        after = block(x)
    assert torch.equal(after, before)
    assert [name for name in block.state_dict() if name.startswith("0.")] == ["0.bias", "0.weight"]
    assert not any(one.requires_grad for name, one in block.named_parameters() if not name.startswith("1."))


def test_a_block_keeps_the_length_whatever_its_kernel() -> None:
    for kernel in (3, 7, 11):
        block = ResBlock(2, kernel)
        for activation in (*block.activations1, *block.activations2):
            nn.init.ones_(next(activation.parameters()))
        with torch.inference_mode():
            assert block(torch.zeros(1, 2, 13)).shape == (1, 2, 13)
