"""A layer beside the same layer written as slowly and plainly as can be."""

import math
from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.tts_core.lm.models import ALL, CPU, cache_for, numbers, random_ids, random_llama
from tts_core.lm.config import LmConfig
from tts_core.lm.llama import Llama

Weights = dict[str, Tensor]


def slow_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    return x / (x.pow(2).mean() + eps).sqrt() * weight


def slow_turn(head: Tensor, position: int, theta: float) -> Tensor:
    half = head.shape[0] // 2
    turned = torch.empty_like(head)
    for pair in range(half):
        angle = position * theta ** (-pair / half)
        a, b = head[pair], head[pair + half]
        turned[pair] = a * math.cos(angle) - b * math.sin(angle)
        turned[pair + half] = b * math.cos(angle) + a * math.sin(angle)
    return turned


def slow_attention(rows: list[Tensor], weights: Weights, c: LmConfig) -> list[Tensor]:
    """One head of one position at a time."""
    group = c.num_attention_heads // c.num_key_value_heads
    q = [(weights["self_attn.q_proj.weight"] @ row).view(-1, c.head_dim) for row in rows]
    k = [(weights["self_attn.k_proj.weight"] @ row).view(-1, c.head_dim) for row in rows]
    v = [(weights["self_attn.v_proj.weight"] @ row).view(-1, c.head_dim) for row in rows]
    found: list[Tensor] = []
    for at in range(len(rows)):
        heads: list[Tensor] = []
        for head in range(c.num_attention_heads):
            mine = slow_turn(q[at][head], at, c.rope_theta)
            scores = torch.stack(
                [mine @ slow_turn(k[past][head // group], past, c.rope_theta) for past in range(at + 1)]
            )
            shares = (scores / math.sqrt(c.head_dim)).softmax(0)
            heads.append(
                sum((shares[past] * v[past][head // group] for past in range(at + 1)), torch.zeros(1))
            )
        found.append(weights["self_attn.o_proj.weight"] @ torch.cat(heads))
    return found


def slow_logits(llama: Llama, ids: list[int]) -> Tensor:
    """float64 [T, V]."""
    c = llama.config
    state = {name: one.double() for name, one in llama.state_dict().items()}
    stream = [state["model.embed_tokens.weight"][one] for one in ids]
    for number in range(c.num_hidden_layers):
        start = f"model.layers.{number}."
        weights = {name.removeprefix(start): one for name, one in state.items() if name.startswith(start)}
        normed = [slow_norm(row, weights["input_layernorm.weight"], c.rms_norm_eps) for row in stream]
        stream = [row + seen for row, seen in zip(stream, slow_attention(normed, weights, c), strict=True)]
        for at, row in enumerate(stream):
            x = slow_norm(row, weights["post_attention_layernorm.weight"], c.rms_norm_eps)
            gate = weights["mlp.gate_proj.weight"] @ x
            inner = gate / (1 + (-gate).exp()) * (weights["mlp.up_proj.weight"] @ x)
            stream[at] = row + weights["mlp.down_proj.weight"] @ inner
    head = state["model.embed_tokens.weight" if c.tie_word_embeddings else "lm_head.weight"]
    return torch.stack([head @ slow_norm(row, state["model.norm.weight"], c.rms_norm_eps) for row in stream])


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("joined", [False, True])
def test_the_fast_form_is_the_slow_one(tied: bool, joined: bool) -> None:
    llama, ids = random_llama(tied=tied), random_ids(12)
    expected = slow_logits(llama, numbers(ids[0]))
    if joined:
        llama.join(CPU, torch.float32)
    # float32 over two layers of 64: a few units in the sixth place of scores of about 10.
    assert torch.allclose(llama.logits(ids)[0].double(), expected, atol=2e-5)


def test_projections_that_are_joined_hold_no_weight_twice() -> None:
    llama = random_llama()
    before = {name: one.clone() for name, one in llama.state_dict().items()}
    llama.join(CPU, torch.float32)
    storages = {
        one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in llama.parameters()
    }
    assert sum(storages.values()) == sum(one.nbytes for one in before.values())
    assert all(torch.equal(one, before[name]) for name, one in llama.state_dict().items())


class Products(TorchDispatchMode):
    """Counts products of two matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        del types
        self.count += str(func).startswith(("aten.linear.", "aten.mm.", "aten.addmm_."))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("joined", "a_layer"), [(False, 7), (True, 4)])
def test_joined_projections_are_three_products_less_in_a_layer(*, joined: bool, a_layer: int) -> None:
    llama = random_llama()
    if joined:
        llama.join(CPU, torch.float32)
    cache = cache_for(llama)
    with Products() as products:
        llama.step(random_ids(1), cache, ALL)
    assert products.count == 2 * a_layer + 1  # and the head


def test_joined_in_another_type_it_is_that_type_throughout() -> None:
    llama = random_llama()
    llama.join(CPU, torch.bfloat16)
    assert {one.dtype for one in llama.parameters()} == {torch.bfloat16}
    plain = random_llama(dtype=torch.bfloat16)
    ids = random_ids(9)
    # One product or three: the same sums, rounded alike.
    assert torch.allclose(llama.logits(ids), plain.logits(ids), atol=0.15, rtol=0.02)


def test_attention_is_far_from_even_so_that_a_fault_in_it_would_show() -> None:
    llama = random_llama()
    cache = cache_for(llama)
    ids = random_ids(12)
    there = llama.prefill(ids, cache, ALL)
    other = llama.last(torch.cat((ids[:, 1:2], ids[:, :1], ids[:, 2:]), 1), ALL)
    assert (there - other).abs().max() > 0.1
