"""Whole segments: as the reference, as the same without a cache, and whatever was spoken before."""

from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.tts_core.live import LiveBytes
from tests.tts_core.lm.models import (
    AUDIO,
    CPU,
    IDS,
    PROMPT,
    TEXT,
    AllocatorSaidNo,
    biased,
    cache_for,
    config,
    dice,
    no_memory_in,
    numbers,
    random_llama,
)
from tts_core.errors import CapReached, CheckpointError, SettingError, TextError
from tts_core.lm.cache import KvCache
from tts_core.lm.generation import Limits, Prompt, generate, positions, prepare, prompt_ids
from tts_core.lm.llama import Llama
from tts_core.lm.sampling import Ras, TopK
from tts_core.weights import fit, read_safetensors

LLAMA = random_llama()
#: One that ends by itself, as a trained one does.
ENDING = biased(random_llama(seed=1), audio=0.0, end=-0.2, text=-20.0)


def speak(  # noqa: PLR0913 -- what tests vary, by name
    llama: Llama,
    cache: KvCache | None,
    *,
    prompt: Prompt = PROMPT,
    text: tuple[int, ...] = TEXT,
    seed: int = 0,
    only_audio: bool = True,
    cap_ends: bool = True,
) -> list[int]:
    return list(
        generate(
            llama,
            cache,
            IDS,
            prompt,
            text,
            sampler=Ras(),
            generator=dice(seed),
            only_audio=only_audio,
            cap_ends=cap_ends,
        )
    )


def slow_tokens(llama: Llama, *, seed: int) -> list[int]:
    """One segment as plainly as can be: everything anew for each token, text ids masked out."""
    ids = [*PROMPT.text, *TEXT, IDS.begin, *(one + IDS.first for one in PROMPT.speech)]
    mask = torch.full((config().vocab_size,), -torch.inf)
    mask[[IDS.end, *range(IDS.first, IDS.first + IDS.count)]] = 0.0
    generator, drawn = dice(seed), list[int]()
    while len(drawn) < 20 * len(TEXT):
        scores = (llama.logits(torch.tensor([ids]))[0, -1] + mask).log_softmax(0)
        if len(drawn) < 2 * len(TEXT):
            scores[IDS.end] = -torch.inf
        found = slow_draw(scores.softmax(0), drawn, generator)
        if found == IDS.end:
            break
        drawn.append(found)
        ids.append(found)
    return [one - IDS.first for one in drawn]


def slow_draw(weights: Tensor, drawn: list[int], generator: torch.Generator) -> int:
    best, places = weights.sort(descending=True, stable=True)
    kept, total = 0, torch.zeros(())
    while bool(total < 0.8) and kept < 25:
        total, kept = total + best[kept], kept + 1
    found = int(places[best[:kept].multinomial(1, generator=generator)])
    return int(weights.multinomial(1, generator=generator)) if found in drawn[-10:] else found


@given(st.integers(0, 1000))
@settings(max_examples=10)
def test_a_segment_is_its_slow_form(seed: int) -> None:
    assert speak(ENDING, cache_for(ENDING), seed=seed) == slow_tokens(ENDING, seed=seed)


def test_tokens_are_the_reference_s_with_a_cache_and_without(parity: Path) -> None:
    with torch.device("meta"):
        llama = Llama(config())
    fit(llama, read_safetensors([parity / "parts" / "llm.weights.safetensors"]), device=CPU)
    expected = numbers(read_safetensors([parity / "parts" / "llm.io.safetensors"]).tensors["tokens_seed0"])
    for cache in (cache_for(llama), None):
        assert speak(llama, cache, only_audio=False) == expected


@given(st.integers(0, 1000), st.integers(1, 6), st.integers(0, 5))
@settings(max_examples=25)
def test_with_a_cache_and_without_the_tokens_are_the_same(seed: int, text: int, speech: int) -> None:
    prompt = Prompt(text=PROMPT.text, speech=PROMPT.speech[:speech])
    cached = speak(ENDING, cache_for(ENDING), prompt=prompt, text=TEXT[:text], seed=seed)
    assert cached == speak(ENDING, None, prompt=prompt, text=TEXT[:text], seed=seed)


def test_segments_do_not_hear_of_one_another() -> None:
    cache = cache_for(ENDING)
    alone = [speak(ENDING, cache_for(ENDING), seed=seed) for seed in range(6)]
    assert [speak(ENDING, cache, seed=seed) for seed in (3, 0, 5, 1, 4, 2)] == [
        alone[at] for at in (3, 0, 5, 1, 4, 2)
    ]
    assert len({tuple(one) for one in alone}) == 6


def test_what_was_left_in_the_middle_leaves_nothing() -> None:
    cache = cache_for(ENDING)
    expected = speak(ENDING, cache)
    begun = generate(ENDING, cache, IDS, PROMPT, TEXT, sampler=Ras(), generator=dice(9))
    assert [next(begun) for _ in range(5)]
    assert speak(ENDING, cache) == expected


def test_what_failed_for_want_of_memory_leaves_nothing() -> None:
    cache = cache_for(ENDING)
    expected = speak(ENDING, cache)
    begun = generate(ENDING, cache, IDS, PROMPT, TEXT, sampler=Ras(), generator=dice(9))
    next(begun)
    with no_memory_in(ENDING.get_submodule("model.layers.1")), pytest.raises(AllocatorSaidNo):
        next(begun)
    with no_memory_in(ENDING.get_submodule("model.layers.1")), pytest.raises(AllocatorSaidNo):
        speak(ENDING, cache)
    assert speak(ENDING, cache) == expected


def ended(llama: Llama, seeds: Iterable[int]) -> list[int]:
    cache = cache_for(llama)
    return [len(speak(llama, cache, seed=seed, cap_ends=True)) for seed in seeds]


def test_no_segment_ends_before_twice_its_text_or_goes_beyond_twenty_times() -> None:
    eager = biased(random_llama(seed=1), audio=0.0, end=20.0, text=-20.0)
    never = biased(random_llama(seed=1), audio=0.0, end=-40.0, text=-20.0)
    assert ended(eager, range(3)) == [12] * 3
    assert ended(never, range(3)) == [120] * 3
    between = ended(ENDING, range(8))
    assert all(12 <= one <= 120 for one in between)
    assert len(set(between)) > 3


def test_a_segment_without_an_end_is_told_with_the_figures_after_all_its_tokens() -> None:
    never = biased(random_llama(seed=1), audio=0.0, end=-40.0, text=-20.0)
    drawn: list[int] = []
    with pytest.raises(CapReached, match="120 speech tokens for 6 text tokens"):
        drawn.extend(generate(never, cache_for(never), IDS, PROMPT, TEXT, sampler=Ras(), generator=dice()))
    assert drawn == speak(never, cache_for(never))


def test_no_id_of_text_comes_out_though_the_model_wants_nothing_else() -> None:
    """Upstream's fault: such an id is an assert on the card, and every later call of the process fails."""
    wordy = biased(random_llama(seed=1), audio=-30.0, end=-30.0, text=30.0)
    for sampler in (Ras(), TopK()):
        spoken = generate(
            wordy, cache_for(wordy), IDS, PROMPT, TEXT, sampler=sampler, generator=dice(), cap_ends=True
        )
        assert all(0 <= one < IDS.count for one in spoken)
    assert any(not 0 <= one < IDS.count for one in speak(wordy, cache_for(wordy), only_audio=False))


def test_where_text_has_no_mass_nothing_but_audio_and_all_ids_are_the_same() -> None:
    quiet = biased(random_llama(seed=1), audio=0.0, end=-0.2, text=-200.0)
    for seed in range(5):
        assert speak(quiet, cache_for(quiet), seed=seed) == speak(
            quiet, cache_for(quiet), seed=seed, only_audio=False
        )


def test_the_model_is_given_texts_then_the_mark_then_speech() -> None:
    assert prompt_ids(PROMPT, TEXT, IDS) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 54, 103, 109, 127, 181, 227]


def test_a_cache_of_just_the_positions_is_enough_and_one_of_fewer_is_refused_at_once() -> None:
    text = (*range(60, 70), *TEXT)
    needed = positions(PROMPT, text)
    assert needed == 4 + 16 + 1 + 5 + 320
    never = biased(random_llama(seed=1), audio=0.0, end=-40.0, text=-20.0)
    assert len(speak(never, cache_for(never, needed), text=text)) == 320
    small = cache_for(never, 320)
    with pytest.raises(SettingError, match=r"16 text tokens after a prompt of 4 and 5 .* 346 .* 320"):
        speak(never, small, text=text)
    assert small.length == 0


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        (PROMPT, (5, 256)),
        (PROMPT, (-1,)),
        (Prompt(text=(300,), speech=()), TEXT),
        (Prompt(text=(), speech=(128,)), TEXT),
        (Prompt(text=(), speech=(-3,)), TEXT),
    ],
)
def test_ids_that_the_model_has_not_are_refused_before_it_sees_them(
    prompt: Prompt, text: tuple[int, ...]
) -> None:
    with pytest.raises(CheckpointError, match="another release"):
        speak(LLAMA, cache_for(LLAMA), prompt=prompt, text=text)


def test_no_text_is_refused() -> None:
    with pytest.raises(TextError, match="not one token"):
        speak(LLAMA, cache_for(LLAMA), text=())


def test_weights_that_are_no_numbers_are_told() -> None:
    broken = random_llama()
    broken.model.norm.weight.fill_(torch.nan)
    with pytest.raises(CheckpointError, match="no numbers"):
        speak(broken, cache_for(broken))


def test_limits_are_two_and_twenty_tokens_for_each_of_the_text() -> None:
    assert Limits.of(7) == Limits(least=14, most=140)


def test_on_the_cpu_there_is_nothing_to_prepare_and_mixed_releases_are_found() -> None:
    cache = cache_for(LLAMA)
    prepare(LLAMA, cache, IDS)
    assert cache.graphs is None
    assert cache.length == 0
    assert AUDIO.ids == IDS


@pytest.mark.parametrize("cached", [True, False])
def test_live_bytes_after_twenty_segments_are_those_after_three(*, cached: bool) -> None:
    cache = cache_for(ENDING) if cached else None
    with LiveBytes() as live:
        after: list[int] = []
        for seed in range(20):
            speak(ENDING, cache, text=TEXT[: 1 + seed % 3], seed=seed)
            after.append(live.now)
    assert after[-1] == after[2]


def test_bfloat16_speaks_and_the_same_seed_says_the_same() -> None:
    half = biased(random_llama(seed=1), audio=0.0, end=-0.2, text=-20.0).to(torch.bfloat16)
    first = speak(half, cache_for(half))
    assert first == speak(half, cache_for(half))
    assert all(0 <= one < IDS.count for one in first)
