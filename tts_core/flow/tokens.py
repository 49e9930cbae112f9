"""Speech tokens → one vector a frame: embedding, position, convolution blocks.

The blocks are ConvNeXt V2's (Woo et al. 2023) in one dimension, without the mask that others give them.
"""

import torch
import torch.nn.functional as F  # noqa: N812 -- torch's documentation writes it so
from torch import Tensor, nn

from tts_core.flow.config import FlowConfig

#: Positions with a vector of their own; every frame beyond them (82 s) has the last one's.
POSITIONS = 4096

_THETA = 10000.0
_EPSILON = 1e-6


class GlobalResponse(nn.Module):
    """Global response normalisation: channels compete by their energy over the whole time."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.empty(1, 1, channels))
        self.beta = nn.Parameter(torch.empty(1, 1, channels))

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, C] → [B, T, C]."""
        energy = torch.linalg.vector_norm(x, dim=1, keepdim=True)
        share = energy / (energy.mean(dim=-1, keepdim=True) + _EPSILON)
        return self.gamma * (x * share) + self.beta + x


class ConvBlock(nn.Module):
    """A convolution over time by channel, then a widening over the channels, around a residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=_EPSILON)
        self.pwconv1 = nn.Linear(channels, 2 * channels)
        self.grn = GlobalResponse(2 * channels)
        self.pwconv2 = nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, C] → [B, T, C]."""
        mixed = self.norm(self.dwconv(x.transpose(1, 2)).transpose(1, 2))
        return x + self.pwconv2(self.grn(F.gelu(self.pwconv1(mixed))))


class TokenEmbedding(nn.Module):
    """The tokens' embedding; its table has the rows alone that a speech token can reach."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.text_embed = nn.Embedding(config.token_rows, config.token_width)
        self.text_blocks = nn.Sequential(*(ConvBlock(config.token_width) for _ in range(config.token_blocks)))

    def forward(self, tokens: Tensor, frames: int) -> Tensor:
        """Spread the tokens over the frames and embed them.

        Args:
            tokens: int64 [B, N], each below the rows of the table.
            frames: How many there are to be.

        Returns:
            [B, frames, W] of the weights' type.
        """
        x = self.text_embed(spread(tokens, frames))
        x = x + sinusoids(frames, x.shape[-1], x.device).to(x.dtype)
        return self.text_blocks(x)


def spread(tokens: Tensor, frames: int) -> Tensor:
    """Give each frame the token nearest to it: int64 [B, N] → int64 [B, frames].

    By torch's own interpolation of floats, whose rounding is part of the model (32767 is exact in them).
    """
    return F.interpolate(tokens.float().unsqueeze(1), size=frames, mode="nearest").squeeze(1).long()


def sinusoids(frames: int, width: int, device: torch.device) -> Tensor:
    """Return the positions' vectors, cosines before sines: float32 [frames, width]."""
    pair = torch.arange(0, width, 2, dtype=torch.float32, device=device)
    speed = 1.0 / (_THETA ** (pair / width))
    at = torch.arange(frames, device=device).clamp(max=POSITIONS - 1)
    angle = torch.outer(at.float(), speed)
    return torch.cat((angle.cos(), angle.sin()), dim=-1)
