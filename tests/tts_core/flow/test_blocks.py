"""The quirks of the transformer's blocks, each by itself."""

import torch

from tests.tts_core.flow.small import CONFIG, chance, drawn_weights, made_dit
from tts_core.flow.blocks import Attention, FinalNorm, Rotary, modulated, turned


def test_neighbours_turn_as_one_pair() -> None:
    rotary = Rotary(4)
    rotary.inv_freq = torch.tensor([torch.pi / 2, 0.0])
    found = turned(torch.tensor([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]]), rotary(2))
    torch.testing.assert_close(found, torch.tensor([[1.0, 2.0, 3.0, 4.0], [-2.0, 1.0, 3.0, 4.0]]))


def test_only_the_first_head_knows_where_it_is() -> None:
    attention = Attention(CONFIG)
    rotary = Rotary(CONFIG.head_width)
    rotary.inv_freq = drawn_weights()["estimator.rotary_embed.inv_freq"]
    attention.to_out = torch.nn.Sequential(torch.nn.Identity())  # the heads as they are, not yet mixed
    x = 2 * torch.randn(1, 7, CONFIG.width, generator=chance(0))
    order = torch.randperm(7, generator=chance(1))
    with torch.inference_mode():
        placed, shuffled = attention.forward(x, rotary(7)), attention.forward(x[:, order], rotary(7))
    first = CONFIG.head_width
    assert placed.shape == (1, 7, CONFIG.heads * first)
    torch.testing.assert_close(placed[:, order, first:], shuffled[..., first:])
    assert (placed[:, order, :first] - shuffled[..., :first]).abs().max() > 0.001


def test_the_last_norm_has_its_scale_first() -> None:
    norm = FinalNorm(CONFIG, 5)
    with torch.no_grad():
        norm.linear.weight.zero_()
        norm.linear.bias[: CONFIG.width] = 2.0
        norm.linear.bias[CONFIG.width :] = 7.0
        x = torch.randn(1, 3, CONFIG.width, generator=chance(0))
        found = norm(x, torch.zeros(1, 5))
    plain = modulated(x, torch.tensor(0.0), torch.tensor(0.0))
    torch.testing.assert_close(found, 3 * plain + 7)


def test_the_input_of_a_block_is_left_as_it_is() -> None:
    estimator = made_dit(drawn_weights()).estimator
    x, given = torch.randn(2, 7, CONFIG.width, generator=chance(0)), torch.randn(2, CONFIG.width + 192)
    before = x.clone()
    with torch.inference_mode():
        estimator.transformer_blocks[0](x, given, estimator.rotary_embed(7))
    assert torch.equal(x, before)
