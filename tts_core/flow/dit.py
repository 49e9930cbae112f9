"""The diffusion transformer: how a noisy spectrogram should change at a given time.

Named as in the checkpoint, whose keys begin with `estimator.`. It keeps nothing between calls.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's documentation writes it so
from torch import Tensor, nn

from tts_core.flow.blocks import Block, FinalNorm, Rotary
from tts_core.flow.config import FlowConfig
from tts_core.flow.tokens import TokenEmbedding

SPEAKER_WIDTH = 192

_TIME_WIDTH = 256
_TIME_SCALE = 1000.0
_CONV_WIDTH = 31
_CONV_GROUPS = 16


class TimeEmbedding(nn.Module):
    """The time as sines and cosines of many speeds, through two layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.time_mlp = nn.Sequential(nn.Linear(_TIME_WIDTH, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, time: Tensor, dtype: torch.dtype) -> Tensor:
        """float32 [B] in 0…1 → [B, W] of the weights' type, which is given."""
        half = _TIME_WIDTH // 2
        step = math.log(10000) / (half - 1)
        speed = torch.exp(torch.arange(half, dtype=torch.float32, device=time.device) * -step)
        angle = _TIME_SCALE * time.unsqueeze(1) * speed
        waves = torch.cat((angle.sin(), angle.cos()), dim=-1)
        return self.time_mlp(waves.to(dtype))


class ConvPosition(nn.Module):
    """Position from what is beside: two grouped convolutions over time."""

    def __init__(self, width: int) -> None:
        super().__init__()

        def conv() -> nn.Conv1d:
            return nn.Conv1d(width, width, _CONV_WIDTH, padding=_CONV_WIDTH // 2, groups=_CONV_GROUPS)

        self.conv1d = nn.Sequential(conv(), nn.Mish(), conv(), nn.Mish())

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, W] → [B, T, W]."""
        return self.conv1d(x.transpose(1, 2)).transpose(1, 2)


class InputEmbedding(nn.Module):
    """The noisy spectrogram, the prompt's and the tokens, in one vector a frame."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.proj = nn.Linear(2 * config.mel_bins + config.token_width, config.width)
        self.conv_pos_embed = ConvPosition(config.width)

    def forward(self, noisy: Tensor, prompt: Tensor, embedded: Tensor) -> Tensor:
        """[B, T, M], [B, T, M], [B, T, E] → [B, T, W]."""
        x = self.proj(torch.cat((noisy, prompt, embedded), dim=-1))
        return self.conv_pos_embed(x) + x


class Estimator(nn.Module):
    """All of the transformer, under the names that the checkpoint gives to its parts."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        given = config.width + SPEAKER_WIDTH
        self.time_embed = TimeEmbedding(config.width)
        self.text_emb_layer = TokenEmbedding(config)
        self.emb_concator = InputEmbedding(config)
        self.rotary_embed = Rotary(config.head_width)
        self.transformer_blocks = nn.ModuleList(Block(config, given) for _ in range(config.depth))
        self.norm_out = FinalNorm(config, given)
        self.proj_out = nn.Linear(config.width, config.mel_bins)

    def forward(self, noisy: Tensor, prompt: Tensor, embedded: Tensor, time: Tensor, voice: Tensor) -> Tensor:
        """As `Dit.forward`, all of one type save the time."""
        x = self.emb_concator(noisy, prompt, embedded)
        turn = self.rotary_embed(x.shape[1])
        given = F.silu(torch.cat((self.time_embed(time, x.dtype), voice), dim=-1))
        for block in self.transformer_blocks:
            x = block(x, given, turn)
        return self.proj_out(self.norm_out(x, given))


class Dit(nn.Module):
    """The estimator behind a door of float32: whatever type the weights have, only they see it."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.estimator = Estimator(config)

    @property
    def dtype(self) -> torch.dtype:
        """The type of the weights, and of what is computed with them."""
        return self.estimator.proj_out.weight.dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.estimator.proj_out.weight.device

    def embed(self, tokens: Tensor, frames: int) -> Tensor:
        """Embed speech tokens once for all steps: int64 [B, N] → [B, frames, E] of the weights' type."""
        return self.estimator.text_emb_layer(tokens, frames)

    def forward(
        self, noisy: Tensor, prompt: Tensor, embedded: Tensor, time: Tensor, speaker: Tensor
    ) -> Tensor:
        """Say how the spectrogram should change.

        Args:
            noisy: float32 [B, T, M], the spectrogram so far.
            prompt: float32 [B, T, M], the prompt's in its frames and zeros after them.
            embedded: [B, T, E], of `embed`.
            time: float32 [B], 0 = noise, 1 = speech.
            speaker: float32 [B, 192]; its length does not matter, and zeros mean nobody.

        Returns:
            float32 [B, T, M].
        """
        dtype = self.dtype
        voice = F.normalize(speaker, dim=-1)
        noisy, prompt, voice = noisy.to(dtype), prompt.to(dtype), voice.to(dtype)
        return self.estimator(noisy, prompt, embedded, time, voice).float()
