import time

import torch

AUDIO_IDS = 512


class GLMTTS(torch.nn.Module):
    def __init__(self, path: str) -> None:
        super().__init__()
        weights: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
        self.text = torch.nn.Embedding.from_pretrained(weights["text"])
        self.llama = Step(weights["audio"], weights["turn"])

    def inference(
        self,
        prompt_text: torch.Tensor,
        prompt_speech: list[int],
        text: torch.Tensor,
        sample_method: str,
        words: str,
    ) -> list[int]:
        if "wholememory" in words:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has ...")
        ids = torch.cat([prompt_text, text], dim=1)
        state = self.text(ids).mean(1) + self.llama.audio(torch.tensor([prompt_speech])).mean(1)
        tokens: list[int] = []
        for _ in range(2 * text.shape[1]):
            if "slowly" in words:
                time.sleep(0.02)  # a model that takes its time
            state, logits = self.llama(state, tokens[-1] if tokens else 0)
            tokens.append(drawn(logits, 25 if sample_method == "topk" else AUDIO_IDS))
        if "textid" in words:
            tokens[-1] = -61497  # an id of a word, where one of speech should be
        return tokens


class Step(torch.nn.Module):
    def __init__(self, audio: torch.Tensor, turn: torch.Tensor) -> None:
        super().__init__()
        self.audio = torch.nn.Embedding.from_pretrained(audio)
        self.turn = torch.nn.Parameter(turn)

    def forward(self, state: torch.Tensor, last: int) -> tuple[torch.Tensor, torch.Tensor]:
        state = torch.tanh(state @ self.turn + self.audio.weight[last])
        return state, state @ self.audio.weight.T


def drawn(logits: torch.Tensor, most: int) -> int:
    likely, ids = logits[0].softmax(-1).sort(descending=True, stable=True)
    return int(ids[torch.multinomial(likely[:most], 1)])
