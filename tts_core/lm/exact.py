"""Steps in the reference's own arithmetic: its operations in its order, so that the last bits are its too.

Where two ids are about equally likely the last bits of their scores say which one is drawn, and from
there on all is another: about once in ten thousand draws the engine's faster forms draw otherwise than
the reference. For narration either is as good; a comparison must not differ. So nothing is joined here,
keys are concatenated, and every position of a prompt reaches the whole head.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from tts_core.lm.layers import Attention, FeedForward, Layer, Norm
from tts_core.lm.llama import Llama
from tts_core.lm.rows import AllRows

#: Keys and values of one layer so far, each [1, K, T, D]; none before the prompt.
_Seen = tuple[Tensor, Tensor]


class ExactSteps:
    """One segment's way through the model, in float32 on the CPU. Slower, and takes more room than others."""

    def __init__(self, llama: Llama, rows: AllRows) -> None:
        self._llama = llama
        self._rows = rows
        self._length = 0
        self._seen: list[_Seen | None] = []

    def begin(self, ids: Sequence[int]) -> Tensor:
        """Forget what was before, take in a prompt, and return float32 [V] of what follows."""
        self._length = 0
        self._seen = [None] * self._llama.config.num_hidden_layers
        return self._scores(ids)

    def step(self, id_: int) -> Tensor:
        """Take in one id."""
        return self._scores((id_,))

    @torch.inference_mode()
    def _scores(self, ids: Sequence[int]) -> Tensor:
        body, device = self._llama.model, self._llama.device
        stream = body.embed_tokens(torch.tensor([ids], dtype=torch.int64, device=device))
        turn = self._turn(torch.arange(len(ids), device=device) + self._length)
        for at, layer in enumerate(body.layers):
            assert isinstance(layer, Layer)
            stream = stream + self._heard(at, layer.self_attn, _normed(layer.input_layernorm, stream), turn)
            stream = stream + _fed(layer.mlp, _normed(layer.post_attention_layernorm, stream))
        self._length += len(ids)
        return self._rows.scores(_normed(body.norm, stream), self._llama.head)[0, -1]

    def _turn(self, positions: Tensor) -> _Seen:
        """Return cosines and sines [1, 1, T, D] of int64 [T]."""
        config = self._llama.config
        pair = torch.arange(0, config.head_dim, 2, dtype=torch.float, device=positions.device)
        speeds = 1.0 / (config.rope_theta ** (pair / config.head_dim))
        angles = positions.view(1, 1, -1, 1).float() * speeds
        both = torch.cat((angles, angles), dim=-1)
        return both.cos(), both.sin()

    def _heard(self, at: int, attention: Attention, x: Tensor, turn: _Seen) -> Tensor:
        """Return [1, T, W] of a layer's normed [1, T, W], and remember its keys and values."""
        width = self._llama.config.head_dim
        parts = (attention.q_proj, attention.k_proj, attention.v_proj)
        query, key, value = (part(x).unflatten(-1, (-1, width)).transpose(1, 2) for part in parts)
        query, key = _turned(query, turn), _turned(key, turn)
        before = self._seen[at]
        if before is not None:
            key, value = (torch.cat(pair, dim=-2) for pair in zip(before, (key, value), strict=True))
        self._seen[at] = (key, value)
        heard = functional.scaled_dot_product_attention(
            query, key, value, is_causal=before is None and query.shape[2] > 1, enable_gqa=True
        )
        return attention.o_proj(heard.transpose(1, 2).flatten(2))


def _normed(norm: Norm, x: Tensor) -> Tensor:
    return norm.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + norm.eps))


def _turned(x: Tensor, turn: _Seen) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return x * turn[0] + torch.cat((-second, first), dim=-1) * turn[1]


def _fed(part: FeedForward, x: Tensor) -> Tensor:
    return part.down_proj(functional.silu(part.gate_proj(x)) * part.up_proj(x))
