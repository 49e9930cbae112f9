"""Speech into tokens: the lower part of a Whisper encoder, and the nearest code of each pooled frame.

    samples -> log mel, 100 frames a second -> two convolutions, 50 -> layers -> mean of pairs, 25 -> codebook

A frame sees those before it and those of its own block. It is needed once per reference recording and
then dropped: `making.py` loads it, asks and forgets it.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from tts_core.audio.whisper import HOP_SAMPLES, whisper_features
from tts_core.errors import CheckpointError
from tts_core.voice.speech_config import SpeechTokenizerConfig
from tts_core.weights import fit, read_safetensors

_TAPS = 3
#: Of the second convolution; the first keeps the rate.
_STRIDE = 2
#: Frames compared with the codebook at once: 128 x 32768 distances are 16 MiB.
_ROWS_AT_ONCE = 128


class _Attention(nn.Module):
    def __init__(self, config: SpeechTokenizerConfig) -> None:
        super().__init__()
        width = config.d_model
        self.heads = config.encoder_attention_heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, hidden: Tensor, seen: Tensor) -> Tensor:
        """Attend. `hidden` [T, D], `seen` bool [T of queries, T of keys] -> [T, D]."""
        q, k, v = (
            of(hidden).unflatten(-1, (self.heads, -1)).transpose(0, 1)[None]
            for of in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.out_proj(mixed[0].transpose(0, 1).flatten(1))


class _Layer(nn.Module):
    def __init__(self, config: SpeechTokenizerConfig) -> None:
        super().__init__()
        width, inner = config.d_model, config.encoder_ffn_dim
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.self_attn = _Attention(config)
        self.final_layer_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)

    def forward(self, hidden: Tensor, seen: Tensor) -> Tensor:
        """Add what this layer has to say. Shapes as in the attention."""
        hidden = hidden + self.self_attn(self.self_attn_layer_norm(hidden), seen)
        return hidden + self.fc2(functional.gelu(self.fc1(self.final_layer_norm(hidden))))


class SpeechTokenizer(nn.Module):
    """Built on the `meta` device and filled by `load_speech_tokenizer`.

    Args:
        config: Of the folder.
    """

    def __init__(self, config: SpeechTokenizerConfig) -> None:
        super().__init__()
        width = config.d_model
        self.config = config
        self.conv1 = nn.Conv1d(config.num_mel_bins, width, _TAPS)
        self.conv2 = nn.Conv1d(width, width, _TAPS, stride=_STRIDE)
        self.embed_positions = _table(config.max_source_positions, width)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.quantize_position))
        self.codebook = _table(config.quantize_vocab_size, width)

    @torch.inference_mode()
    def tokens(self, samples: Tensor, rate_hz: int) -> Tensor:
        """Return the tokens of a recording's first channel, 25 a second.

        Args:
            samples: float32 [C, N], N > 0, on the CPU.
            rate_hz: Of them.

        Returns:
            int32 [1, ceil(seconds * 25)], on the CPU: each piece of 30 s by itself.
        """
        # So many samples at 16 kHz make one token: no token is half a piece's and half nobody's.
        multiple = HOP_SAMPLES * _STRIDE * self.config.pooling_kernel_size
        found = whisper_features(samples, rate_hz, bins=self.config.num_mel_bins, multiple_samples=multiple)
        device = self.codebook.weight.device
        ids = [
            self.ids(features.to(device), mask.to(device))[self._spoken(mask)].cpu()
            for features, mask in zip(found.features, found.mask, strict=True)
        ]
        return torch.cat(ids)[None].int()

    def ids(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return the code of every token's place in one piece, also where nothing is spoken.

        Args:
            features: float32 [bins, T], T a multiple of what makes one token.
            mask: bool [T].

        Returns:
            int64 [T / 2 / pool].
        """
        hidden = functional.gelu(self._convolved(features.mT, self.conv1))
        hidden = functional.gelu(self._convolved(hidden, self.conv2))
        hidden = hidden + self.embed_positions.weight[: len(hidden)]
        heard, block = mask[::_STRIDE], self.config.quantize_causal_block_size
        for number, layer in enumerate(self.layers, start=1):
            hidden = layer(hidden, _seen(heard, block))
            if number == self.config.pooling_position:
                pool = self.config.pooling_kernel_size
                hidden = hidden.unflatten(0, (-1, pool)).mean(dim=1)
                heard, block = heard[::pool], block // pool if block else None
        return self._nearest(hidden)

    def _spoken(self, mask: Tensor) -> Tensor:
        return mask[::_STRIDE][:: self.config.pooling_kernel_size]

    def _convolved(self, frames: Tensor, conv: nn.Conv1d) -> Tensor:
        """Convolve [T, C] into [T / stride, D], as one matrix product.

        Not by a library's convolution: on CUDA those round to 10 bits of mantissa unless told otherwise for
        the whole process, and ids must be those of the CPU.
        """
        before = _TAPS - 1 if self.config.encoder_causal_convolution else _TAPS // 2
        padded = functional.pad(frames, (0, 0, before, _TAPS - 1 - before))
        windows = padded.unfold(0, _TAPS, conv.stride[0])  # [T / stride, C, taps]
        return functional.linear(windows.flatten(1), conv.weight.flatten(1), conv.bias)

    def _nearest(self, hidden: Tensor) -> Tensor:
        """Return the nearest code of each row by squared distance, less |row|², which is the same for all."""
        codes = self.codebook.weight
        lengths = codes.square().sum(dim=1)
        parts = [lengths - 2 * (rows @ codes.mT) for rows in hidden.split(_ROWS_AT_ONCE)]
        return torch.cat([part.argmin(dim=1) for part in parts])


def load_speech_tokenizer(folder: Path, *, device: torch.device) -> SpeechTokenizer:
    """Load the tokenizer in float32, without what training kept beside it.

    Raises:
        CheckpointError: If a file is missing, damaged or of another model.
    """
    config = SpeechTokenizerConfig.read(folder)
    paths = sorted(folder.glob("model*.safetensors"))
    if not paths:
        raise CheckpointError(f"{folder}: holds no model*.safetensors; the checkpoint is not whole")
    with torch.device("meta"):
        tokenizer = SpeechTokenizer(config)
    unused = unused_by(config)
    found = read_safetensors(paths, unused=lambda name: unused(bare_name(name)))
    named = {bare_name(name): tensor for name, tensor in found.tensors.items()}
    fit(tokenizer, replace(found, tensors=named), device=device, dtype=torch.float32, unused=unused)
    return tokenizer


def bare_name(name: str) -> str:
    """Return a tensor's name without the model that it was cut out of."""
    return name.removeprefix("model.").removeprefix("encoder.")


def unused_by(config: SpeechTokenizerConfig) -> Callable[[str], bool]:
    """Say which tensors (by bare names) are of no use: training's, the decoder's, those of later layers."""

    def unused(name: str) -> bool:
        first, _, rest = name.partition(".")
        if first == "layers":
            number = rest.partition(".")[0]
            return number.isdecimal() and int(number) >= config.quantize_position
        return first in ("ema_count", "ema_weight", "embed_positions2", "layer_norm", "decoder", "proj_out")

    return unused


def _table(rows: int, width: int) -> nn.Embedding:
    # Not drawn at random first: on the meta device that loads torch's compiler, 4 s and 100 MB for nothing.
    return nn.Embedding(rows, width, _weight=torch.empty(rows, width))


def _seen(heard: Tensor, block: int | None) -> Tensor:
    """Return bool [T, T]: which keys (columns) each query (row) may look at."""
    places = torch.arange(len(heard), device=heard.device)
    if block is None:
        return heard.expand(len(heard), -1)
    # Up to the end of one's own block: that is "no later than I, or of my block".
    ends = (places // block + 1) * block
    return (places < ends[:, None]) & heard
