"""Cached and repeated steps answer alike, and each begins anew."""

import torch

from tests.tts_core.live import LiveBytes
from tests.tts_core.lm.models import ALL, AUDIO, cache_for, numbers, random_ids, random_llama
from tts_core.lm.steps import CachedSteps, RepeatedSteps

LLAMA = random_llama()


def test_cached_and_repeated_steps_answer_alike() -> None:
    ids = numbers(random_ids(30)[0])
    for rows in (ALL, AUDIO):
        cached, repeated = CachedSteps(LLAMA, cache_for(LLAMA), rows), RepeatedSteps(LLAMA, rows)
        assert torch.allclose(cached.begin(ids[:10]), repeated.begin(ids[:10]), atol=2e-5)
        for one in ids[10:]:
            found = cached.step(one)
            assert found.shape == (rows.count,)
            assert torch.allclose(found, repeated.step(one), atol=2e-5)


def test_a_beginning_forgets_what_was_before() -> None:
    ids = numbers(random_ids(30)[0])
    for steps in (CachedSteps(LLAMA, cache_for(LLAMA), AUDIO), RepeatedSteps(LLAMA, AUDIO)):
        first = steps.begin(ids).clone()
        steps.step(7)
        assert torch.equal(steps.begin(ids), first)


def test_without_a_cache_nothing_is_held_between_steps_but_the_answer() -> None:
    steps = RepeatedSteps(LLAMA, AUDIO)
    with LiveBytes() as live:
        steps.begin(numbers(random_ids(100)[0]))
        for one in range(5):
            steps.step(one)
        assert live.now == 0
