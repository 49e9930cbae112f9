"""Speech tokens → spectrogram: ten Euler steps from noise (Lipman et al. 2022), with guidance.

    noise ─▶ x ─▶ dit(x, prompt, tokens, speaker) ┐
             ▲    dit(x,   0,    tokens,    0   ) ┴─ 1.7 · the first − 0.7 · the second ─▶ x + dt · that
             └──────────────────────────── ten times ────────────────────────────────────┘

Noise and sums are float32 whatever type the weights have. Nothing is kept between calls.
"""

import math

import torch
from torch import Tensor

from tts_core import weights
from tts_core.errors import TtsError
from tts_core.flow.config import FlowConfig
from tts_core.flow.dit import SPEAKER_WIDTH, Dit
from tts_core.flow.frames import frames_for
from tts_core.precision import exact_convolutions

#: The model's own: what it was released and judged with.
STEPS = 10
GUIDANCE = 0.7


def schedule(steps: int) -> list[tuple[float, float]]:
    """Return time and length of each step, in the float32 arithmetic of the reference.

    Times lie on a cosine, close together at the noise. Each length is measured from the time that the
    steps before really reached, sum by sum, and not from where it should be.
    """
    points = 1 - torch.cos(torch.linspace(0, 1, steps + 1, device="cpu") * 0.5 * math.pi)
    found: list[tuple[float, float]] = []
    time = points[0]
    for point in points[1:]:
        length = point - time
        found.append((time.item(), length.item()))
        time = time + length
    return found


class Flow:
    """A flow that is ready to speak; holds its weights and nothing else."""

    def __init__(self, dit: Dit, config: FlowConfig) -> None:
        self._dit = dit
        self._config = config
        self._schedule = schedule(STEPS)

    @property
    def device(self) -> torch.device:
        """Where the weights are, and where spectrograms come out."""
        return self._dit.device

    @property
    def held_bytes(self) -> int:
        """Bytes of the weights."""
        return weights.held_bytes([self._dit])

    def move(self, device: torch.device) -> None:
        """Put the weights elsewhere."""
        self._dit.to(device)

    def peak_bytes(self, frames: int) -> int:
        """Return the most that `mel` holds at once beside the weights, prompt and segment together.

        Of tensors: what a library's kernel takes for itself within one operation is not in it.
        """
        config = self._config
        # In a block, for both rows: what came in, normed, query, key, value, heard, what becomes of it.
        block = 2 * 9 * max(config.width, config.heads * config.head_width)
        # Through all steps: embedded tokens; spectrogram, change and prompt, two rows of each.
        kept = config.token_width * self._dit.dtype.itemsize + 12 * config.mel_bins * torch.float32.itemsize
        return frames * (block * self._dit.dtype.itemsize + kept)

    @torch.inference_mode()
    def mel(  # noqa: PLR0913 -- what a segment is made of: tokens, a voice in three parts, chance
        self,
        tokens: Tensor,
        *,
        prompt_tokens: Tensor,
        prompt_mel: Tensor,
        embedding: Tensor,
        generator: torch.Generator | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Make the spectrogram of some speech tokens.

        Where the prompt's spectrogram is a frame short of its tokens, the first frame is the prompt's last
        one: so does the reference.

        Args:
            tokens: int64 [N], raw: 0 up to the rows of the token table.
            prompt_tokens: int64 [P], of the reference recording.
            prompt_mel: float32 [1, Tp, M], of it too.
            embedding: float32 [1, 192], of its speaker.
            generator: Noise is drawn from it once, randn(1, F, M), on the generator's own device.
            noise: float32 [1, F, M] in its stead; F is `frames_for` both kinds of tokens together.

        Returns:
            float32 [1, M, F - Tp] on the flow's device.

        Raises:
            ValueError: If not exactly one of `generator` and `noise` is given.
            TtsError: If a token is no speech token, or if the prompt's spectrogram is longer than all tokens.
        """
        device = self.device
        spoken = torch.cat((prompt_tokens, tokens)).to(device=device, dtype=torch.int64).unsqueeze(0)
        self._check(spoken)
        frames, given = frames_for(spoken.shape[1], self._config), prompt_mel.shape[1]
        if given > frames:
            raise TtsError(
                f"the prompt's spectrogram has {given} frames, and all {spoken.shape[1]} tokens make "
                f"{frames}: they are not of the same recording"
            )
        x = self._noise(frames, generator, noise)
        with exact_convolutions(device):
            x = self._solve(x, spoken, prompt_mel.to(device), embedding.to(device))
        return x[:, given:].transpose(1, 2).contiguous()

    def _check(self, spoken: Tensor) -> None:
        # On the card such an id would end the process's CUDA context, not the call.
        if spoken.numel() == 0:
            raise TtsError("no speech tokens: there is nothing to make a spectrogram of")
        least, most = (int(end) for end in spoken.aminmax())
        if least < 0 or most >= self._config.token_rows:
            wrong = least if least < 0 else most
            raise TtsError(f"speech token {wrong} is not one of 0 to {self._config.token_rows - 1}")

    def _noise(self, frames: int, generator: torch.Generator | None, noise: Tensor | None) -> Tensor:
        shape = (1, frames, self._config.mel_bins)
        if (generator is None) == (noise is None):
            raise ValueError("give either a generator or the noise itself")
        if noise is None:
            assert generator is not None
            noise = torch.randn(shape, generator=generator, device=generator.device, dtype=torch.float32)
        assert noise.shape == shape, f"noise of {tuple(noise.shape)} instead of {shape}"
        return noise.to(self.device)

    def _solve(self, x: Tensor, spoken: Tensor, prompt_mel: Tensor, speaker: Tensor) -> Tensor:
        assert prompt_mel.shape[::2] == x.shape[::2]
        assert speaker.shape == (1, SPEAKER_WIDTH)
        # Guided and unguided are two rows of one batch: half the calls, and the weights are read once.
        embedded = self._dit.embed(spoken, x.shape[1]).expand(2, -1, -1)
        prompt = x.new_zeros(2, *x.shape[1:])
        prompt[0, : prompt_mel.shape[1]] = prompt_mel[0]
        speakers = torch.cat((speaker, torch.zeros_like(speaker)))
        for time, length in self._schedule:
            both = self._dit(x.expand(2, -1, -1), prompt, embedded, x.new_full((2,), time), speakers)
            x = x + length * ((1 + GUIDANCE) * both[:1] - GUIDANCE * both[1:])
        return x
