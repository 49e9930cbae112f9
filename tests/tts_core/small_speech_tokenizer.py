"""The speech tokenizer of the small checkpoint: the lower part of a Whisper encoder, and a codebook."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Generator

from tests.tts_core.small_draw import Tensors, linear, normal, write_json

_WIDTH = 16
_CODES = 32768


def write_speech_tokenizer(folder: Path, chance: Generator) -> None:
    write_json(
        folder / "config.json",
        {
            "architectures": ["WhisperVQEncoder"],
            "model_type": "whisper",
            "activation_function": "gelu",
            "d_model": _WIDTH,
            "encoder_attention_heads": 4,
            "encoder_ffn_dim": 32,
            "encoder_layers": 3,
            "encoder_causal_attention": False,
            "encoder_causal_convolution": True,
            "max_source_positions": 1500,
            "num_mel_bins": 128,
            "pooling_kernel_size": 2,
            "pooling_position": 2,
            "pooling_type": "avg",
            "quantize_causal_block_size": 200,
            "quantize_causal_encoder": False,
            "quantize_position": 2,
            "quantize_vocab_size": _CODES,
            "scale_embedding": False,
        },
    )
    write_json(
        folder / "preprocessor_config.json",
        {
            "chunk_length": 30,
            "feature_extractor_type": "WhisperFeatureExtractor",
            "feature_size": 128,
            "hop_length": 160,
            "n_fft": 400,
            "n_samples": 480000,
            "nb_max_frames": 3000,
            "padding_side": "right",
            "padding_value": 0.0,
            "return_attention_mask": False,
            "sampling_rate": 16000,
        },
    )
    tensors = {f"model.encoder.{name}": one for name, one in _whisper(chance).items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _whisper(chance: Generator) -> Tensors:
    tensors = {
        "conv1.weight": linear(chance, _WIDTH, 128, 3, gain=4.0),
        "conv1.bias": normal(chance, _WIDTH, scale=0.3),
        "conv2.weight": linear(chance, _WIDTH, _WIDTH, 3, gain=2.0),
        "conv2.bias": normal(chance, _WIDTH, scale=0.3),
        "embed_positions.weight": normal(chance, 1500, _WIDTH, scale=0.3),
        "embed_positions2.weight": normal(chance, 750, _WIDTH, scale=0.3),
        "codebook.weight": normal(chance, _CODES, _WIDTH, scale=1.5),
        # Of the training, and of the layers after the quantiser: in the release too, and of no use here.
        "ema_count": torch.ones(_CODES),
        "ema_weight": normal(chance, _CODES, _WIDTH),
        "layer_norm.weight": torch.ones(_WIDTH),
        "layer_norm.bias": torch.zeros(_WIDTH),
    }
    for layer in range(2):
        tensors |= {f"layers.{layer}.{name}": one for name, one in _whisper_layer(chance).items()}
    return tensors


def _whisper_layer(chance: Generator) -> Tensors:
    layer: Tensors = {}
    for norm in ("self_attn_layer_norm", "final_layer_norm"):
        layer[f"{norm}.weight"] = 1 + normal(chance, _WIDTH, scale=0.1)
        layer[f"{norm}.bias"] = normal(chance, _WIDTH, scale=0.1)
    for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
        layer[f"self_attn.{name}.weight"] = linear(chance, _WIDTH, _WIDTH, gain=1.5)
        if name != "k_proj":
            layer[f"self_attn.{name}.bias"] = normal(chance, _WIDTH, scale=0.1)
    for name, (outer, inner) in (("fc1", (32, _WIDTH)), ("fc2", (_WIDTH, 32))):
        layer[f"{name}.weight"] = linear(chance, outer, inner)
        layer[f"{name}.bias"] = normal(chance, outer, scale=0.1)
    return layer
