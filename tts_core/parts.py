"""The stages of a checkpoint, loaded once; what is only needed now and then, when it is.

`Parts.open` can be called on the CPU in a process that others are forked from: nothing is copied there but
what is converted, no thread is left, and `move` puts the weights onto a card afterwards, in the fork.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import torch
from torch import Tensor

from tts_core.bounds import bound_libraries
from tts_core.checkpoint import Checkpoint
from tts_core.errors import SettingError
from tts_core.flow.loading import load_flow
from tts_core.lm.cache import KvCache
from tts_core.lm.generation import Prompt, prepare
from tts_core.lm.loading import load_llama
from tts_core.lm.rows import AudioIds
from tts_core.text.frontend import TextFrontEnd
from tts_core.text.phonemes import Phonemes
from tts_core.text.tokenizer import Tokenizer
from tts_core.vocoder.hift import load_hift
from tts_core.vocoder.vocos import load_vocos
from tts_core.voice.voice import Voice

Precision = Literal["fp32", "bf16"]

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}

HIFT_HZ = 24_000

#: Positions of the key-value cache: 30 s of reference recording or the most of a history (1000 with their
#: text), and 98 tokens of text with all that they may take. 168 MiB in bfloat16 at the release's widths.
CAPACITY_TOKENS = 3072


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What belongs to the text alone.

    Attributes:
        configs: The folder of the model's pronunciation tables; None = there is none.
        lexicon: A user's own pronunciations, in the format of `G2P_replace_dict.jsonl`.
        cache: Where grammars are kept that took long to build.
        only_known: Whether a character whose sound the model does not know stays as it is; the model's own
            code writes a sound that it has no id for.
    """

    configs: Path | None
    lexicon: Path | None
    cache: Path
    only_known: bool = True


class Vocoder(Protocol):
    """Mel in, samples out."""

    def pieces(self, mel: Tensor, *, generator: torch.Generator) -> Iterator[Tensor]:
        """Yield float32 [N] as it is made, from float32 [1, 80, T]."""
        ...

    def wave(self, mel: Tensor, *, generator: torch.Generator) -> Tensor:
        """Return float32 [1, N]: all of it."""
        ...


class Parts:
    """The stages of one checkpoint.

    Attributes:
        checkpoint: The folder.
        device: Where language model, flow and vocoders compute.
        tokenizer: Text to ids.
        lm: The language model.
        flow: Speech tokens to mel.
        audio_ids: What of the language model's ids is speech.
        precision: Of language model and flow.
    """

    def __init__(self, checkpoint: Checkpoint, tables: Tables | None, precision: Precision) -> None:
        """Load text parts, language model and flow on the CPU, in the type that they are to have.

        Args:
            checkpoint: The folder.
            tables: What belongs to the text; None = ids are given instead of texts, and the libraries that
                normalise are not needed.
            precision: Of language model and flow.

        Raises:
            CheckpointError: If a file is missing, damaged, or of another model.
            SettingError: If a library is missing.
        """
        bound_libraries()
        self.checkpoint = checkpoint
        self.device = torch.device("cpu")
        self._front = None if tables is None else TextFrontEnd(configs=tables.configs, cache=tables.cache)
        self.tokenizer = Tokenizer.open(checkpoint.tokenizer)
        specials = self.tokenizer.specials
        self.audio_ids = AudioIds(
            end=specials.end_of_audio,
            begin=specials.begin_of_audio,
            first=specials.first_audio,
            count=specials.audio_count,
        )
        self.precision: Precision = precision
        self._tables = tables
        self._type = _TYPES[precision]
        self.lm = load_llama(checkpoint.llm, device=self.device, dtype=self._type)
        self.flow = load_flow(checkpoint.flow, device=self.device, dtype=self._type)
        self._vocoders: dict[int, Vocoder] = {}
        self._cache: KvCache | None = None
        self._phonemes: Phonemes | None = None
        self._prompt: tuple[Voice, Prompt] | None = None

    def move(self, device: torch.device) -> None:
        """Put language model and flow where they are to compute."""
        if device != self.device:
            self.device = device
            self.lm.join(device, self._type)
            self.flow.move(device)
            self._vocoders.clear()  # small: read again, to where they are wanted

    @property
    def front(self) -> TextFrontEnd:
        """What normalises text.

        Raises:
            SettingError: If these parts were opened without it.
        """
        if self._front is None:
            raise SettingError("these parts were opened for ids alone: give `Tables` to have texts spoken")
        return self._front

    # ------------------------------------------------------------------ what is loaded when it is needed

    def vocoder(self, sample_rate_hz: int) -> Vocoder:
        """Return the vocoder of a rate, in float32; both may be held at once."""
        if sample_rate_hz not in self._vocoders:
            hift, vocos = self.checkpoint.hift, self.checkpoint.vocos
            is_hift = sample_rate_hz == HIFT_HZ
            loaded = load_hift(hift, device=self.device) if is_hift else load_vocos(vocos, device=self.device)
            self._vocoders[sample_rate_hz] = loaded
        return self._vocoders[sample_rate_hz]

    def cache(self, positions: int) -> KvCache:
        """Return the one key-value cache, made at its first use; a passing one for a cut that needs more."""
        if positions > CAPACITY_TOKENS:
            return KvCache(self.lm.config, positions, device=self.device, dtype=self._type, captured=False)
        if self._cache is None:
            self._cache = KvCache(self.lm.config, CAPACITY_TOKENS, device=self.device, dtype=self._type)
        return self._cache

    def get_ready(self) -> None:
        """Do now what a first utterance would wait for: on a card, room for keys and values, and steps."""
        if self.device.type == "cuda":
            prepare(self.lm, self.cache(1), self.audio_ids)

    def cache_bytes(self) -> int:
        """Return what the key-value cache holds now."""
        return 0 if self._cache is None else self._cache.held_bytes

    def phonemes(self, *, wanted: bool) -> Callable[[str], str]:
        """Return what spells a text: the tables' phonemes, or, where they are not wanted, the text as it is.

        Raises:
            SettingError: If they are wanted and there are no tables.
        """
        if not wanted:
            return _as_it_is
        tables = self._tables
        if tables is None or tables.configs is None:
            raise SettingError(
                "phonemes need the model's pronunciation tables: name the folder that has "
                "G2P_replace_dict.jsonl (engine.glm.configs; `tts-supervisor models get glm-tts` fetches it)"
            )
        if self._phonemes is None:
            self._phonemes = Phonemes(tables.configs, tables.lexicon, only_known=tables.only_known)
        return self._phonemes.of

    def prompt_of(self, voice: Voice) -> Prompt:
        """Return what the language model is told of a voice: its text, and its speech tokens."""
        if self._prompt is None or self._prompt[0] is not voice:  # most utterances have the voice of the last
            text = (*self.tokenizer.encode(self.front.normalise(voice.text) + " "),) if voice.text else ()
            self._prompt = voice, Prompt(text=text, speech=tuple(voice.speech[0].tolist()))
        return self._prompt[1]


def _as_it_is(text: str) -> str:
    return text
