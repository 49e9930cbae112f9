"""The layers of a Llama: grouped queries (Ainslie et al., 2023) over room that is there already, and SwiGLU.

Names of parameters are those of the checkpoints. A single new position attends by two plain products,
so that a captured step has nothing in it that chooses kernels by shape.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from tts_core.lm.config import LmConfig
from tts_core.lm.rotary import Turns, turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What the new positions of one pass are, and what they see.

    Attributes:
        turns: Of the T new positions; in a fixed step the matrix [D, D] that turns its one position.
        slots: int64 [T]: where their keys and values go; None = nowhere.
        window: How many positions of the cache are looked at, the new ones included.
        mask: For one new position float32 [window], added to its scores (in a fixed step of the model's own
            type); for several of them bool [T, window] of what each sees, or None = what is before it, and
            nothing is cached yet.
    """

    turns: Turns | Tensor
    slots: Tensor | None
    window: int
    mask: Tensor | None


Room = tuple[Tensor, Tensor]


class Attention(nn.Module):
    """Queries in groups over shared keys and values."""

    def __init__(self, config: LmConfig) -> None:
        super().__init__()
        self._head_dim = config.head_dim
        self._heads = (config.num_attention_heads, config.num_key_value_heads, config.num_key_value_heads)
        self.q_proj, self.k_proj, self.v_proj = (
            nn.Linear(config.hidden_size, heads * config.head_dim, bias=False) for heads in self._heads
        )
        self.o_proj = nn.Linear(self._heads[0] * config.head_dim, config.hidden_size, bias=False)
        self._joined: Tensor | None = None

    def add_to(self, stream: Tensor, x: Tensor, sight: Sight, room: Room | None) -> None:
        """Add what [B, T, D] `x` sees to the stream, [B, T, D]; new keys and values go where `sight` says."""
        q, k, v = self._turned(x, sight.turns)
        if room is not None and sight.slots is not None:
            for kept, new in zip(room, (k, v), strict=True):
                kept.index_copy_(2, sight.slots, new)
            k, v = (kept[:, :, : sight.window] for kept in room)
        if sight.mask is not None and isinstance(sight.turns, Tensor):
            seen = _attend_fixed(q, k, v, sight.mask)
        elif q.shape[2] == 1 and sight.mask is not None:
            seen = _attend_one(q, k, v, sight.mask)
        else:
            seen = _attend_many(q, k, v, sight.mask)
        _add_product(stream, seen, self.o_proj.weight)

    def join(self, device: torch.device, dtype: torch.dtype) -> None:
        """Make one product of three; the named weights become views of it."""
        self._joined = _joined((self.q_proj, self.k_proj, self.v_proj), device, dtype)

    def _turned(self, x: Tensor, by: Turns | Tensor) -> tuple[Tensor, ...]:
        """Return queries [B, H, T, D], keys and values [B, K, T, D]; the first two turned, at once."""
        if self._joined is None:
            flat = torch.cat((self.q_proj(x), self.k_proj(x), self.v_proj(x)), -1)
        else:
            flat = functional.linear(x, self._joined)
        heads = flat.unflatten(-1, (-1, self._head_dim)).transpose(1, 2)
        both, values = heads.split((self._heads[0] + self._heads[1], self._heads[2]), 1)
        turned = both @ by if isinstance(by, Tensor) else turn(both, by)
        queries, keys = turned.split(self._heads[:2], 1)
        return queries, keys, values


class FeedForward(nn.Module):
    """SwiGLU (Shazeer, 2020)."""

    def __init__(self, config: LmConfig) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)
        self._joined: Tensor | None = None

    def add_to(self, stream: Tensor, x: Tensor) -> None:
        """Add its answer to [B, T, D] `x` to the stream, [B, T, D]."""
        if self._joined is None:
            gate, up = self.gate_proj(x), self.up_proj(x)
        else:
            gate, up = functional.linear(x, self._joined).chunk(2, -1)
        _add_product(stream, functional.silu(gate).mul_(up), self.down_proj.weight)

    def join(self, device: torch.device, dtype: torch.dtype) -> None:
        """Make one product of two; the named weights become views of it."""
        self._joined = _joined((self.gate_proj, self.up_proj), device, dtype)


class Norm(nn.Module):
    """Divide by the root of the mean square, worked out in float32 (Zhang and Sennrich, 2019)."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Return [..., D] of [..., D]."""
        return functional.rms_norm(x, self.weight.shape, self.weight, self.eps)


class Layer(nn.Module):
    """Attention and feed-forward, each beside the stream."""

    def __init__(self, config: LmConfig) -> None:
        super().__init__()
        self.input_layernorm = Norm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = Norm(config.hidden_size, config.rms_norm_eps)
        self.mlp = FeedForward(config)

    def forward(self, stream: Tensor, sight: Sight, room: Room | None) -> None:
        """Add both, in place, to the stream, [B, T, D]."""
        self.self_attn.add_to(stream, self.input_layernorm(stream), sight, room)
        self.mlp.add_to(stream, self.post_attention_layernorm(stream))


def _attend_one(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Return [B, 1, H * D] for one query a head, [B, H, 1, D], over [B, K, S, D].

    The queries that share a head of keys are the rows of one product: nothing is repeated.
    """
    groups = q.reshape(q.shape[0], k.shape[1], -1, q.shape[3])
    scores = torch.add(mask, groups @ k.transpose(2, 3), alpha=q.shape[3] ** -0.5)
    weights = scores.softmax(-1).to(v.dtype)
    return (weights @ v).reshape(q.shape[0], 1, -1)


def _attend_fixed(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Return the same as `_attend_one` for a single row: scaled and masked within the first product.

    Scores are rounded once to the model's type, and so are the weights: as often as there.
    """
    groups = q.reshape(k.shape[1], -1, q.shape[3])
    keys, values = k.squeeze(0), v.squeeze(0)
    scores = torch.baddbmm(mask, groups, keys.transpose(1, 2), alpha=q.shape[3] ** -0.5)
    return (scores.softmax(-1) @ values).reshape(1, 1, -1)


def _attend_many(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Return [B, T, H * D] for [B, H, T, D] over [B, K, S, D], without holding T x S scores."""
    found = functional.scaled_dot_product_attention(
        q, k, v, attn_mask=mask, is_causal=mask is None, enable_gqa=True
    )
    return found.transpose(1, 2).flatten(2)


def _add_product(stream: Tensor, x: Tensor, weight: Tensor) -> None:
    """Add [B, T, E] times [D, E] to [B, T, D] in place: one kernel, and one rounding."""
    stream.view(-1, stream.shape[-1]).addmm_(x.reshape(-1, x.shape[-1]), weight.t())


def _joined(parts: tuple[nn.Linear, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    whole = torch.empty(
        (sum(part.out_features for part in parts), parts[0].in_features), device=device, dtype=dtype
    )
    at = 0
    for part in parts:
        rows = whole[at : at + part.out_features]
        part.weight = nn.Parameter(rows.copy_(part.weight), requires_grad=False)
        at += part.out_features
    return whole
