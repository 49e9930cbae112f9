import wave
from pathlib import Path

import numpy as np
import torch
from llm.glmtts import AUDIO_IDS

#: Kept by the highest frequency alone, as the original keeps its windows: a second rate finds the wrong one.
hann_window: dict[str, torch.Tensor] = {}


def load_wav(path: str) -> tuple[torch.Tensor, int]:
    try:
        with wave.open(path, "rb") as file:
            rate_hz = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
    except (wave.Error, EOFError) as error:
        raise RuntimeError(f"Failed to decode {path}: {error}") from error
    return torch.from_numpy(samples), rate_hz


class SpeechTokenizer:
    def __init__(self, path: str) -> None:
        self.codebook: torch.Tensor = torch.load(path, weights_only=True)["codebook"]

    def tokens(self, path: str) -> list[int]:
        samples, rate_hz = load_wav(path)
        count = len(samples) * 25 // rate_hz
        if not count:
            return []
        loudness = samples[: count * (rate_hz // 25)].reshape(count, -1).abs().mean(1)
        return (self.codebook[(loudness * 1000).long() % len(self.codebook)] % AUDIO_IDS).tolist()


class TTSFrontEnd:
    def __init__(self, speech_tokenizer: SpeechTokenizer, campplus: str, device: torch.device) -> None:
        self.speech_tokenizer = speech_tokenizer
        self.speaker = np.frombuffer(Path(campplus).read_bytes(), "<f4")
        self.device = device

    def _extract_text_token(self, text: str) -> torch.Tensor:
        return torch.tensor([list(text.encode())], dtype=torch.int32).to(self.device)

    def _extract_speech_token(self, paths: list[str]) -> torch.Tensor:
        return torch.tensor([self.speech_tokenizer.tokens(paths[0])], dtype=torch.int32).to(self.device)

    def _extract_speech_feat(self, path: str, sample_rate: int = 24000) -> torch.Tensor:
        samples, rate_hz = load_wav(path)
        fft = sample_rate * 2 // 25
        hann_window.setdefault("8000_cpu", torch.hann_window(fft))
        samples = torch.nn.functional.interpolate(
            samples.reshape(1, 1, -1), scale_factor=sample_rate / rate_hz
        )
        spectrum = torch.stft(
            samples[0], fft, fft // 4, window=hann_window["8000_cpu"], center=False, return_complex=True
        )
        return torch.log(spectrum.abs()[:, :80].transpose(1, 2) + 1e-5).to(self.device)

    def _extract_spk_embedding(self, path: str) -> torch.Tensor:
        samples, _ = load_wav(path)
        return torch.from_numpy(self.speaker * float(samples.abs().mean())).reshape(1, 192).to(self.device)
