"""Ways in which a checkpoint is not what it should be."""

import os
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from tests.tts_core.small_checkpoint import id_of


def without_an_end(folder: Path) -> None:
    """Make the id that ends an utterance one that the language model never comes to."""
    end = id_of("<|user|>")
    for path in folder.glob("*.safetensors"):
        state = load_file(path)
        for name in {"lm_head.weight", "model.embed_tokens.weight"} & state.keys():
            state[name][end] *= -4
        save_file(state, path)


def of_another_model(folder: Path) -> list[str]:
    """Narrow every third tensor of the language model's first shard; returns their names."""
    path = min(folder.glob("*.safetensors"))
    state = load_file(path)
    narrowed = [name for name in sorted(state)[::3] if state[name].ndim > 1]
    for name in narrowed:
        state[name] = state[name][..., :-8].contiguous()
    save_file(state, path, metadata={"format": "pt"})
    return narrowed


class _Wicked:
    """Unpickled, it would make a folder."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.trace),)


def wicked(path: Path, trace: Path) -> None:
    """Put a file there that makes a folder if it is loaded as pickles are."""
    torch.save({"model": _Wicked(trace)}, path)


def halved(path: Path) -> None:
    """Cut a file short in its middle, as a download that broke off."""
    os.truncate(path, path.stat().st_size // 2)
