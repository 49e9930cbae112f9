"""The captured steps of the language model on a real card: the same scores, the same tokens, flat memory."""

import gc

import pytest
import torch

from child.torch_vitals import TorchMemory
from tests.gpu.card import Card
from tests.tts_core.lm.models import AUDIO, IDS, PROMPT, TEXT, biased, random_ids, random_llama
from tts_core.lm.cache import KvCache
from tts_core.lm.generation import generate, prepare
from tts_core.lm.graphs import graphs_for
from tts_core.lm.llama import Llama
from tts_core.lm.sampling import Ras

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(300)]

DEVICE = "cuda:0"


def on_card(llama: Llama, dtype: torch.dtype = torch.float32) -> Llama:
    llama.join(torch.device(DEVICE), dtype)
    return llama


def cache_for(llama: Llama, capacity_tokens: int, *, captured: bool = True) -> KvCache:
    return KvCache(llama.config, capacity_tokens, device=llama.device, dtype=llama.dtype, captured=captured)


def speak(llama: Llama, cache: KvCache | None, seed: int) -> list[int]:
    chance = torch.Generator(DEVICE).manual_seed(seed)
    return list(generate(llama, cache, IDS, PROMPT, TEXT, sampler=Ras(), generator=chance, cap_ends=True))


def ending() -> Llama:
    return biased(random_llama(seed=1), audio=0.0, end=-0.2, text=-20.0)


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_captured_steps_answer_as_ordinary_ones_across_windows(dtype: torch.dtype) -> None:
    llama = on_card(random_llama(), dtype)
    ids = random_ids(600).to(DEVICE)
    captured, ordinary = cache_for(llama, 640), cache_for(llama, 640, captured=False)
    graphs = graphs_for(llama, captured, AUDIO)
    for cache in (captured, ordinary):
        llama.prefill(ids[:, :200], cache, AUDIO)
    for at in range(200, 600):
        expected = llama.step(ids[:, at : at + 1], ordinary, AUDIO)
        # Other windows are other orders of the same sums.
        within = 2e-3 if dtype == torch.float32 else 0.05 * float(expected.abs().max())
        assert torch.allclose(graphs.step(int(ids[0, at]), at), expected, atol=within)


@pytest.mark.usefixtures("card")
def test_tokens_are_those_without_a_cache() -> None:
    llama = on_card(ending())
    cache = cache_for(llama, 192)
    for seed in range(5):
        assert speak(llama, cache, seed) == speak(llama, None, seed)
    assert cache.graphs is not None


@pytest.mark.usefixtures("card")
def test_tokens_stay_the_same_when_every_cache_of_torch_is_emptied_in_between() -> None:
    """The graphs' own memory is in their pool: what is given back to the driver must not be theirs."""
    llama = on_card(ending(), torch.bfloat16)
    first = cache_for(llama, 192)
    expected = [speak(llama, first, seed) for seed in range(4)]
    del first
    cache = cache_for(llama, 192)
    prepare(llama, cache, IDS)
    for seed in range(4):
        TorchMemory(DEVICE).release()
        taken = torch.full((64 * 2**20,), 255, dtype=torch.uint8, device=DEVICE)  # over what was freed
        assert speak(llama, cache, seed) == expected[seed]
        del taken


def test_memory_after_thirty_segments_is_that_after_three(card: Card) -> None:
    llama = on_card(ending(), torch.bfloat16)
    cache = cache_for(llama, 192)
    after: list[int] = []
    for seed in range(30):
        speak(llama, cache, seed)
        gc.collect()
        after.append(torch.cuda.memory_allocated(DEVICE))
    assert after[-1] == after[2]
    assert card.used_bytes() > card.before_bytes
