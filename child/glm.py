"""The engine GLM-TTS: the one door of this package to torch and to `tts_core`.

A template loads the model on the CPU; each fork moves it onto the card, if there is one. A voice is that of
a recording, and where none is named, that of a plain one.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Mapping
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
)
from child.glm_settings import WHERE, GlmSettings, cache_folder, of_line, read_settings
from child.plain_voices import file_of, find_plain, plain_recordings, plain_text, plain_voices, voice_at_start
from child.torch_vitals import TorchMemory
from supervisor.wire.messages import Reference, Setting, Vitals, Voice
from tts_core import errors
from tts_core.audio.recording import read_recording
from tts_core.checkpoint import Checkpoint
from tts_core.failing import telling_memory
from tts_core.lm.history import History
from tts_core.manner import Manner
from tts_core.parts import Parts, Tables
from tts_core.signs import Signs
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

_ON_THE_CPU = (
    "torch finds no CUDA device here: GLM-TTS computes on the CPU, which is slow; `tts-supervisor doctor` "
    'says what is missing, and child.device = "cpu" that this is meant'
)

_NOTHING = np.zeros(0, np.float32)


class GlmEngine:
    """See the module."""

    def __init__(self) -> None:
        self._raw: dict[str, Setting] = {}
        self._parts: Parts | None = None
        self._where = torch.device("cpu")
        self._synthesizer: Synthesizer | None = None
        self._memory = TorchMemory("cpu")
        self._voices: OrderedDict[tuple[str, str], cloned.Voice] = OrderedDict()
        self._plain: dict[str, bytes] | None = None
        self._signs = Signs()
        self._past = b""
        self._has_reference = False
        self._of_reference: tuple[str, ...] = ()

    # ------------------------------------------------------------------ before a child is there

    def weight_files(self, settings: Mapping[str, Setting]) -> list[str]:
        """Return the files that a start reads."""
        return [str(path.absolute()) for path in _weights(read_settings(settings))]

    def prepare(self, settings: Mapping[str, Setting], *, device: str) -> None:
        """Load everything on the CPU, in a process that children are forked from: one thread, no CUDA."""
        torch.set_num_threads(1)
        with _as_engine_errors():
            self._open(_read_whole(settings), on_card=_may_be_card(device))
        self._plain_recordings()

    def prepare_reference(self, reference: Reference, settings: Mapping[str, Setting]) -> None:
        """Compute what is taken of a recording and keep it, before the model is on the card."""
        self._raw = dict(settings)
        with _as_engine_errors():
            self._voice(reference, _read_whole(settings))
            warnings = read_recording(Path(reference.path)).warnings
        self._of_reference = tuple(f"the reference recording: {warning}" for warning in warnings)
        self._has_reference = True

    # ------------------------------------------------------------------ the engine's protocol

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        """Load what the template has not, put it where it is to compute, and try it."""
        self._raw = dict(settings)
        chosen = _read_whole(settings)
        where = _device_for(device)
        if where.type == "cpu":
            torch.set_num_threads(chosen.threads)
        default = voice_at_start(voice, self._plain_recordings(), has_reference=self._has_reference)
        with _as_engine_errors():
            if default and not self._has_reference:
                self._plain_voice(default, chosen)  # what that takes need not lie beside the model
            parts = self._open(chosen, on_card=where.type == "cuda")
            parts.move(where)
            self._where = where
            if chosen.kv_cache is not False:
                parts.get_ready()
            self._memory = TorchMemory(str(where))
            self._memory.declared.add("voices", self._voices_bytes)
            self._memory.declared.add("keys and values", parts.cache_bytes)
            self._synthesizer = Synthesizer(parts)
        return EngineFacts(
            name="glm",
            version=f"{REVISION}-{torch.__version__}",
            sample_rate_hz=chosen.sample_rate_hz,
            voice=default,
            clones=True,
            uses_device=where.type == "cuda",
            pace_s_per_char=None,
            canary_text=_CANARY if default else "",
            notices=(
                *self._of_reference,
                *([_ON_THE_CPU] if device == "auto" and where.type == "cpu" else []),
            ),
        )

    def tell_signs(self, tell: Callable[[], None]) -> None:
        """Take what is to be called now and then while `synthesize` computes, though it has no audio yet."""
        self._signs.tell = tell

    def synthesize(self, utterance: Utterance) -> Iterator[Audio]:
        """Yield the audio of one utterance as it comes."""
        self._past = b""
        with _as_engine_errors(), telling_memory(self._where, utterance.text):
            chosen = of_line(self._raw, utterance.settings)
            with self._signs.felt():
                voice = self._voice_of(utterance, chosen)
            self._memory.segment_begins()
            yield Audio(samples=_NOTHING, sample_rate_hz=chosen.sample_rate_hz)
            # On a card nothing takes long, and what is listened to is slower.
            with self._signs.felt() if self._where.type == "cpu" else contextlib.nullcontext():
                yield from self._speak(utterance, voice, chosen)

    def past(self) -> bytes:
        """Return the history as the last utterance left it; empty where the table asks for none."""
        return self._past

    def voices(self) -> list[Voice]:
        """Return the plain voices; any other comes with its recording."""
        return plain_voices(self._plain_recordings(), read_settings(self._raw).sample_rate_hz)

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
        return self._plain_voice(find_plain(utterance.voice, self._plain_recordings()), chosen)

    def _plain_voice(self, name: str, chosen: GlmSettings) -> cloned.Voice:
        with file_of(self._plain_recordings()[name]) as path:
            return self._voice(Reference(path=path, text=plain_text(name)), chosen)

    def _plain_recordings(self) -> dict[str, bytes]:
        if self._plain is None:
            self._plain = plain_recordings()
        return self._plain

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
    except (errors.RecordingError, errors.TextError, errors.CapReached) as error:
        # Another try would end alike: of a cap too, since the same seed draws the same tokens.
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
        return torch.device("cpu")
    found = torch.device(device)
    if found.index >= count:
        raise SettingsError(
            f"child.device = {device!r}: torch {torch.__version__} finds {count} CUDA devices here; "
            'nvidia-smi tells what the driver sees, and "cpu" computes without one'
        )
    return found


def _read_whole(settings: Mapping[str, Setting]) -> GlmSettings:
    """Check the table, and look at every file of the checkpoint before the first gigabyte is read.

    Raises:
        SettingsError: Naming the key, or all files that are missing or cut short, each with its mend.
    """
    chosen = read_settings(settings)
    faults = Checkpoint(chosen.checkpoint).missing(chosen.sample_rate_hz)
    if faults:
        raise SettingsError("\n  ".join((f"{WHERE}.checkpoint is not whole:", *faults)))
    return chosen


def _weights(chosen: GlmSettings) -> list[Path]:
    checkpoint = Checkpoint(chosen.checkpoint)
    whole = checkpoint.shards() or [checkpoint.llm / "model.safetensors"]
    return [*whole, checkpoint.flow / "flow.pt"]


def _may_be_card(device: str) -> bool:
    """Say whether children will compute on a card, without asking CUDA: a template must not."""
    return device != "cpu" and torch.version.cuda is not None and Path("/dev/nvidiactl").exists()
