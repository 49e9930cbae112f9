"""What tests of whole utterances share: a loaded small model, its voices, and how audio is compared."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from tts_core.audio.recording import read_recording
from tts_core.checkpoint import Checkpoint
from tts_core.lm.history import History
from tts_core.manner import Manner
from tts_core.parts import Parts, Tables
from tts_core.synthesizer import Synthesizer
from tts_core.voice.making import make_voice
from tts_core.voice.voice import Voice

PLAIN = Manner()
WIDE = Manner(sample_rate_hz=32_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A small model that is ready to speak, and two voices."""

    checkpoint: Path
    configs: Path
    cache: Path
    synthesizer: Synthesizer
    voices: tuple[Voice, Voice]

    def again(self) -> Synthesizer:
        """The same model, loaded anew."""
        return Synthesizer(parts(self.checkpoint, self.configs, self.cache))


def parts(checkpoint: Path, configs: Path | None, cache: Path) -> Parts:
    return Parts(Checkpoint(checkpoint), Tables(configs=configs, lexicon=None, cache=cache), "fp32")


def voice_of(checkpoint: Path, recording: Path, text: str) -> Voice:
    return make_voice(read_recording(recording), text, checkpoint, device=torch.device("cpu"))


def said(  # noqa: PLR0913 -- all that an utterance depends on
    synthesizer: Synthesizer,
    text: str,
    voice: Voice,
    manner: Manner,
    *,
    seed: int,
    past: History | None = None,
) -> Tensor:
    """All of an utterance in one piece: float32 [N]."""
    pieces = synthesizer.speak(text, voice, seed=seed, manner=manner, past=past)
    return torch.cat([piece.samples for piece in pieces])


def digest(samples: Tensor | Iterable[Tensor]) -> str:
    whole = samples if isinstance(samples, Tensor) else torch.cat(list(samples))
    return hashlib.sha256(whole.numpy().tobytes()).hexdigest()
