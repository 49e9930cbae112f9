"""The flow once more, slow and obvious: float64, one frame, one head and one tap at a time.

Written from the description of the model and not from `tts_core`, of which it uses nothing.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

Weights = Mapping[str, Tensor]


class SlowDit:
    """One guided or unguided pass over one spectrogram."""

    def __init__(self, weights: Weights, *, head_width: int) -> None:
        self.weights = {name.removeprefix("estimator."): one.double() for name, one in weights.items()}
        self.head_width = head_width

    def __call__(self, noisy: Tensor, prompt: Tensor, tokens: Tensor, time: float, speaker: Tensor) -> Tensor:
        """[T, M], [T, M], int64 [N], a number, [192] → [T, M]."""
        frames = noisy.shape[0]
        embedded = self.embedded(tokens, frames)
        x = self.dense("emb_concator.proj", torch.cat((noisy.double(), prompt.double(), embedded), dim=1))
        near = mish(self.conv("emb_concator.conv_pos_embed.conv1d.0", x))
        x = mish(self.conv("emb_concator.conv_pos_embed.conv1d.2", near)) + x
        length = math.sqrt(float(speaker.double().square().sum()))
        voice = speaker.double() / length if length else speaker.double()
        given = silu(torch.cat((self.time(time), voice)))
        for block in range(self.count("transformer_blocks")):
            x = self.block(f"transformer_blocks.{block}", x, given)
        scale, shift = self.dense("norm_out.linear", given[None])[0].chunk(2)
        return self.dense("proj_out", normed(x) * (1 + scale) + shift)

    def count(self, name: str) -> int:
        numbers = {key.removeprefix(f"{name}.").split(".")[0] for key in self.weights if key.startswith(name)}
        return len(numbers)

    def dense(self, name: str, x: Tensor) -> Tensor:
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def conv(self, name: str, x: Tensor) -> Tensor:
        """Grouped convolution that keeps the length: [T, C] → [T, O]."""
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        out, inner, kernel = weight.shape
        groups = x.shape[1] // inner
        found = bias.repeat(x.shape[0], 1)
        for frame in range(x.shape[0]):
            for tap in range(kernel):
                at = frame + tap - kernel // 2
                if 0 <= at < x.shape[0]:
                    parts = x[at].view(groups, inner)
                    taps = weight[:, :, tap].view(groups, out // groups, inner)
                    found[frame] += torch.einsum("goi,gi->go", taps, parts).flatten()
        return found

    def embedded(self, tokens: Tensor, frames: int) -> Tensor:
        table = self.weights["text_emb_layer.text_embed.weight"]
        width = table.shape[1]
        rows: list[Tensor] = []
        for frame in range(frames):
            place = min(frame, 4095)
            angles = [place / 10000 ** (2 * pair / width) for pair in range(width // 2)]
            position = [math.cos(angle) for angle in angles] + [math.sin(angle) for angle in angles]
            token = int(tokens[frame * len(tokens) // frames])
            rows.append(table[token] + torch.tensor(position, dtype=torch.float64))
        x = torch.stack(rows)
        for block in range(self.count("text_emb_layer.text_blocks")):
            x = self.token_block(f"text_emb_layer.text_blocks.{block}", x)
        return x

    def token_block(self, name: str, x: Tensor) -> Tensor:
        y = normed(self.conv(f"{name}.dwconv", x))
        y = y * self.weights[f"{name}.norm.weight"] + self.weights[f"{name}.norm.bias"]
        y = gelu(self.dense(f"{name}.pwconv1", y))
        energies = torch.stack([(y[:, channel] ** 2).sum().sqrt() for channel in range(y.shape[1])])
        share = energies / (energies.mean() + 1e-6)
        gamma, beta = self.weights[f"{name}.grn.gamma"].flatten(), self.weights[f"{name}.grn.beta"].flatten()
        return x + self.dense(f"{name}.pwconv2", gamma * (y * share) + beta + y)

    def time(self, time: float) -> Tensor:
        speeds = [math.exp(-math.log(10000) * pair / 127) for pair in range(128)]
        angles = [1000 * time * speed for speed in speeds]
        waves = [math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles]
        hidden = self.dense("time_embed.time_mlp.0", torch.tensor([waves], dtype=torch.float64))
        return self.dense("time_embed.time_mlp.2", silu(hidden))[0]

    def block(self, name: str, x: Tensor, given: Tensor) -> Tensor:
        parts = self.dense(f"{name}.attn_norm.linear", given[None])[0].chunk(6)
        x = x + parts[2] * self.attention(f"{name}.attn", normed(x) * (1 + parts[1]) + parts[0])
        y = self.dense(f"{name}.ff.ff.0.0", normed(x) * (1 + parts[4]) + parts[3])
        return x + parts[5] * self.dense(f"{name}.ff.ff.2", gelu_tanh(y))

    def attention(self, name: str, x: Tensor) -> Tensor:
        query, key, value = (self.dense(f"{name}.to_{which}", x) for which in "qkv")
        heads: list[Tensor] = []
        for head, first in enumerate(range(0, query.shape[1], self.head_width)):
            part = slice(first, first + self.head_width)
            q, k, v = query[:, part], key[:, part], value[:, part]
            if head == 0:
                q, k = self.rotated(q), self.rotated(k)
            rows = [torch.softmax(k @ one / math.sqrt(self.head_width), dim=0) @ v for one in q]
            heads.append(torch.stack(rows))
        return self.dense(f"{name}.to_out.0", torch.cat(heads, dim=1))

    def rotated(self, x: Tensor) -> Tensor:
        """Turn each pair of neighbours as one complex number."""
        speeds = self.weights["rotary_embed.inv_freq"]
        pairs = torch.view_as_complex(x.reshape(x.shape[0], -1, 2).contiguous())
        turns = torch.stack([torch.exp(1j * place * speeds) for place in range(x.shape[0])])
        return torch.view_as_real(pairs * turns).flatten(1)


def slow_mel(dit: SlowDit, tokens: Tensor, *, prompt_mel: Tensor, speaker: Tensor, noise: Tensor) -> Tensor:
    """int64 [N] of prompt and segment, [Tp, M], [192], [T, M] → [T - Tp, M]."""
    prompt = torch.zeros_like(noise)
    prompt[: prompt_mel.shape[0]] = prompt_mel
    nobody, nothing = torch.zeros_like(speaker), torch.zeros_like(prompt)
    x, time = noise.double(), 0.0
    for step in range(1, 11):
        length = 1 - math.cos(step / 10 * math.pi / 2) - time
        guided = dit(x, prompt, tokens, time, speaker)
        free = dit(x, nothing, tokens, time, nobody)
        x = x + length * (1.7 * guided - 0.7 * free)
        time += length
    return x[prompt_mel.shape[0] :]


def normed(x: Tensor) -> Tensor:
    mean = x.mean(dim=-1, keepdim=True)
    return (x - mean) / ((x - mean).square().mean(dim=-1, keepdim=True) + 1e-6).sqrt()


def silu(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


def mish(x: Tensor) -> Tensor:
    return x * torch.tanh(torch.log1p(torch.exp(x)))


def gelu(x: Tensor) -> Tensor:
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def gelu_tanh(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
