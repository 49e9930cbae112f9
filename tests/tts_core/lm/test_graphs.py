"""What is captured on a card, run as it stands: its answers are those of the ordinary step."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.tts_core.lm.models import ALL, AUDIO, CPU, cache_for, random_ids, random_llama
from tts_core.errors import SettingError
from tts_core.lm.graphs import StepGraphs, StepInputs, fixed_step, graphs_for, windows

LLAMA = random_llama()


@given(st.integers(1, 150), st.sampled_from([1, 2, 40]), st.integers(0, 3))
def test_the_fixed_step_is_the_ordinary_one_in_any_window_that_holds_it(
    before: int, beyond: int, seed: int
) -> None:
    ids = random_ids(before + 1, seed=seed)
    ordinary, fixed = cache_for(LLAMA), cache_for(LLAMA)
    LLAMA.prefill(ids[:, :before], ordinary, AUDIO)
    LLAMA.prefill(ids[:, :before], fixed, AUDIO)
    expected = LLAMA.step(ids[:, before:], ordinary, AUDIO)
    inputs = StepInputs.on(CPU)
    inputs.fill(id_=int(ids[0, before]), slot=before)
    with torch.inference_mode():
        found = fixed_step(LLAMA, fixed, AUDIO, inputs, before + beyond)
    assert torch.allclose(found, expected, atol=2e-5)


def test_in_bfloat16_the_fixed_step_is_as_near_to_float32_as_the_ordinary_one() -> None:
    exact, rough = random_llama(), random_llama(dtype=torch.bfloat16)
    errors: list[list[float]] = [[], []]
    for seed in range(8):
        ids = random_ids(61, seed=seed)
        caches = [cache_for(one) for one in (exact, rough, rough)]
        for llama, cache in zip((exact, rough, rough), caches, strict=True):
            llama.prefill(ids[:, :60], cache, AUDIO)
        wanted = exact.step(ids[:, 60:], caches[0], AUDIO)
        inputs = StepInputs.on(CPU)
        inputs.fill(id_=int(ids[0, 60]), slot=60)
        with torch.inference_mode():
            fixed = fixed_step(rough, caches[2], AUDIO, inputs, 128)
        for found, kept in zip((rough.step(ids[:, 60:], caches[1], AUDIO), fixed), errors, strict=True):
            kept.append(float((found - wanted).square().mean()))
    assert sum(errors[1]) < 1.3 * sum(errors[0])


def test_a_run_of_fixed_steps_over_the_same_tensors_is_a_run_of_ordinary_ones() -> None:
    """As replays do it: the inputs stay where they are, and windows change on the way."""
    ids = random_ids(100)
    ordinary, fixed = cache_for(LLAMA), cache_for(LLAMA)
    inputs = StepInputs.on(CPU)
    with torch.inference_mode():
        for at in range(100):
            inputs.fill(id_=int(ids[0, at]), slot=at)
            found = fixed_step(LLAMA, fixed, ALL, inputs, 64 if at < 64 else 192)
            assert torch.allclose(found, LLAMA.step(ids[:, at : at + 1], ordinary, ALL), atol=2e-5)


def test_what_lies_beyond_the_position_does_not_count_if_it_is_a_number() -> None:
    ids = random_ids(21)
    clean, used = cache_for(LLAMA), cache_for(LLAMA)
    LLAMA.prefill(random_ids(150, seed=1), used, ALL)
    used.length = 0  # not reset: as after a pass that failed midway
    inputs = StepInputs.on(CPU)
    inputs.fill(id_=int(ids[0, 20]), slot=20)
    found: list[Tensor] = []
    for cache in (clean, used):
        LLAMA.prefill(ids[:, :20], cache, ALL)
        with torch.inference_mode():
            found.append(fixed_step(LLAMA, cache, ALL, inputs, 192))
    assert torch.equal(found[0], found[1])


@given(st.integers(1, 100_000))
def test_windows_rise_to_all_the_room_and_none_is_more_than_twice_what_it_must_hold(capacity: int) -> None:
    found = windows(capacity)
    assert found == sorted(set(found))
    assert found[-1] == capacity
    assert found[0] <= 256
    assert all(b <= 2 * a for a, b in pairwise(found))


def test_nothing_is_captured_on_the_cpu() -> None:
    cache = cache_for(LLAMA)
    assert not cache.captured
    with pytest.raises(SettingError, match="on CUDA over an empty cache"):
        StepGraphs(LLAMA, cache, AUDIO)
    with pytest.raises(SettingError, match="cpu"):
        graphs_for(LLAMA, cache, AUDIO)
