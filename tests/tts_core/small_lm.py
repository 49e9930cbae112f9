"""The language model of the small checkpoint: a Llama that is built so that it speaks."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Generator
from torch.nn import functional

from tests.tts_core.small_draw import Tensors, linear, normal, write_json

_HIDDEN, _INNER, _HEAD, _HEADS, _KV_HEADS = 32, 64, 8, 4, 2
_VOCABULARY, _AUDIO = 33280, 32768
#: How far the end lies above the plain audio id, before what context adds to those; tuned by drawing.
_END_OVER_AUDIO = 20.0
#: How far text ids and the padding lie below.
_TEXT_UNDER_AUDIO = 55.0


def write_llm(folder: Path, chance: Generator, *, first_audio: int, end: int) -> None:
    write_json(
        folder / "config.json",
        {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": _HIDDEN,
            "intermediate_size": _INNER,
            "num_hidden_layers": 2,
            "num_attention_heads": _HEADS,
            "num_key_value_heads": _KV_HEADS,
            "max_position_embeddings": 8192,
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
            "hidden_act": "silu",
            "attention_bias": False,
            "mlp_bias": False,
            "tie_word_embeddings": True,
            "vocab_size": _VOCABULARY,
            "torch_dtype": "float32",
        },
    )
    tensors = _llm(chance, first_audio=first_audio, end=end)
    names = sorted(tensors)
    shards = {"model-00001-of-00002.safetensors": names[:10], "model-00002-of-00002.safetensors": names[10:]}
    for file, held in shards.items():
        save_file({name: tensors[name] for name in held}, folder / file, metadata={"format": "pt"})
    total = sum(tensor.nbytes for tensor in tensors.values())
    places = {name: file for file, held in shards.items() for name in held}
    write_json(
        folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": places}
    )


def widen(folder: Path, inner: int) -> None:
    """Give a model that is there a wider feed-forward: of zeros, so it says the same, in more memory."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    write_json(folder / "config.json", {**config, "intermediate_size": inner})
    for file in folder.glob("*.safetensors"):
        tensors = {name: _widened(name, tensor, inner) for name, tensor in load_file(file).items()}
        save_file(tensors, file, metadata={"format": "pt"})


def _widened(name: str, tensor: torch.Tensor, inner: int) -> torch.Tensor:
    more = inner - _INNER
    if name.endswith(("gate_proj.weight", "up_proj.weight")):
        return functional.pad(tensor, (0, 0, 0, more))
    return functional.pad(tensor, (0, more)) if name.endswith("down_proj.weight") else tensor


def _llm(chance: Generator, *, first_audio: int, end: int) -> Tensors:
    """Return a Llama whose first two dimensions are kept apart for what is likely whatever the context.

    Every row of the embedding has 1 in dimension 0, and no layer writes there: a constant to draw on. The
    last feed-forward turns it into a constant in dimension 1; there the rows say how likely they are.
    The last norm turns every other dimension about, so that a token is not its own likeliest successor.
    """
    tensors: Tensors = {"model.norm.weight": torch.full((_HIDDEN,), 1.0)}
    tensors["model.norm.weight"][::2] = -1.0
    tensors["model.norm.weight"][:2] = torch.tensor([0.0, 1.0])
    rows = normal(chance, _VOCABULARY, _HIDDEN, scale=0.8)
    rows[:, 0] = 1.0
    rows[:, 1] = -_TEXT_UNDER_AUDIO / _PUSH
    rows[first_audio : first_audio + _AUDIO, 1] = 0.0
    rows[end, 1] = _END_OVER_AUDIO / _PUSH
    rows[end, 2:] = 0.0
    tensors["model.embed_tokens.weight"] = rows
    for layer in range(2):
        tensors |= {f"model.layers.{layer}.{name}": one for name, one in _llm_layer(chance).items()}
    # silu(a) * b of the constant, which the norm before it has at about 1.
    for name in ("gate_proj", "up_proj"):
        row = torch.zeros(_HIDDEN)
        row[0] = 3.0
        tensors[f"model.layers.1.mlp.{name}.weight"][0] = row
    tensors["model.layers.1.mlp.down_proj.weight"][1, 0] = 1.0
    return tensors


#: About what the constant in dimension 1 is after the last norm.
_PUSH = 3.0


def _llm_layer(chance: Generator) -> Tensors:
    layer = {
        "input_layernorm.weight": 1 + normal(chance, _HIDDEN, scale=0.1),
        "post_attention_layernorm.weight": 1 + normal(chance, _HIDDEN, scale=0.1),
        "self_attn.q_proj.weight": linear(chance, _HEADS * _HEAD, _HIDDEN, gain=1.5),
        "self_attn.k_proj.weight": linear(chance, _KV_HEADS * _HEAD, _HIDDEN, gain=1.5),
        "self_attn.v_proj.weight": linear(chance, _KV_HEADS * _HEAD, _HIDDEN),
        "self_attn.o_proj.weight": linear(chance, _HIDDEN, _HEADS * _HEAD, gain=1.5),
        "mlp.gate_proj.weight": linear(chance, _INNER, _HIDDEN),
        "mlp.up_proj.weight": linear(chance, _INNER, _HIDDEN),
        "mlp.down_proj.weight": linear(chance, _HIDDEN, _INNER, gain=1.5),
    }
    for name in ("self_attn.o_proj.weight", "mlp.down_proj.weight"):
        layer[name][:2] = 0.0  # the two dimensions that context must not touch
    return layer
