"""Speech tokens to a spectrogram: the ten steps, guidance, chance, memory."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.tts_core.flow.slow import SlowDit, slow_mel
from tests.tts_core.flow.small import CONFIG, CPU, Saying, chance, drawn_weights, made_dit, saying
from tests.tts_core.live import LiveBytes
from tts_core.errors import TtsError
from tts_core.flow.config import FlowConfig
from tts_core.flow.dit import Dit
from tts_core.flow.frames import frames_for
from tts_core.flow.sampler import Flow, schedule
from tts_core.weights import fit, read_safetensors


@pytest.fixture(scope="module")
def flow() -> Flow:
    return Flow(made_dit(drawn_weights()), CONFIG)


def mel(flow: Flow, said: Saying, *, seed: int | None = None, noise: Tensor | None = None) -> Tensor:
    return flow.mel(
        said.tokens,
        prompt_tokens=said.prompt_tokens,
        prompt_mel=said.prompt_mel,
        embedding=said.embedding,
        generator=None if seed is None else chance(seed),
        noise=noise,
    )


def test_the_spectrogram_equals_the_slow_form(flow: Flow) -> None:
    said = saying(tokens=3, prompt_tokens=2)
    noise = torch.randn(1, 10, CONFIG.mel_bins, generator=chance(2))
    dit = SlowDit(drawn_weights(), head_width=CONFIG.head_width)
    both = torch.cat((said.prompt_tokens, said.tokens))
    wanted = slow_mel(dit, both, prompt_mel=said.prompt_mel[0], speaker=said.embedding[0], noise=noise[0])
    found = mel(flow, said, noise=noise)
    assert found.shape == (1, CONFIG.mel_bins, 7)
    assert found.dtype is torch.float32
    # float32 against float64, twenty calls deep.
    torch.testing.assert_close(found[0].T.double(), wanted, atol=1e-4, rtol=0)


def test_the_spectrogram_equals_the_reference(parity: Path) -> None:
    given = read_safetensors([parity / "parts" / "flow.io.safetensors"]).tensors
    config = FlowConfig(
        width=32, depth=2, heads=2, head_width=16, token_width=16, vocabulary=32, token_blocks=2
    )
    with torch.device("meta"):
        dit = Dit(config)
    fit(dit, read_safetensors([parity / "parts" / "flow.weights.safetensors"]), device=CPU)
    found = Flow(dit, config).mel(
        given["token"][0],
        prompt_tokens=given["prompt_token"][0],
        prompt_mel=given["prompt_feat"],
        embedding=given["embedding"],
        noise=given["noise"],
    )
    torch.testing.assert_close(found, given["mel"], atol=1e-5, rtol=0)


@pytest.mark.parametrize(("tokens", "frames"), [(1, 3), (24, 48), (23, 47), (52, 104)])
def test_frames_are_those_of_all_tokens_less_the_prompts(flow: Flow, tokens: int, frames: int) -> None:
    # 5 tokens of prompt have 9 frames; 29 and 57 tokens in all make a frame less than twice as many.
    said = saying(tokens=tokens)
    assert frames_for(tokens + 5, CONFIG) - 9 == frames
    assert mel(flow, said, seed=0).shape == (1, CONFIG.mel_bins, frames)


def test_times_lie_on_a_cosine_and_lengths_close_the_gap_to_what_was_reached() -> None:
    steps = schedule(10)
    assert len(steps) == 10
    reached = torch.tensor(0.0)
    for time, length in steps:
        assert time == reached.item()
        reached = reached + torch.tensor(length)
    assert reached.item() == 1.0
    assert steps[0][1] == pytest.approx(1 - torch.cos(torch.tensor(torch.pi / 20)).item())
    assert [length for _, length in steps] == sorted(length for _, length in steps)


def test_noise_is_one_draw_of_the_generator_for_prompt_and_segment(flow: Flow) -> None:
    said = saying(tokens=6)
    generator = chance(7)
    noise = torch.randn(1, 22, CONFIG.mel_bins, generator=generator)
    assert torch.equal(mel(flow, said, seed=7), mel(flow, said, noise=noise))
    used = chance(7)
    flow.mel(
        said.tokens,
        prompt_tokens=said.prompt_tokens,
        prompt_mel=said.prompt_mel,
        embedding=said.embedding,
        generator=used,
    )
    assert torch.equal(used.get_state(), generator.get_state())


def test_the_same_seed_gives_the_same_bytes_whatever_was_said_before(flow: Flow) -> None:
    said = saying(tokens=8)
    first = mel(flow, said, seed=3)
    for tokens in (1, 40, 13):
        mel(flow, saying(tokens=tokens, seed=tokens), seed=tokens)
    fresh = Flow(made_dit(drawn_weights()), CONFIG)
    assert torch.equal(mel(flow, said, seed=3), first)
    assert torch.equal(mel(fresh, said, seed=3), first)
    assert not torch.equal(mel(flow, said, seed=4), first)


def test_torchs_own_chance_is_left_alone(flow: Flow) -> None:
    before = torch.random.get_rng_state()
    mel(flow, saying(tokens=4), seed=0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_what_is_given_is_left_as_it_is(flow: Flow) -> None:
    said, noise = saying(tokens=4), torch.randn(1, 18, CONFIG.mel_bins, generator=chance(0))
    before = [one.clone() for one in (said.prompt_mel, said.embedding, noise)]
    mel(flow, said, noise=noise)
    after = (said.prompt_mel, said.embedding, noise)
    assert all(torch.equal(one, then) for one, then in zip(after, before, strict=True))


@pytest.mark.parametrize("wrong", [-1, CONFIG.token_rows])
def test_a_token_that_is_none_is_named_before_anything_is_looked_up(flow: Flow, wrong: int) -> None:
    said = saying(tokens=4)
    said.tokens[2] = wrong
    with pytest.raises(TtsError, match=f"speech token {wrong} is not one of 0 to {CONFIG.token_rows - 1}"):
        mel(flow, said, seed=0)


def test_a_prompt_longer_than_its_tokens_is_refused(flow: Flow) -> None:
    said = saying(tokens=1)
    with pytest.raises(TtsError, match="not of the same recording"):
        flow.mel(
            said.tokens,
            prompt_tokens=said.prompt_tokens[:2],
            prompt_mel=said.prompt_mel,
            embedding=said.embedding,
            generator=chance(0),
        )


def test_no_tokens_are_refused(flow: Flow) -> None:
    none = torch.zeros(0, dtype=torch.int64)
    with pytest.raises(TtsError, match="no speech tokens"):
        flow.mel(
            none,
            prompt_tokens=none,
            prompt_mel=torch.zeros(1, 0, CONFIG.mel_bins),
            embedding=torch.zeros(1, 192),
            generator=chance(0),
        )


def test_either_a_generator_or_the_noise_is_given(flow: Flow) -> None:
    said = saying(tokens=1)
    with pytest.raises(ValueError, match="either"):
        mel(flow, said)
    with pytest.raises(ValueError, match="either"):
        mel(flow, said, seed=0, noise=torch.zeros(1, 12, CONFIG.mel_bins))


# ------------------------------------------------------------------ memory


@pytest.mark.parametrize("tokens", [1, 40, 400])
def test_a_call_holds_no_more_than_it_declares_and_leaves_only_its_result(flow: Flow, tokens: int) -> None:
    said = saying(tokens=tokens)
    declared = flow.peak_bytes(frames_for(tokens + 5, CONFIG))
    with LiveBytes() as live:
        found = mel(flow, said, seed=0)
    assert declared / 3 < live.peak <= declared
    assert live.now == 4 * found.numel()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_at_full_size_a_segment_of_thirty_seconds_stays_within_what_is_declared(dtype: torch.dtype) -> None:
    # Tensors without memory have sizes all the same: the released widths, at no cost.
    config = FlowConfig()
    with torch.device("meta"):
        dit = Dit(config).to(dtype)
    prompt, embedded = torch.zeros(2, 1500, 80), torch.zeros(1, 1500, config.token_width, dtype=dtype)
    noisy, time, speaker = torch.zeros(1, 1500, 80), torch.zeros(2), torch.zeros(2, 192)
    with LiveBytes() as live, torch.inference_mode(), torch.device("meta"):
        given = [one.to("meta") for one in (noisy.expand(2, -1, -1), prompt, embedded.expand(2, -1, -1))]
        dit(*given, time.to("meta"), speaker.to("meta"))
    declared = Flow(dit, config).peak_bytes(1500)
    assert live.peak <= declared
    assert declared < 100 * 2**20


def test_in_half_the_memory_the_sums_stay_float32(flow: Flow) -> None:
    weights = drawn_weights()
    dit = made_dit({name: one.bfloat16() for name, one in weights.items()})
    dit.estimator.rotary_embed.inv_freq = weights["estimator.rotary_embed.inv_freq"]
    half = Flow(dit, CONFIG)
    said = saying(tokens=20)
    found, wanted = mel(half, said, seed=0), mel(flow, said, seed=0)
    assert found.dtype is torch.float32
    assert not torch.equal(found, found.bfloat16().float())
    assert half.held_bytes < 0.51 * flow.held_bytes
    # bfloat16 has 8 bits of mantissa: 0.4 % a rounding, some dozens of them one after the other.
    off, whole = (found - wanted).square().sum().sqrt(), wanted.square().sum().sqrt()
    assert 0 < (off / whole).item() < 0.05
