"""Rotary positions (Su et al., 2021), in the halves' arrangement that Llama's weights are stored for."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """How far each position is turned.

    Attributes:
        cos: [T, D], the two halves alike.
        sin: [T, D], the first half negated: `turn` swaps the halves and need not negate one.
    """

    cos: Tensor
    sin: Tensor

    def at(self, positions: Tensor) -> "Turns":
        """Return those of some positions, int64 [T], wherever they lie: nothing is read back from a card."""
        return Turns(cos=self.cos.index_select(0, positions), sin=self.sin.index_select(0, positions))


def turns(count: int, head_dim: int, *, theta: float, device: torch.device, dtype: torch.dtype) -> Turns:
    """Return the turns of positions 0 to `count` - 1; worked out in float32, kept in `dtype`."""
    exponents = torch.arange(0, head_dim, 2, device=device, dtype=torch.int64).float() / head_dim
    angles = torch.outer(torch.arange(count, device=device).float(), 1.0 / theta**exponents)
    cos, sin = angles.cos(), angles.sin()
    return Turns(cos=torch.cat((cos, cos), -1).to(dtype), sin=torch.cat((-sin, sin), -1).to(dtype))


def turn(x: Tensor, by: Turns) -> Tensor:
    """Turn heads [B, H, T, D] by their positions' angles: three small kernels, no halves copied apart."""
    return torch.addcmul(x * by.cos, x.roll(x.shape[-1] // 2, -1), by.sin)


def one_turn(by: Turns) -> Tensor:
    """Return the turn of one position as a matrix [D, D] that heads [..., D] are multiplied by.

    A product of heads by it is one kernel instead of three; each number is the sum of two, and of zeros.
    """
    straight = by.cos.flatten().diag()
    # Column j takes the number that `roll` brings there from half the width before it.
    return straight + by.sin.flatten().diag().roll(by.cos.shape[-1] // 2, 0)
