"""The engine GLM-TTS: the one door of this package to torch and to `tts_core`.

A template loads the model on the CPU; each fork moves it onto the card, if there is one. Without a
recording there is no voice: the released model has none of its own.
"""

import contextlib
import sys
from collections import OrderedDict
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch

from child.engine import (
    Audio,
    BadInput,
    EngineError,
    EngineFacts,
    OutOfMemory,
    SettingsError,
    Utterance,
    VoiceNotFound,
)
from child.glm_settings import GlmSettings, cache_folder, of_line, read_settings
from child.torch_vitals import TorchMemory
from supervisor.wire.messages import Reference, Setting, Vitals, Voice
from tts_core import errors
from tts_core.audio.recording import read_recording
from tts_core.checkpoint import Checkpoint
from tts_core.lm.history import History
from tts_core.manner import Manner
from tts_core.parts import Parts, Tables
from tts_core.synthesizer import Synthesizer
from tts_core.voice import voice as cloned
from tts_core.voice.making import voice_from
from tts_core.voice.store import VoiceStore

#: Raised whenever the same utterance would sound otherwise with the same weights.
REVISION = 1

#: Voices kept at hand; each is some hundred kB.
_VOICES_KEPT = 16

#: The 24 kHz vocoder keeps within this by itself; the 32 kHz one does not, and 16 bits would cut it off.
_LOUDEST = 0.99

_CANARY = "准备好了。"
_CANARY_TOKENS = 40

_NOTHING = np.zeros(0, np.float32)


class GlmEngine:
    """See the module."""

    def __init__(self) -> None:
        self._raw: dict[str, Setting] = {}
        self._parts: Parts | None = None
        self._synthesizer: Synthesizer | None = None
        self._memory = TorchMemory("cpu")
        self._voices: OrderedDict[tuple[str, str], cloned.Voice] = OrderedDict()
        self._past = b""
        self._has_voice = False

    # ------------------------------------------------------------------ before a child is there

    def weight_files(self, settings: Mapping[str, Setting]) -> list[str]:
        """Return the files that a start reads."""
        return [str(path.absolute()) for path in _weights(read_settings(settings))]

    def prepare(self, settings: Mapping[str, Setting], *, device: str) -> None:
        """Load everything on the CPU, in a process that children are forked from: one thread, no CUDA."""
        torch.set_num_threads(1)
        with _as_engine_errors():
            self._open(read_settings(settings), on_card=_may_be_card(device))

    def prepare_reference(self, reference: Reference, settings: Mapping[str, Setting]) -> None:
        """Compute what is taken of a recording and keep it, before the model is on the card."""
        self._raw = dict(settings)
        with _as_engine_errors():
            self._voice(reference, read_settings(settings))
        self._has_voice = True

    # ------------------------------------------------------------------ the engine's protocol

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        """Load what the template has not, put it where it is to compute, and try it."""
        self._raw = dict(settings)
        chosen = read_settings(settings)
        where = _device_for(device)
        if where.type == "cpu":
            torch.set_num_threads(chosen.threads)
        with _as_engine_errors():
            parts = self._open(chosen, on_card=where.type == "cuda")
            parts.move(where)
            self._memory = TorchMemory(str(where))
            self._memory.declared.add("voices", self._voices_bytes)
            self._memory.declared.add("keys and values", parts.cache_bytes)
            self._synthesizer = Synthesizer(parts)
        return EngineFacts(
            name="glm",
            version=f"{REVISION}-{torch.__version__}",
            sample_rate_hz=chosen.sample_rate_hz,
            voice=voice or "",
            clones=True,
            uses_device=where.type == "cuda",
            pace_s_per_char=None,
            canary_text=_CANARY if self._has_voice else "",
        )

    def synthesize(self, utterance: Utterance) -> Iterator[Audio]:
        """Yield the audio of one utterance as it comes."""
        self._past = b""
        with _as_engine_errors():
            chosen = of_line(self._raw, utterance.settings)
            voice = self._voice_of(utterance, chosen)
            self._memory.segment_begins()
            yield Audio(samples=_NOTHING, sample_rate_hz=chosen.sample_rate_hz)
            yield from self._speak(utterance, voice, chosen)

    def past(self) -> bytes:
        """Return the history as the last utterance left it; empty where the table asks for none."""
        return self._past

    def voices(self) -> list[Voice]:
        """Return none: the model speaks in the voices of recordings alone."""
        return []

    def vitals(self) -> Vitals:
        """Return what it holds now."""
        return self._memory.vitals()

    def release_caches(self) -> None:
        """Give back what torch holds in reserve, and the voices: they lie on disk."""
        self._voices.clear()
        self._memory.release()

    # ------------------------------------------------------------------ within

    def _open(self, chosen: GlmSettings, *, on_card: bool) -> Parts:
        precision = chosen.precision or ("bf16" if on_card else "fp32")
        if self._parts is None or self._parts.precision != precision:  # the template may have expected a card
            tables = Tables(configs=chosen.configs, lexicon=chosen.lexicon, cache=cache_folder() / "grammars")
            self._parts = Parts(Checkpoint(chosen.checkpoint), tables, precision)
            self._parts.vocoder(chosen.sample_rate_hz)
        return self._parts

    def _speak(self, utterance: Utterance, voice: cloned.Voice, chosen: GlmSettings) -> Iterator[Audio]:
        synthesizer = self._synthesizer
        assert synthesizer is not None, "load comes first"
        manner = Manner(
            sample_rate_hz=chosen.sample_rate_hz,
            kv_cache=chosen.kv_cache,
            phonemes=chosen.phonemes,
            # That it speaks is what a canary is for, and soon: not that it comes to an end.
            most_tokens=_CANARY_TOKENS if utterance.text == _CANARY else None,
        )
        past = _past(utterance) if chosen.history else None
        pieces = synthesizer.speak(utterance.text, voice, seed=utterance.seed, manner=manner, past=past)
        for piece in pieces:
            samples = piece.samples.clamp(-_LOUDEST, _LOUDEST).numpy()
            yield Audio(samples=samples, sample_rate_hz=piece.sample_rate_hz)
        if chosen.history:
            self._past = synthesizer.past.to_bytes()

    def _voice_of(self, utterance: Utterance, chosen: GlmSettings) -> cloned.Voice:
        if utterance.reference is not None:
            return self._voice(utterance.reference, chosen)
        named = "" if utterance.voice is None else f" named {utterance.voice!r}"
        raise VoiceNotFound(
            f"GLM-TTS has no voice{named}: it speaks as a recording does. Keep one with `tts-supervisor "
            "voices add NAME --reference WAV --text TEXT` and say --voice NAME, or give --reference and "
            "--reference-text"
        )

    def _voice(self, reference: Reference, chosen: GlmSettings) -> cloned.Voice:
        recording = read_recording(Path(reference.path))
        key = (recording.sha256, reference.text)
        if key not in self._voices:
            checkpoint = Checkpoint(chosen.checkpoint)
            self._voices[key] = voice_from(
                VoiceStore(cache_folder() / "voices"),
                recording,
                reference.text,
                chosen.checkpoint,
                device=torch.device("cpu"),
                checkpoint_id=checkpoint.voice_identity(),
            )
            while len(self._voices) > _VOICES_KEPT:
                self._voices.popitem(last=False)
        self._voices.move_to_end(key)
        return self._voices[key]

    def _voices_bytes(self) -> int:
        return sum(voice.held_bytes for voice in self._voices.values())


def _past(utterance: Utterance) -> History:
    return History.from_bytes(utterance.past) if utterance.past else History()


@contextlib.contextmanager
def _as_engine_errors() -> Generator[None]:
    """Turn what `tts_core` raises into the words of the engines' protocol."""
    try:
        yield
    except errors.OutOfMemory as error:
        raise OutOfMemory(str(error)) from None
    except errors.RecordingError as error:
        raise VoiceNotFound(str(error)) from None
    except (errors.TextError, errors.CapReached) as error:
        # The same seed draws the same tokens: another try would end alike.
        raise BadInput(str(error)) from None
    except (errors.CheckpointError, errors.SettingError) as error:
        raise SettingsError(str(error)) from None
    except errors.TtsError as error:
        raise EngineError(str(error)) from None


def _device_for(device: str) -> torch.device:
    """Return where to compute. "cpu" asks nothing of CUDA; nothing else ends on the CPU unsaid.

    Raises:
        SettingsError: If a card is named that is not there.
    """
    if device == "cpu":
        return torch.device("cpu")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        if count:
            return torch.device("cuda:0")
        sys.stderr.write("torch finds no CUDA device: GLM-TTS computes on the CPU, which is slow\n")
        return torch.device("cpu")
    found = torch.device(device)
    if found.index >= count:
        raise SettingsError(
            f"child.device = {device!r}: torch {torch.__version__} finds {count} CUDA devices here; "
            'nvidia-smi tells what the driver sees, and "cpu" computes without one'
        )
    return found


def _weights(chosen: GlmSettings) -> list[Path]:
    checkpoint = Checkpoint(chosen.checkpoint)
    whole = checkpoint.shards() or [checkpoint.llm / "model.safetensors"]
    return [*whole, checkpoint.flow / "flow.pt"]


def _may_be_card(device: str) -> bool:
    """Say whether children will compute on a card, without asking CUDA: a template must not."""
    return device != "cpu" and torch.version.cuda is not None and Path("/dev/nvidiactl").exists()
