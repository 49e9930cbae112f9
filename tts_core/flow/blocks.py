"""The transformer's blocks: norms that time and speaker set (Peebles & Xie 2022), attention, feed-forward."""

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's documentation writes it so
from torch import Tensor, nn

from tts_core.flow.config import FlowConfig

_EPSILON = 1e-6

#: Cosines and sines by which positions turn: each float32 [T, head_width / 2].
Turn = tuple[Tensor, Tensor]


class Rotary(nn.Module):
    """How far each position turns; the speeds are in the checkpoint."""

    inv_freq: Tensor

    def __init__(self, head_width: int) -> None:
        super().__init__()
        self.register_buffer("inv_freq", torch.empty(head_width // 2))

    def forward(self, frames: int) -> Turn:
        """Return the turn of the first so many positions."""
        at = torch.arange(frames, dtype=torch.float32, device=self.inv_freq.device)
        angle = torch.outer(at, self.inv_freq)
        return angle.cos(), angle.sin()


def turned(x: Tensor, turn: Turn) -> Tensor:
    """Turn neighbouring pairs of numbers, in float32: [B, T, 2·n] → the same shape and type."""
    cosine, sine = turn
    even, odd = x[..., 0::2].float(), x[..., 1::2].float()
    pairs = torch.stack((even * cosine - odd * sine, odd * cosine + even * sine), dim=-1)
    return pairs.flatten(-2).to(x.dtype)


class Attention(nn.Module):
    """Attention of all frames to all frames.

    Positions turn queries and keys before they are parted into heads, over the width of one head: so of all
    heads the first alone knows where it is. That is how the model was trained.
    """

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        inner = config.heads * config.head_width
        self.head_width = config.head_width
        self.to_q = nn.Linear(config.width, inner)
        self.to_k = nn.Linear(config.width, inner)
        self.to_v = nn.Linear(config.width, inner)
        self.to_out = nn.Sequential(nn.Linear(inner, config.width))

    def forward(self, x: Tensor, turn: Turn) -> Tensor:
        """[B, T, W] → [B, T, W]."""
        query, key = self._placed(self.to_q(x), turn), self._placed(self.to_k(x), turn)
        heard = F.scaled_dot_product_attention(query, key, self._in_heads(self.to_v(x)))
        return self.to_out(heard.transpose(1, 2).flatten(2))

    def _placed(self, x: Tensor, turn: Turn) -> Tensor:
        first = x[..., : self.head_width]
        first.copy_(turned(first, turn))  # in its place: `x` is this call's own
        return self._in_heads(x)

    def _in_heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.head_width)).transpose(1, 2)


class FeedForward(nn.Module):
    """Two layers; the names are the checkpoint's."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        inner = config.width * config.widening
        widen = nn.Sequential(nn.Linear(config.width, inner), nn.GELU(approximate="tanh"))
        self.ff = nn.Sequential(widen, nn.Identity(), nn.Linear(inner, config.width))

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, W] → [B, T, W]."""
        return self.ff(x)


class Modulation(nn.Module):
    """Numbers for the norms, from time and speaker."""

    def __init__(self, given: int, width: int, parts: int) -> None:
        super().__init__()
        self.parts = parts
        self.linear = nn.Linear(given, parts * width)

    def forward(self, given: Tensor) -> tuple[Tensor, ...]:
        """[B, G], after its SiLU → as many parts, each [B, 1, W]."""
        return self.linear(given).unsqueeze(1).chunk(self.parts, dim=-1)


class Block(nn.Module):
    """Attention and feed-forward, each behind a norm that time and speaker set, each with a gate."""

    def __init__(self, config: FlowConfig, given: int) -> None:
        super().__init__()
        self.attn_norm = Modulation(given, config.width, 6)
        self.attn = Attention(config)
        self.ff = FeedForward(config)

    def forward(self, x: Tensor, given: Tensor, turn: Turn) -> Tensor:
        """[B, T, W], [B, G] → [B, T, W]."""
        shift, scale, gate, late_shift, late_scale, late_gate = self.attn_norm(given)
        x = x + gate * self.attn(modulated(x, scale, shift), turn)
        return x + late_gate * self.ff(modulated(x, late_scale, late_shift))


class FinalNorm(nn.Module):
    """The last norm; of its two parts the scale comes first, unlike in the blocks."""

    def __init__(self, config: FlowConfig, given: int) -> None:
        super().__init__()
        self.linear = nn.Linear(given, 2 * config.width)

    def forward(self, x: Tensor, given: Tensor) -> Tensor:
        """[B, T, W], [B, G] → [B, T, W]."""
        scale, shift = self.linear(given).unsqueeze(1).chunk(2, dim=-1)
        return modulated(x, scale, shift)


def modulated(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Normalise each frame, scale it by 1 + `scale` and shift it."""
    return F.layer_norm(x, x.shape[-1:], eps=_EPSILON) * (1 + scale) + shift
