"""Rotation by halves, beside the same rotation of complex numbers."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.tts_core.lm.models import CPU, dice
from tts_core.lm.rotary import one_turn, turn, turns


@given(st.integers(0, 3000), st.sampled_from([2, 8, 64, 128]), st.sampled_from([100.0, 10000.0]))
def test_a_turn_is_a_product_of_complex_numbers(position: int, head_dim: int, theta: float) -> None:
    x = torch.randn(1, 2, 1, head_dim, generator=dice(position))
    table = turns(position + 1, head_dim, theta=theta, device=CPU, dtype=torch.float32)
    found = turn(x, table.at(torch.tensor([position]))).double()
    half = head_dim // 2
    for pair in range(half):
        angle = torch.tensor(position * theta ** (-2 * pair / head_dim), dtype=torch.float64)
        number = torch.complex(x[..., pair].double(), x[..., pair + half].double())
        expected = number * torch.polar(torch.ones_like(angle), angle)
        # Angles are worked out in float32: at position 3000 they are exact to 2e-4.
        assert torch.allclose(found[..., pair], expected.real, atol=2e-3)
        assert torch.allclose(found[..., pair + half], expected.imag, atol=2e-3)


def test_position_zero_is_not_turned() -> None:
    x = torch.randn(2, 3, 1, 16, generator=dice())
    assert torch.equal(turn(x, turns(1, 16, theta=10000.0, device=CPU, dtype=torch.float32)), x)


@given(st.integers(0, 3000), st.sampled_from([2, 8, 64, 128]))
def test_the_turn_of_one_position_is_a_matrix_too(position: int, head_dim: int) -> None:
    x = torch.randn(1, 5, 1, head_dim, generator=dice(position))
    table = turns(position + 1, head_dim, theta=10000.0, device=CPU, dtype=torch.float32)
    by = table.at(torch.tensor([position]))
    assert torch.allclose(x @ one_turn(by), turn(x, by), atol=1e-6)
