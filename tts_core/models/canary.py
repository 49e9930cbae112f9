"""A short sentence spoken by all parts together, twice: do they fit, and is it the same each time?"""

import hashlib
import math
import time
import wave
from array import array
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from tts_core.audio.recording import read_recording
from tts_core.checkpoint import Checkpoint
from tts_core.errors import CheckpointError, SettingError
from tts_core.manner import Manner
from tts_core.parts import Parts, Tables
from tts_core.synthesizer import Synthesizer
from tts_core.voice.making import make_voice
from tts_core.voice.voice import Voice

#: Chinese with a little English, as the model is meant for.
TEXT = "你好，这是一个测试。Hello."
#: Said by nobody: of what the synthetic recording sounds like, a drawn-out vowel comes nearest.
_SAID = "啊啊啊。"

#: Under -60 dB nobody hears anything.
_SILENT = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a checkpoint is tried with.

    Attributes:
        checkpoint: The folder.
        configs: Pronunciation tables; None = those in the folder, if there are any.
        sample_rate_hz: To speak at.
        device: "auto", "cpu" or "cuda:N".
        cache: Where grammars are kept.
        reference: A recording; None = a synthetic one.
        reference_text: What is said in it.
    """

    checkpoint: Checkpoint
    configs: Path | None
    sample_rate_hz: int
    device: str
    cache: Path
    reference: Path | None = None
    reference_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sung:
    """What the canary said.

    Attributes:
        text: It was asked to say.
        seconds: Of audio.
        speech_tokens: That the language model drew.
        sha256: Of the samples as float32.
        loudest: Of them, full scale = 1.0.
        took_s: For one of the two times.
        device: It was spoken on.
        precision: Of language model and flow.
    """

    text: str
    seconds: float
    speech_tokens: int
    sha256: str
    loudest: float
    took_s: float
    device: str
    precision: str


def sing(order: Order) -> Sung:
    """Speak the canary twice.

    Raises:
        TtsError: If it cannot be spoken, is silent or not finite, or comes out otherwise the second time.
    """
    device = _device(order.device)
    voice = _voice(order, device)
    tables = Tables(configs=order.configs, lexicon=None, cache=order.cache)
    precision = "bf16" if device.type == "cuda" else "fp32"
    parts = Parts(order.checkpoint, tables, precision)
    parts.move(device)
    synthesizer = Synthesizer(parts)
    # A recording of nobody may leave the model without an end: at most it drones on to its cap.
    manner = Manner(sample_rate_hz=order.sample_rate_hz, cap_fails=False)
    first = _spoken(synthesizer, voice, manner)
    began_s = time.monotonic()
    samples = _spoken(synthesizer, voice, manner)
    took_s = time.monotonic() - began_s
    if not torch.equal(first, samples):
        raise CheckpointError("the canary comes out otherwise the second time: please report this")
    return Sung(
        text=TEXT,
        seconds=_checked(samples).numel() / order.sample_rate_hz,
        speech_tokens=round(samples.numel() / order.sample_rate_hz * 25),
        sha256=hashlib.sha256(samples.numpy().tobytes()).hexdigest(),
        loudest=float(samples.abs().max()),
        took_s=took_s,
        device=str(device),
        precision=precision,
    )


def _spoken(synthesizer: Synthesizer, voice: Voice, manner: Manner) -> torch.Tensor:
    return torch.cat([piece.samples for piece in synthesizer.speak(TEXT, voice, seed=0, manner=manner)])


def _checked(samples: torch.Tensor) -> torch.Tensor:
    if not bool(torch.isfinite(samples).all()):
        raise CheckpointError("the canary holds numbers that are none: a weight file is damaged")
    if float(samples.abs().max()) < _SILENT:
        raise CheckpointError("the canary is silent: weights are damaged, or of another model")
    return samples


def _device(name: str) -> torch.device:
    if name == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda:0" if name in {"auto", "cuda"} else name)
    if name == "auto":
        return torch.device("cpu")
    raise SettingError(f"{name}: torch finds no CUDA here; say --device cpu, or mend the driver")


def _voice(order: Order, device: torch.device) -> Voice:
    with _reference(order) as (path, text):
        return make_voice(read_recording(path), text, order.checkpoint.folder, device=device)


@contextmanager
def _reference(order: Order) -> Generator[tuple[Path, str]]:
    if order.reference is not None:
        yield order.reference, order.reference_text
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "synthetic.wav"
        _write_hum(path)
        yield path, _SAID


def _write_hum(path: Path) -> None:
    """Write three seconds of a vowel-like hum: a pitch with the harmonics of a voice, rising and falling."""
    rate_hz = 24000
    turns = 0.0
    samples = array("h")
    for at in range(3 * rate_hz):
        at_s = at / rate_hz
        turns += 130 * (1 + 0.1 * math.sin(2.5 * at_s)) / rate_hz
        tone = sum(math.sin(2 * math.pi * n * turns) / n for n in range(1, 9))
        samples.append(int(6000 * tone * math.sin(math.pi * 2 * at_s) ** 2))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())
