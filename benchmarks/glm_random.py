"""A GLM-TTS checkpoint of random weights in the release's layout, at the release's widths or smaller ones.

    python -m benchmarks.glm_random FOLDER [--size tiny|small|full] [--device cpu|cuda]

`full` takes 7.3 GB, written in float32 as the release is. What it says means nothing, but it speaks: the
end comes now and then, some 100 speech tokens after the fewest that a text may have. Ids are the release's;
its tokenizer knows the words of `TEXTS` and single bytes. The 32 kHz vocoder is a stand-in of its size,
since nobody outside knows what the real one is made of. No speech tokenizer, no speaker encoder: voices come
from `random_voice`.
"""

import argparse
import base64
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType] -- a bare PathLike in its types
from torch import Generator, Tensor

from benchmarks.glm_stand_in import write_vocos
from tts_core.flow.config import FlowConfig
from tts_core.flow.dit import Dit
from tts_core.lm.config import LmConfig
from tts_core.lm.llama import Llama
from tts_core.vocoder.generator import Generator as HiftNetwork
from tts_core.vocoder.generator import Widths
from tts_core.voice.voice import Voice

#: As they are in the release.
RANKS, END, BEGIN, FIRST_AUDIO, AUDIO, VOCABULARY = 59246, 59253, 59260, 61498, 32768, 98304
_PAD = "<|endoftext|>"

#: Standard deviation of the scores, and how many of them the end lies above the mean: it is among the 25
#: likeliest of the audio ids in one step of four.
_SPREAD, _END_OVER = 2.5, 2.5

#: How far ids of text lie below: the plain loop could draw one, and its flow would fail.
_TEXT_UNDER = 14.0

TEXTS = (
    "今天天气很好，我们一起去公园走走吧。",
    "The ferry leaves at ten.",
    "夜深了，街上已经没有人，只有雨还在下，一盏一盏的灯沿着码头慢慢熄灭。",
    "好。",
    "It was late, nobody had come, and the rain went on; one by one the lamps along the quay went out.",
    "他把信折好，放进抽屉里，再也没有打开过。",
    "她说 the train 已经走了。",
    "第一章：很久很久以前，海边住着一个老人，他每天早上都要到沙滩上去看日出。",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Widths of one checkpoint.

    Attributes:
        lm: Hidden, inside the feed-forward, layers, query heads, key heads, of one head.
        flow: Width, depth, heads, of one head, of a token, blocks over tokens.
        hift: Channels of the first layer, of the pitch predictor.
        vocos: Channels, blocks.
    """

    lm: tuple[int, int, int, int, int, int]
    flow: tuple[int, int, int, int, int, int]
    hift: tuple[int, int]
    vocos: tuple[int, int]

    @property
    def lm_config(self) -> LmConfig:
        """What `llm/config.json` says."""
        hidden, inner, layers, heads, kv_heads, head_dim = self.lm
        return LmConfig(
            vocab_size=VOCABULARY,
            hidden_size=hidden,
            intermediate_size=inner,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            head_dim=head_dim,
            rms_norm_eps=1e-5,
            rope_theta=10000.0,
            tie_word_embeddings=True,
        )

    @property
    def flow_config(self) -> FlowConfig:
        """What `flow/config.yaml` says."""
        width, depth, heads, head_width, token_width, token_blocks = self.flow
        return FlowConfig(
            width=width,
            depth=depth,
            heads=heads,
            head_width=head_width,
            token_width=token_width,
            token_blocks=token_blocks,
        )


SIZES = {
    "tiny": Size(lm=(64, 128, 2, 4, 2, 16), flow=(64, 2, 2, 32, 32, 2), hift=(32, 32), vocos=(32, 1)),
    "small": Size(lm=(512, 1536, 8, 8, 2, 64), flow=(256, 6, 4, 64, 128, 2), hift=(128, 128), vocos=(128, 4)),
    "full": Size(
        lm=(2048, 6144, 28, 16, 4, 128), flow=(768, 18, 12, 64, 512, 4), hift=(512, 512), vocos=(512, 8)
    ),
}


def write_random_checkpoint(folder: Path, size: Size, *, device: torch.device) -> Path:
    """Write what `Parts` loads; the same size on the same device gives the same weights."""
    for part in ("llm", "flow", "hift", "vocos2d", "vq32k-phoneme-tokenizer"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    chance = Generator(device).manual_seed(0)
    _write_lm(folder / "llm", size.lm_config, chance)
    _write_flow(folder / "flow", size.flow_config, chance)
    torch.save(_hift(size, chance), folder / "hift" / "hift.pt")
    write_vocos(folder / "vocos2d" / "generator_jit.ckpt", *size.vocos)
    _write_tokenizer(folder / "vq32k-phoneme-tokenizer")
    return folder


def random_voice(text: str = "今天天气很好。", *, seconds: float = 5.48) -> Voice:
    """Return a voice whose parts are random numbers, as long as those of such a recording."""
    chance = Generator().manual_seed(1)
    tokens, frames = int(seconds * 25), int(seconds * 50) - 1
    mel = torch.randn(1, frames, 80, generator=chance) * 2 - 5
    return Voice(
        name="random",
        text=text,
        speech=torch.randint(0, AUDIO, (1, tokens), generator=chance, dtype=torch.int32),
        mels={24_000: mel, 32_000: mel + math.log(32 / 24)},
        embedding=torch.randn(1, 192, generator=chance),
        recording_sha256="0" * 64,
        checkpoint_id="",
    )


# ------------------------------------------------------------------ the language model


def _write_lm(folder: Path, config: LmConfig, chance: Generator) -> None:
    with torch.device("meta"):
        shapes = {name: tuple(one.shape) for name, one in Llama(config).state_dict().items()}
    halves = _in_two(sorted(shapes))
    places: dict[str, str] = {}
    for at, names in enumerate(halves, start=1):
        file = f"model-0000{at}-of-00002.safetensors"
        save_file(
            {name: _lm_tensor(name, shapes[name], config, chance) for name in names},
            folder / file,
            metadata={"format": "pt"},
        )
        places |= dict.fromkeys(names, file)
    sizes = sum(4 * math.prod(shape) for shape in shapes.values())
    _write_json(
        folder / "model.safetensors.index.json", {"metadata": {"total_size": sizes}, "weight_map": places}
    )
    fields = {name: getattr(config, name) for name in config.__struct_fields__}
    _write_json(
        folder / "config.json", {"model_type": "llama", "hidden_act": "silu", **fields, "dtype": "float32"}
    )


def _in_two(names: list[str]) -> tuple[list[str], list[str]]:
    middle = len(names) // 2
    return names[:middle], names[middle:]


def _lm_tensor(name: str, shape: tuple[int, ...], config: LmConfig, chance: Generator) -> Tensor:
    """Return one tensor of a Llama whose first dimension is a constant wherever something is drawn.

    No layer writes to it; there the rows of the head say how likely they are whatever the context.
    """
    row_scale = _SPREAD * config.hidden_size**-0.5
    if name == "model.norm.weight":
        found = torch.ones(shape)
        found[2::2] = -1.0  # turned about, so that a token is not its own likeliest successor
    elif len(shape) == 1:
        found = torch.ones(shape)
    elif name.endswith("embed_tokens.weight"):
        found = _normal(shape, row_scale, chance)
        found[:, 0] = row_scale - _TEXT_UNDER
        found[FIRST_AUDIO : FIRST_AUDIO + AUDIO, 0] = found[BEGIN, 0] = row_scale
        found[END, 0] = row_scale + _END_OVER * _SPREAD
    else:
        adds = name.endswith(("o_proj.weight", "down_proj.weight"))
        found = _normal(shape, (0.3 * row_scale if adds else 1.0) * shape[1] ** -0.5, chance)
        if adds:
            found[0] = 0.0
    return found.cpu()


# ------------------------------------------------------------------ the flow and the vocoders


def _write_flow(folder: Path, config: FlowConfig, chance: Generator) -> None:
    with torch.device("meta"):
        shapes = {name: tuple(one.shape) for name, one in Dit(config).state_dict().items()}
    # The file has rows that no speech token can reach.
    shapes["estimator.text_emb_layer.text_embed.weight"] = (config.vocabulary + 1, config.token_width)
    tensors = {name: _flow_tensor(name, shape, chance) for name, shape in shapes.items()}
    half = config.head_width
    tensors["estimator.rotary_embed.inv_freq"] = 10000 ** (-torch.arange(0, half, 2).float() / half)
    torch.save({"model": tensors}, folder / "flow.pt")
    lines = {
        "trans_dim": config.width,
        "depth": config.depth,
        "heads": config.heads,
        "dim_head": config.head_width,
        "speech_token_dim": config.token_width,
        "conv_layers": config.token_blocks,
        "mel_dim": config.mel_bins,
        "mel_framerate": 50,
        "input_frame_rate": 25,
        "spkr_emb_adaLN": "true",
        "speech_token_cfg": "false",
        "remove_spkr_concat_condition": "true",
    }
    text = "flow: !new:flow.flow.Flow\n" + "".join(f"  {key}: {value}\n" for key, value in lines.items())
    (folder / "config.yaml").write_text(text, "utf-8")


def _flow_tensor(name: str, shape: tuple[int, ...], chance: Generator) -> Tensor:
    if name.endswith(".norm.weight"):
        return torch.ones(shape)
    if len(shape) == 1 or "grn" in name:
        return _normal(shape, 0.1, chance).cpu()
    return _normal(shape, math.prod(shape[1:]) ** -0.5, chance).cpu()


def _hift(size: Size, chance: Generator) -> dict[str, Tensor]:
    channels, pitch_channels = size.hift
    with torch.device("meta"):
        network = HiftNetwork(Widths(channels=channels, pitch_channels=pitch_channels))
    found = {name: _hift_tensor(name, tuple(one.shape), chance) for name, one in network.state_dict().items()}
    found["f0_predictor.classifier.bias"].fill_(160.0)  # voiced, whatever the spectrogram
    return found


def _hift_tensor(name: str, shape: tuple[int, ...], chance: Generator) -> Tensor:
    if name.endswith(("original0", "alpha")):
        return torch.full(shape, 0.5 if name.endswith("original0") else 1.0)
    scale = 0.1 if len(shape) == 1 else math.prod(shape[1:]) ** -0.5
    return _normal(shape, scale, chance).cpu()


# ------------------------------------------------------------------ the tokenizer


def _write_tokenizer(folder: Path) -> None:
    ranks = [bytes([at]) for at in range(256)]
    ranks += sorted({*_beginnings(TEXTS)}, key=lambda one: (len(one), one))
    ranks += [f"<|UNUSED_pad_{at}|>".encode() for at in range(RANKS - len(ranks))]
    lines = (base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(ranks))
    (folder / "tokenizer.model").write_bytes(b"".join(lines))
    added = {RANKS: _PAD, END: "<|user|>", BEGIN: "<|begin_of_audio|>"}
    added |= {FIRST_AUDIO + at: f"<|audio_{at}|>" for at in range(AUDIO)}
    decoder = {str(at): {"content": text, "special": True} for at, text in added.items()}
    _write_json(folder / "tokenizer_config.json", {"added_tokens_decoder": decoder})


def _beginnings(texts: Iterable[str]) -> Iterable[bytes]:
    """Yield all that bytes are merged into on the way to whole words and characters."""
    for text in texts:
        for word in text.lower().split():
            wholes = [word, " " + word] if word.isascii() else list(word)
            for whole in wholes:
                encoded = whole.encode()
                yield from (encoded[:end] for end in range(2, len(encoded) + 1))


# ------------------------------------------------------------------ small things


def _normal(shape: tuple[int, ...], scale: float, chance: Generator) -> Tensor:
    return torch.empty(shape, device=chance.device).normal_(0.0, scale, generator=chance)


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content), "utf-8")


def main() -> None:
    """Write a checkpoint."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--device", default="cpu")
    told = parser.parse_args()
    write_random_checkpoint(told.folder, SIZES[told.size], device=torch.device(told.device))


if __name__ == "__main__":
    main()
