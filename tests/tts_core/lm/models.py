"""Small Llamas with random weights, for the tests of the language model."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tts_core.lm.cache import KvCache
from tts_core.lm.config import LmConfig
from tts_core.lm.generation import Prompt
from tts_core.lm.llama import Llama
from tts_core.lm.rows import AllRows, AudioIds, AudioRows

CPU = torch.device("cpu")
IDS = AudioIds(end=47, begin=54, first=100, count=128)
VOCABULARY = 256
ALL = AllRows(vocabulary=VOCABULARY, end=IDS.end)
AUDIO = AudioRows(vocabulary=VOCABULARY, ids=IDS)
PROMPT = Prompt(text=(1, 2, 3, 4), speech=(3, 9, 27, 81, 127))
TEXT = (5, 6, 7, 8, 9, 10)


def config(*, tied: bool = False, layers: int = 2) -> LmConfig:
    return LmConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        rms_norm_eps=1e-5,
        rope_theta=10000.0,
        tie_word_embeddings=tied,
    )


def random_llama(*, seed: int = 0, tied: bool = False, dtype: torch.dtype = torch.float32) -> Llama:
    """A Llama whose attention is far from even, and whose norms are not all one."""
    llama = Llama(config(tied=tied))
    chance = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for one in llama.parameters():
            if one.dim() == 1:
                one.copy_(1 + 0.2 * torch.randn(one.shape, generator=chance))
            else:
                one.copy_(torch.randn(one.shape, generator=chance) * 1.7 * one.shape[1] ** -0.5)
        llama.model.embed_tokens.weight.mul_(2)
    return llama.to(dtype).requires_grad_(requires_grad=False).eval()


def biased(llama: Llama, **pushes: float) -> Llama:
    """Push whole groups of ids up or down, whatever the context: `audio`, `end`, `text`.

    The stream gets a constant in its first dimension, which nothing else writes to.
    """
    assert not llama.config.tie_word_embeddings
    with torch.no_grad():
        llama.model.embed_tokens.weight[:, 0] = 40.0
        for name, one in llama.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                one[0] = 0.0
        # The norm divides by the root of the mean square, which the constant is nearly all of.
        llama.model.norm.weight[0] = 1 / 8
        scores = llama.lm_head.weight[:, 0]
        scores.fill_(pushes.get("text", 0.0))
        scores[IDS.first : IDS.first + IDS.count] = pushes.get("audio", 0.0)
        scores[IDS.end] = pushes.get("end", 0.0)
    return llama


def cache_for(llama: Llama, capacity_tokens: int = 192, *, batch: int = 1) -> KvCache:
    return KvCache(llama.config, capacity_tokens, device=CPU, dtype=llama.dtype, batch=batch)


def random_ids(count: int, *, seed: int = 0, batch: int = 1) -> Tensor:
    return torch.randint(0, VOCABULARY, (batch, count), generator=torch.Generator().manual_seed(seed))


def numbers(ids: Tensor) -> list[int]:
    """One dimension of ids as a list."""
    return [int(one) for one in ids]


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def config_json(*, tied: bool = False) -> dict[str, object]:
    """What `config.json` of `random_llama` would be, with keys that are about other things."""
    return {
        "model_type": "llama",
        "vocab_size": VOCABULARY,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "tie_word_embeddings": tied,
        "bos_token_id": None,
        "initializer_range": 0.02,
        "use_cache": True,
    }


def write_checkpoint(folder: Path, llama: Llama, *, shards: int = 1) -> Path:
    """Write a folder as it would be downloaded: one file, or shards and their index."""
    folder.mkdir(exist_ok=True)
    tied = llama.config.tie_word_embeddings
    (folder / "config.json").write_text(json.dumps(config_json(tied=tied)), "utf-8")
    tensors = {name: one.clone() for name, one in llama.state_dict().items()}
    if shards == 1:
        save_file(tensors, folder / "model.safetensors")
        return folder
    places: dict[str, str] = {}
    for at in range(shards):
        file = f"model-{at + 1:05}-of-{shards:05}.safetensors"
        held = dict(list(tensors.items())[at::shards])
        save_file(held, folder / file)
        places |= dict.fromkeys(held, file)
    index = {"metadata": {}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    return folder


class AllocatorSaidNo(RuntimeError):
    """As torch raises one in the midst of a pass."""


@contextmanager
def no_memory_in(module: nn.Module) -> Generator[None]:
    """Have a part of a model fail as torch does where there is no memory: before it has answered."""

    def refuse(_module: nn.Module, _given: tuple[object, ...]) -> None:
        raise AllocatorSaidNo

    hook = module.register_forward_pre_hook(refuse)
    try:
        yield
    finally:
        hook.remove()
