"""The diffusion transformer against its slow form and the reference."""

from pathlib import Path

import torch
from torch import Tensor

from tests.tts_core.flow.slow import SlowDit
from tests.tts_core.flow.small import CONFIG, CPU, chance, drawn_weights, made_dit
from tts_core.flow.config import FlowConfig
from tts_core.flow.dit import Dit
from tts_core.weights import fit, read_safetensors

FRAMES = 14


def inputs(rows: int, *, seed: int = 5) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Noisy spectrogram, prompt, tokens, time and speaker."""
    generator = chance(seed)
    noisy = torch.randn(rows, FRAMES, CONFIG.mel_bins, generator=generator)
    prompt = torch.randn(rows, FRAMES, CONFIG.mel_bins, generator=generator)
    tokens = torch.randint(CONFIG.token_rows, (rows, FRAMES // 2), generator=generator)
    time = torch.rand(rows, generator=generator)
    return noisy, prompt, tokens, time, 4 * torch.randn(rows, 192, generator=generator)


def change(dit: Dit, given: tuple[Tensor, Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    noisy, prompt, tokens, time, speaker = given
    with torch.inference_mode():
        return dit(noisy, prompt, dit.embed(tokens, FRAMES), time, speaker)


def test_a_call_equals_the_slow_form() -> None:
    weights = drawn_weights()
    noisy, prompt, tokens, time, speaker = inputs(1)
    slow = SlowDit(weights, head_width=CONFIG.head_width)
    wanted = slow(noisy[0], prompt[0], tokens[0], time.item(), speaker[0])
    found = change(made_dit(weights), (noisy, prompt, tokens, time, speaker))
    assert wanted.abs().mean() > 0.3
    # float32 against float64, through two blocks of sums of about fifty.
    torch.testing.assert_close(found[0].double(), wanted, atol=2e-5, rtol=0)


def test_nobody_speaks_as_zeros() -> None:
    weights = drawn_weights()
    noisy, prompt, tokens, time, speaker = inputs(1)
    nobody = torch.zeros_like(speaker)
    slow = SlowDit(weights, head_width=CONFIG.head_width)
    wanted = slow(noisy[0], prompt[0], tokens[0], time.item(), nobody[0])
    found = change(made_dit(weights), (noisy, prompt, tokens, time, nobody))
    torch.testing.assert_close(found[0].double(), wanted, atol=2e-5, rtol=0)


def test_the_length_of_the_speakers_vector_does_not_matter() -> None:
    dit = made_dit(drawn_weights())
    noisy, prompt, tokens, time, speaker = inputs(1)
    found = [change(dit, (noisy, prompt, tokens, time, scale * speaker)) for scale in (1, 50)]
    torch.testing.assert_close(found[0], found[1])


def test_a_batch_of_one_is_a_row_of_a_batch() -> None:
    dit = made_dit(drawn_weights())
    given = inputs(3)
    together = change(dit, given)
    for row in range(3):
        noisy, prompt, tokens, time, speaker = (one[row : row + 1] for one in given)
        alone = change(dit, (noisy, prompt, tokens, time, speaker))
        torch.testing.assert_close(alone, together[row : row + 1], atol=1e-5, rtol=0)


def test_a_call_equals_the_reference(parity: Path) -> None:
    given = read_safetensors([parity / "parts" / "flow.io.safetensors"]).tensors
    config = FlowConfig(
        width=32, depth=2, heads=2, head_width=16, token_width=16, vocabulary=32, token_blocks=2
    )
    with torch.device("meta"):
        dit = Dit(config)
    fit(dit, read_safetensors([parity / "parts" / "flow.weights.safetensors"]), device=CPU)
    tokens = torch.cat((given["prompt_token"], given["token"]), dim=1)
    with torch.inference_mode():
        embedded = dit.embed(tokens, given["dit_x"].shape[1])
        found = dit(given["dit_x"], given["dit_cond"], embedded, given["dit_t"], given["embedding"])
    torch.testing.assert_close(found, given["dit_out"], atol=1e-5, rtol=0)
