"""A whole GLM-TTS checkpoint of random weights, in the release's layout, in under three seconds.

Random weights hide faults where a gain is zero, attention is flat or nothing is voiced; these have none
of that. The language model is built so that it speaks: text ids have no mass worth naming, audio ids differ
by context, and the end comes within the lengths that a text may have. What it says means nothing.
"""

import base64
import json
import math
import wave
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Generator

from tests.tts_core.small_draw import normal, write_json
from tests.tts_core.small_flow import write_flow
from tests.tts_core.small_lm import write_llm
from tests.tts_core.small_onnx import speaker_encoder
from tests.tts_core.small_speech_tokenizer import write_speech_tokenizer
from tests.tts_core.small_vocoders import write_hift, write_vocos

_AUDIO = 32768
_BYTES = 256

#: What stands between the ranks and the phonemes, in the order of GLM's tokenizers.
_SPECIALS = (
    "<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>",
    "<|assistant|>", "<|observation|>", "<|begin_of_image|>", "<|end_of_image|>", "<|begin_of_video|>",
    "<|end_of_video|>", "<|begin_of_audio|>", "<|end_of_audio|>",
)  # fmt: skip

_INITIALS = "B P M F D T N L G K H J Q X ZH CH SH R Z C S"
_FINALS = (
    "A AI AN ANG AO E EI EN ENG ER I II III IA IAN IANG IAO IE IN ING IONG IOU O ONG OU "
    "U UA UAI UAN UANG UEI UEN UENG UO V VAN VE VN"
)
PHONEMES = [*_INITIALS.split(), *(f"{final}{tone}" for final in _FINALS.split() for tone in range(1, 6))]

#: Every string that is one id, in the order of the ids, from 256.
ADDED = [*_SPECIALS, *(f"<|{one}|>" for one in PHONEMES), *(f"<|audio_{n}|>" for n in range(_AUDIO))]


def id_of(special: str) -> int:
    """Return the id of a special string of the small tokenizer."""
    return _BYTES + ADDED.index(special)


def make_small_checkpoint(folder: Path, *, seed: int = 0) -> Path:
    """Write a checkpoint of about 13 MB; the same seed writes the same weights.

    Args:
        folder: Made if it is not there.
        seed: Of all weights.

    Returns:
        The folder.
    """
    chance = Generator().manual_seed(seed)
    for part in ("llm", "speech_tokenizer", "flow", "hift", "vocos2d", "vq32k-phoneme-tokenizer", "frontend"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    write_llm(folder / "llm", chance, first_audio=id_of("<|audio_0|>"), end=id_of("<|user|>"))
    write_speech_tokenizer(folder / "speech_tokenizer", chance)
    write_flow(folder / "flow", chance)
    write_hift(folder / "hift" / "hift.pt", chance)
    write_vocos(folder / "vocos2d" / "generator_jit.ckpt", chance)
    _write_tokenizer(folder / "vq32k-phoneme-tokenizer")
    matrix = normal(chance, 80, 192, scale=0.1)
    (folder / "frontend" / "campplus.onnx").write_bytes(speaker_encoder(matrix.flatten().tolist()))
    return folder


def make_small_configs(folder: Path) -> Path:
    """Write pronunciation tables of our own, in the formats of the model's."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "G2P_able_1word.json", list("我你他是的了在一二三人大小"))
    write_json(folder / "G2P_all_phonemes.json", {str(at): one for at, one in enumerate(PHONEMES)})
    _write_lines(
        folder / "G2P_replace_dict.jsonl",
        [{"重庆": "<|CH|><|ONG2|><|Q|><|ING4|>"}, {"庆": "<|Q|><|ING4|>"}],
    )
    _write_lines(
        folder / "custom_replace.jsonl", [{"origin": "嗳", "new": "哎"}, {"origin": "噢", "new": "哦"}]
    )
    return folder


def write_recording(path: Path, *, seed: int, seconds: float = 4.0, rate_hz: int = 24000) -> Path:
    """Write a mono recording that is voiced like speech: harmonics of a wandering pitch, in syllables."""
    chance = Generator().manual_seed(seed)
    at_s = torch.arange(int(seconds * rate_hz), dtype=torch.float64) / rate_hz
    pitch_hz = (110 + 25 * seed % 120) * (1 + 0.15 * torch.sin(2.1 * at_s + seed))
    turns = torch.cumsum(pitch_hz / rate_hz, dim=0)
    tone = sum((torch.sin(2 * math.pi * n * turns) / n for n in range(1, 12)), torch.zeros_like(at_s))
    syllables = torch.sin(math.pi * 4 * at_s).square() * 0.2
    noise = torch.randn(len(at_s), generator=chance, dtype=torch.float64) * 0.003
    samples = (torch.clamp(tone * syllables + noise, -0.99, 0.99) * 32767).to(torch.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(array("h", samples.tolist()).tobytes())
    return path


def _write_tokenizer(folder: Path) -> None:
    """Write ranks that know single bytes only, so that every text can be said."""
    ranks = (base64.b64encode(bytes([at])) + b" %d\n" % at for at in range(_BYTES))
    (folder / "tokenizer.model").write_bytes(b"".join(ranks))
    added = {str(_BYTES + at): {"content": one, "special": True} for at, one in enumerate(ADDED)}
    write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "ChatGLM4Tokenizer", "added_tokens_decoder": added},
    )


def _write_lines(path: Path, lines: Sequence[Mapping[str, str]]) -> None:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
