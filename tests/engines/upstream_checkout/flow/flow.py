import torch

FRAME_RATE, TOKEN_RATE = 50, 25


class Token2Wav:
    """Not a module itself: it holds one."""

    def __init__(self, path: str, sample_rate: int) -> None:
        self.flow = Flow(path)
        self.vocoder = "ckpt/hift/hift.pt" if sample_rate == 24000 else "ckpt/vocos2d/generator_jit.ckpt"
        self.loudness = float(torch.load(self.vocoder, weights_only=True)["loudness"])
        self.sample_rate = sample_rate

    def token2wav(
        self, tokens: list[int], prompt: torch.Tensor, mel: torch.Tensor, embedding: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        assert prompt.shape[0] == mel.shape[0] == embedding.shape[0] == 1
        tones_hz = self.flow(torch.tensor([tokens]), mel, embedding)
        frames = int(len(tokens) / TOKEN_RATE * FRAME_RATE)
        hop = self.sample_rate // FRAME_RATE
        which = (torch.arange(frames) * len(tokens) // max(1, frames)).repeat_interleave(hop)
        turns = torch.cumsum(tones_hz[which].double() / self.sample_rate, 0)
        noise = 0.01 * torch.randn(len(turns))
        wave = self.loudness * torch.sin(2 * torch.pi * turns).float() + noise
        return wave.unsqueeze(0), tones_hz[which[::hop]].reshape(1, 1, -1)


class Flow(torch.nn.Module):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.input_embedding = torch.nn.Embedding.from_pretrained(
            torch.load(path, weights_only=True)["model"]
        )

    def forward(self, tokens: torch.Tensor, mel: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
        voice = 1 + 0.2 * torch.tanh(mel.mean() + embedding.sum())
        return 200 * voice * (1.2 + torch.tanh(self.input_embedding(tokens)[0, :, 0]))
