"""The reference's arithmetic: scores are its scores to the last bit."""

from pathlib import Path

import torch

from tests.tts_core.live import LiveBytes
from tests.tts_core.lm.models import ALL, CPU, cache_for, config, numbers, random_ids, random_llama
from tts_core.lm.exact import ExactSteps
from tts_core.lm.llama import Llama
from tts_core.lm.steps import CachedSteps
from tts_core.weights import fit, read_safetensors

LLAMA = random_llama()


def test_scores_are_the_references_to_the_last_bit(parity: Path) -> None:
    with torch.device("meta"):
        llama = Llama(config())
    fit(
        llama,
        read_safetensors([parity / "parts" / "llm.weights.safetensors"]),
        device=CPU,
        dtype=torch.float32,
    )
    io = read_safetensors([parity / "parts" / "llm.io.safetensors"]).tensors
    found = ExactSteps(llama, ALL).begin(numbers(io["input_ids"][0]))
    assert torch.equal(found, io["logits"][0, -1])


def test_they_are_the_scores_of_the_faster_form_but_for_the_last_bits() -> None:
    for llama in (LLAMA, random_llama(tied=True)):
        ids = numbers(random_ids(30)[0])
        exact, cached = ExactSteps(llama, ALL), CachedSteps(llama, cache_for(llama), ALL)
        assert torch.allclose(exact.begin(ids[:10]), cached.begin(ids[:10]), atol=2e-5)
        for one in ids[10:]:
            assert torch.allclose(exact.step(one), cached.step(one), atol=2e-5)


def test_a_beginning_forgets_what_was_before() -> None:
    ids, steps = numbers(random_ids(30)[0]), ExactSteps(LLAMA, ALL)
    first = steps.begin(ids)
    steps.step(7)
    assert torch.equal(steps.begin(ids), first)


def test_nothing_is_held_once_they_are_gone() -> None:
    with LiveBytes() as live:
        steps = ExactSteps(LLAMA, ALL)
        steps.begin(numbers(random_ids(50)[0]))
        steps.step(3)
        del steps
        assert live.now == 0
