"""Each part of a checkpoint by itself: loaded, compared with what it says of itself, and dropped.

What is known of the release at second hand is compared as well, and told where it differs; that is no
fault: the files are right, and what was heard of them may not be.
"""

import re
from pathlib import Path

import torch

from tts_core.checkpoint import Checkpoint
from tts_core.errors import CheckpointError
from tts_core.flow.config import FlowConfig
from tts_core.flow.loading import load_flow
from tts_core.lm.config import LmConfig
from tts_core.lm.loading import load_llama, weight_files
from tts_core.models.progress import size
from tts_core.text.phonemes import Phonemes
from tts_core.text.tokenizer import Specials, Tokenizer
from tts_core.vocoder.hift import load_hift
from tts_core.vocoder.vocos import load_vocos
from tts_core.voice.speaker import SpeakerEncoder
from tts_core.voice.speech_config import SpeechTokenizerConfig
from tts_core.voice.speech_tokenizer import load_speech_tokenizer
from tts_core.weights import held_bytes

_CPU = torch.device("cpu")

#: Of the release, as others have written.
_HEARD = Specials(end_of_audio=59253, begin_of_audio=59260, first_audio=61498, audio_count=32768, pad=59246)
_HEARD_WIDTHS = (2048, 28, 98304)

_HIFT_HZ = 24000

#: Strings that are one id each wherever phonemes are used.
_SOUNDS = ("<|ZH|>", "<|CH|>", "<|A1|>", "<|ONG2|>", "<|V4|>", "<|III4|>")


class Fault(CheckpointError):
    """A part that is not what the others need; the message says what and what to do."""


class Looking:
    """Looks at the parts of a checkpoint; what more than one needs is opened once."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._tokenizer: Tokenizer | None = None

    def tokenizer(self) -> str:
        """Look at the ids of all special strings.

        Raises:
            CheckpointError: If one is not one id, or speech tokens have gaps.
        """
        opened = self._tokenizer = Tokenizer.open(self._checkpoint.tokenizer)
        special = opened.specials
        split = [sound for sound in _SOUNDS if not self._is_one_id(sound)]
        if split:
            raise Fault(
                f"{self._checkpoint.tokenizer}: {', '.join(split)} are not one id each, as phonemes must be"
            )
        heard = "as" if special == _HEARD else f"where {_ids(_HEARD)} was"
        sample = len(opened.encode("你好，世界。Hello, world!"))
        pattern = "its own split pattern" if opened.pattern_seen else "the split pattern of its family"
        return f"{_ids(special)}, {heard} heard of the release; a sample text is {sample} ids; {pattern}"

    def language_model(self) -> str:
        """Look at the language model's tensors, and whether it knows the tokenizer's ids.

        Raises:
            CheckpointError: If a tensor is missing, unexpected or of another shape, or an id has no row.
        """
        config = LmConfig.read(self._checkpoint.llm)
        model = load_llama(self._checkpoint.llm, device=_CPU, dtype=torch.float32)
        highest = self._highest_id()
        if highest >= config.vocab_size:
            raise Fault(
                f"{self._checkpoint.llm}: has {config.vocab_size} rows, and the tokenizer's ids go to "
                f"{highest}: they are not of one model; download both again"
            )
        widths = (config.hidden_size, config.num_hidden_layers, config.vocab_size)
        same = "as" if widths == _HEARD_WIDTHS else "other than"
        return (
            f"{widths[1]} layers, {widths[0]} wide, {widths[2]} ids ({same} heard of the release); "
            f"{_used(weight_files(self._checkpoint.llm), held_bytes([model]))}"
        )

    def speech_tokenizer(self) -> str:
        """Look at the speech tokenizer's tensors, and whether its codes are the tokenizer's audio ids.

        Raises:
            CheckpointError: If a tensor is missing or of another shape, or there are more codes or fewer.
        """
        config = SpeechTokenizerConfig.read(self._checkpoint.speech_tokenizer)
        model = load_speech_tokenizer(self._checkpoint.speech_tokenizer, device=_CPU)
        codes = model.codebook.weight.shape[0]
        audio = codes if self._tokenizer is None else self._tokenizer.specials.audio_count
        if codes != audio:
            folder = self._checkpoint.speech_tokenizer
            raise Fault(f"{folder}: has {codes} codes, and the text tokenizer {audio} audio ids")
        paths = sorted(self._checkpoint.speech_tokenizer.glob("model*.safetensors"))
        return f"{codes} codes, {config.d_model} wide; {_used(paths, held_bytes([model]))}"

    def speaker(self) -> str:
        """Have the speaker encoder embed noise.

        Raises:
            CheckpointError: If it cannot be opened, or what comes is no embedding.
        """
        noise = torch.randn(1, 16000, generator=torch.Generator().manual_seed(0)) * 0.1
        found = SpeakerEncoder(self._checkpoint.campplus).embedding(noise, 16000)
        if found.shape != (1, 192) or not bool(torch.isfinite(found).all()):
            path = self._checkpoint.campplus
            raise Fault(f"{path}: made {tuple(found.shape)} of noise, where 192 numbers are wanted")
        return f"192 numbers of length {float(found.norm()):.2f} for noise"

    def flow(self) -> str:
        """Look at the flow model's tensors against its configuration.

        Raises:
            CheckpointError: If a tensor or a key is missing, unexpected, or of another shape.
        """
        config = FlowConfig.read(self._checkpoint.flow)
        loaded = load_flow(self._checkpoint.flow, device=_CPU)
        shape = f"{config.depth} blocks, {config.width} wide"
        return f"{shape}; {_used([self._checkpoint.flow / 'flow.pt'], loaded.held_bytes)}"

    def vocoder(self, rate_hz: int) -> str:
        """Have a vocoder turn half a second of noise into samples.

        Raises:
            CheckpointError: If it cannot be loaded, or what comes is not audio of the right length.
        """
        hift = rate_hz == _HIFT_HZ
        path = self._checkpoint.hift if hift else self._checkpoint.vocos
        loaded = load_hift(path, device=_CPU) if hift else load_vocos(path, device=_CPU)
        generator = torch.Generator().manual_seed(0)
        wave = loaded.wave(torch.randn(1, 80, 25, generator=generator) - 4, generator=generator)
        if wave.shape != (1, rate_hz // 2) or not bool(torch.isfinite(wave).all()):
            wanted = f"(1, {rate_hz // 2}) finite ones are wanted"
            raise Fault(f"{path}: 25 frames became {tuple(wave.shape)} samples, where {wanted}")
        return f"25 frames make {wave.shape[1]} samples; {_used([path], loaded.held_bytes)}"

    def tables(self, configs: Path | None) -> str:
        """Read the pronunciation tables, and spell a word by them in ids that the tokenizer has.

        Raises:
            CheckpointError: If a table is missing or damaged, or of another tokenizer.
        """
        folder = configs or self._checkpoint.folder / "configs"
        if configs is None and not folder.is_dir():
            return "none are here: phonemes cannot be used (engine.glm.configs)"
        spelled = Phonemes(folder, None).of("重庆重新开始")
        sounds = re.findall(r"<\|\w+\|>", spelled)
        strange = [] if self._tokenizer is None else [one for one in sounds if not self._is_one_id(one)]
        if strange or not sounds:
            raise Fault(f"{folder}: 重庆重新开始 becomes {spelled}, which is not in the tokenizer's sounds")
        return f"{folder}: 重庆重新开始 becomes {spelled}"

    def _is_one_id(self, text: str) -> bool:
        return self._tokenizer is None or len(self._tokenizer.encode(text)) == 1

    def _highest_id(self) -> int:
        if self._tokenizer is None:
            return 0  # told already: the tokenizer could not be opened
        ids = self._tokenizer.specials
        return max(ids.first_audio + ids.audio_count - 1, ids.end_of_audio, ids.begin_of_audio)


def _ids(special: Specials) -> str:
    last = special.first_audio + special.audio_count - 1
    return (
        f"end {special.end_of_audio}, begin {special.begin_of_audio}, audio {special.first_audio} to {last}, "
        f"pad {special.pad}"
    )


def _used(paths: list[Path], held: int) -> str:
    there = sum(path.stat().st_size for path in paths)
    return f"{size(held)} used of {size(there)}"
