"""The flow model of the small checkpoint: every gain that training starts at zero is far from it here."""

from pathlib import Path

import torch
from torch import Generator

from tests.tts_core.small_draw import Tensors, linear, normal

_WIDTH, _DEPTH, _HEAD, _TOKEN, _BLOCKS, _CODES = 32, 2, 16, 16, 2, 32768
_SPEAKER, _MEL = 192, 80

_CONFIG = f"""flow: !new:flow.flow.Flow
  mel_dim: {_MEL}
  input_frame_rate: 25
  mel_framerate: 50
  spkr_emb_adaLN: true
  speech_token_cfg: false
  remove_spkr_concat_condition: true
  trans_dim: {_WIDTH}
  depth: {_DEPTH}
  heads: {_WIDTH // _HEAD}
  dim_head: {_HEAD}
  speech_token_dim: {_TOKEN}
  vocab_size: {_CODES}
  conv_layers: {_BLOCKS}
"""


def write_flow(folder: Path, chance: Generator) -> None:
    """Write `config.yaml` and `flow.pt` of about 2.6 MB."""
    (folder / "config.yaml").write_text(_CONFIG, "utf-8")
    tensors = {f"estimator.{name}": one for name, one in _dit(chance).items()}
    torch.save({"model": tensors}, folder / "flow.pt")


def _dit(chance: Generator) -> Tensors:
    tensors: Tensors = {
        "text_emb_layer.text_embed.weight": normal(chance, _CODES + 1, _TOKEN),
        "rotary_embed.inv_freq": 10000 ** (-torch.arange(0, _HEAD, 2).float() / _HEAD),
    }
    tensors |= _dense(chance, "time_embed.time_mlp.0", _WIDTH, 256, gain=1.4)
    tensors |= _dense(chance, "time_embed.time_mlp.2", _WIDTH, _WIDTH, gain=1.4)
    tensors |= _dense(chance, "emb_concator.proj", _WIDTH, 2 * _MEL + _TOKEN)
    for layer in (0, 2):
        tensors |= _dense(chance, f"emb_concator.conv_pos_embed.conv1d.{layer}", _WIDTH, _WIDTH // 16, 31)
    for block in range(_BLOCKS):
        tensors |= _text_block(chance, f"text_emb_layer.text_blocks.{block}")
    for block in range(_DEPTH):
        tensors |= _transformer_block(chance, f"transformer_blocks.{block}")
    tensors |= _dense(chance, "norm_out.linear", 2 * _WIDTH, _WIDTH + _SPEAKER, gain=0.7)
    tensors |= _dense(chance, "proj_out", _MEL, _WIDTH)
    return tensors


def _text_block(chance: Generator, name: str) -> Tensors:
    tensors = _dense(chance, f"{name}.dwconv", _TOKEN, 1, 7)
    tensors |= _dense(chance, f"{name}.pwconv1", 2 * _TOKEN, _TOKEN)
    tensors |= _dense(chance, f"{name}.pwconv2", _TOKEN, 2 * _TOKEN)
    tensors[f"{name}.norm.weight"] = 1 + normal(chance, _TOKEN, scale=0.1)
    tensors[f"{name}.norm.bias"] = normal(chance, _TOKEN, scale=0.1)
    tensors[f"{name}.grn.gamma"] = normal(chance, 1, 1, 2 * _TOKEN, scale=0.5)
    tensors[f"{name}.grn.beta"] = normal(chance, 1, 1, 2 * _TOKEN, scale=0.5)
    return tensors


def _transformer_block(chance: Generator, name: str) -> Tensors:
    tensors = _dense(chance, f"{name}.attn_norm.linear", 6 * _WIDTH, _WIDTH + _SPEAKER, gain=0.7)
    for part in ("to_q", "to_k", "to_v", "to_out.0"):
        tensors |= _dense(chance, f"{name}.attn.{part}", _WIDTH, _WIDTH, gain=1.5)
    tensors |= _dense(chance, f"{name}.ff.ff.0.0", 2 * _WIDTH, _WIDTH)
    tensors |= _dense(chance, f"{name}.ff.ff.2", _WIDTH, 2 * _WIDTH, gain=1.5)
    return tensors


def _dense(chance: Generator, name: str, outer: int, inner: int, *kernel: int, gain: float = 1.0) -> Tensors:
    return {
        f"{name}.weight": linear(chance, outer, inner, *kernel, gain=gain),
        f"{name}.bias": normal(chance, outer, scale=0.2),
    }
