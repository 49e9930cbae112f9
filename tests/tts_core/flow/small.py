"""A flow that is small enough for every test, its weights, and something to say."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from tts_core.flow.config import FlowConfig
from tts_core.flow.dit import Dit
from tts_core.weights import Weights, fit

CPU = torch.device("cpu")

#: Widths that differ wherever they may, so that a mix-up of two of them cannot pass.
CONFIG = FlowConfig(width=48, depth=2, heads=3, head_width=12, token_width=10, vocabulary=40, token_blocks=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What a segment is made of: prompt and tokens, in the shapes of `Flow.mel`."""

    tokens: Tensor
    prompt_tokens: Tensor
    prompt_mel: Tensor
    embedding: Tensor


def chance(seed: int) -> torch.Generator:
    """Return a generator of the test's own."""
    return torch.Generator().manual_seed(seed)


def drawn_weights(config: FlowConfig = CONFIG, *, seed: int = 0) -> dict[str, Tensor]:
    """Draw weights for a flow; what training starts at zero is far from it, and all keep their scale."""
    with torch.device("meta"):
        wanted = Dit(config).state_dict()
    generator = chance(seed)
    found: dict[str, Tensor] = {}
    for name, one in wanted.items():
        value = torch.randn(one.shape, generator=generator)
        if name.endswith("weight") and one.dim() > 1 and "text_embed" not in name:
            value *= 1.3 * one[0].numel() ** -0.5
        elif name.endswith((".bias", "grn.beta")):
            value *= 0.3
        found[name] = value
    pairs = torch.arange(0, config.head_width, 2)
    found["estimator.rotary_embed.inv_freq"] = 10000 ** (-pairs / config.head_width)
    return found


def made_dit(weights: dict[str, Tensor], config: FlowConfig = CONFIG) -> Dit:
    """Return a transformer of these weights."""
    with torch.device("meta"):
        dit = Dit(config)
    fit(dit, Weights(path=Path("drawn"), tensors=weights), device=CPU)
    return dit


def saying(*, tokens: int, prompt_tokens: int = 5, config: FlowConfig = CONFIG, seed: int = 1) -> Saying:
    """Draw a segment; the prompt's spectrogram is one frame short, as it often is."""
    generator = chance(seed)
    ids = torch.randint(config.token_rows, (prompt_tokens + tokens,), generator=generator)
    return Saying(
        tokens=ids[prompt_tokens:],
        prompt_tokens=ids[:prompt_tokens],
        prompt_mel=torch.randn(1, 2 * prompt_tokens - 1, config.mel_bins, generator=generator),
        embedding=3 * torch.randn(1, 192, generator=generator),
    )
