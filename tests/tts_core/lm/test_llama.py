"""The model's laws: in pieces as whole, a row as the batch it is in, and only what was asked for."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.tts_core.live import LiveBytes
from tests.tts_core.lm.models import (
    ALL,
    AUDIO,
    CPU,
    AllocatorSaidNo,
    cache_for,
    config,
    no_memory_in,
    random_ids,
    random_llama,
)
from tts_core.lm.llama import Llama
from tts_core.weights import fit, read_safetensors

LLAMA = random_llama()
TIGHT = 2e-5  # float32: other orders of the same sums


def in_pieces(llama: Llama, ids: Tensor, cuts: list[int]) -> list[Tensor]:
    """Scores after each piece; a piece of one id goes the way of steps."""
    cache = cache_for(llama, batch=ids.shape[0])
    edges = [0, *cuts, ids.shape[1]]
    pieces = [ids[:, a:b] for a, b in pairwise(edges)]
    return [
        llama.step(piece, cache, ALL) if piece.shape[1] == 1 else llama.prefill(piece, cache, ALL)
        for piece in pieces
    ]


@settings(max_examples=30)
@given(st.lists(st.integers(1, 29), unique=True).map(sorted), st.integers(0, 5))
def test_in_pieces_is_as_whole(cuts: list[int], seed: int) -> None:
    ids = random_ids(30, seed=seed)
    whole = LLAMA.logits(ids)[0]
    for end, scores in zip([*cuts, 30], in_pieces(LLAMA, ids, cuts), strict=True):
        assert torch.allclose(scores[0], whole[end - 1], atol=TIGHT)


def test_one_id_alone_may_go_either_way() -> None:
    ids = random_ids(1)
    by_prefill, by_step = cache_for(LLAMA), cache_for(LLAMA)
    assert torch.allclose(LLAMA.prefill(ids, by_prefill, ALL), LLAMA.step(ids, by_step, ALL), atol=TIGHT)
    assert torch.allclose(LLAMA.prefill(ids, by_prefill, ALL), LLAMA.step(ids, by_step, ALL), atol=TIGHT)


def test_a_row_of_a_batch_is_as_that_row_alone() -> None:
    ids = random_ids(24, batch=3)
    together = in_pieces(LLAMA, ids, [10, 11, 12, 20])
    for row in range(3):
        alone = in_pieces(LLAMA, ids[row : row + 1], [10, 11, 12, 20])
        for several, one in zip(together, alone, strict=True):
            assert torch.allclose(several[row], one[0], atol=TIGHT)


def test_a_position_does_not_see_what_comes_after_it() -> None:
    ids = random_ids(20)
    changed = ids.clone()
    changed[0, 12:] = (changed[0, 12:] + 1) % 256
    assert torch.allclose(LLAMA.logits(ids)[0, :12], LLAMA.logits(changed)[0, :12], atol=TIGHT)
    assert not torch.allclose(LLAMA.logits(ids)[0, 12:], LLAMA.logits(changed)[0, 12:], atol=0.1)


def test_only_the_rows_asked_for_come_back_and_they_are_those_of_the_whole_head() -> None:
    ids = random_ids(15)
    some, whole = LLAMA.last(ids, AUDIO), LLAMA.last(ids, ALL)
    assert some.shape == (1, AUDIO.count)
    assert torch.allclose(some[0], AUDIO.cut(whole[0]), atol=TIGHT)


def test_a_prompt_does_not_make_scores_of_all_its_positions() -> None:
    """Upstream's peak: of 150 positions its scores alone would be 150 x 256 x 4 bytes."""
    cache, ids = cache_for(LLAMA), random_ids(150)
    with LiveBytes() as live:
        LLAMA.prefill(ids, cache, ALL)
        stream_bytes = 150 * 64 * 4
        assert live.peak < 12 * stream_bytes


def test_the_same_ids_give_the_same_bits_whatever_was_in_the_cache() -> None:
    cache, ids = cache_for(LLAMA), random_ids(40)
    first = LLAMA.prefill(ids, cache, ALL).clone()
    cache.reset()
    LLAMA.prefill(random_ids(150, seed=1), cache, ALL)
    cache.reset()
    assert torch.equal(LLAMA.prefill(ids, cache, ALL), first)


@pytest.mark.parametrize(
    "where", ["model.layers.0.post_attention_layernorm", "model.layers.1.self_attn.k_proj", "model.norm"]
)
@pytest.mark.parametrize("count", [1, 9])
def test_after_a_pass_that_failed_midway_the_same_pass_succeeds(where: str, count: int) -> None:
    cache, ids = cache_for(LLAMA), random_ids(20 + count)
    expected = LLAMA.last(ids, ALL)
    LLAMA.prefill(ids[:, :20], cache, ALL)
    forward = LLAMA.step if count == 1 else LLAMA.prefill
    with no_memory_in(LLAMA.get_submodule(where)), pytest.raises(AllocatorSaidNo):
        forward(ids[:, 20:], cache, ALL)
    assert cache.length == 20
    assert torch.allclose(forward(ids[:, 20:], cache, ALL), expected, atol=TIGHT)


def test_bfloat16_is_near_float32_and_says_scores_in_float32() -> None:
    half = random_llama(dtype=torch.bfloat16)
    ids = random_ids(30)
    expected = LLAMA.logits(ids)[0]
    found = torch.cat(in_pieces(half, ids, list(range(1, 30))))
    assert found.dtype == torch.float32
    # Eight bits of fraction, through two layers: the scores themselves are up to 30 or so.
    assert (found - expected).abs().mean() < 0.03 * expected.abs().mean()


def test_names_are_those_of_the_checkpoints() -> None:
    names = set(random_llama().state_dict())
    assert names >= {
        "model.embed_tokens.weight",
        "model.layers.0.self_attn.q_proj.weight",
        "model.layers.1.self_attn.o_proj.weight",
        "model.layers.1.mlp.gate_proj.weight",
        "model.layers.0.input_layernorm.weight",
        "model.layers.0.post_attention_layernorm.weight",
        "model.norm.weight",
        "lm_head.weight",
    }
    assert "lm_head.weight" not in random_llama(tied=True).state_dict()


def test_scores_agree_with_the_reference(parity: Path) -> None:
    with torch.device("meta"):
        llama = Llama(config())
    fit(llama, read_safetensors([parity / "parts" / "llm.weights.safetensors"]), device=CPU)
    tensors = read_safetensors([parity / "parts" / "llm.io.safetensors"]).tensors
    ids, expected = tensors["input_ids"], tensors["logits"]
    assert torch.allclose(llama.logits(ids), expected, atol=1e-5)
    for end, scores in enumerate(in_pieces(llama, ids, list(range(1, ids.shape[1])))):
        assert torch.allclose(scores[0], expected[0, end], atol=1e-5)
