"""The original GLM-TTS, a user's own checkout, driven unchanged: exact by definition.

One `generate_long` an utterance, with a cache of its own: nothing but the features of recordings is kept
from one to the next. It is called in one thread of its own; this one looks meanwhile whether the
models go on, since upstream answers only when a text is spoken whole.
"""

import importlib
import importlib.util
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from child.engine import Audio, BadInput, EngineError, EngineFacts, OutOfMemory, SettingsError, Utterance
from child.glm_upstream_checkout import WHERE, Checkout, Order, open_checkout
from child.glm_upstream_errors import KNOWN, in_our_words
from child.glm_upstream_past import Cache, past_of, remember
from child.glm_upstream_pulse import Pulse
from child.glm_upstream_voices import Features, Voices, must_be_readable
from child.one_thread import LOOK_S, OneThread
from child.plain_voices import plain_recordings, plain_voices, voice_at_start
from child.settings import read_flag, read_one_of, refuse_unknown
from child.torch_vitals import TorchMemory, tensor_bytes
from supervisor.wire.messages import Reference, Setting, Vitals, Voice

if TYPE_CHECKING:
    import numpy.typing as npt
    import torch

#: Raised whenever this file drives the same checkout to other audio.
REVISION = 1

_RATES_HZ = (24_000, 32_000)
_METHODS = ("ras", "topk")
_KEYS = ("path", "sample_rate", "phonemes", "history", "sample_method")
#: What a line may say; `use_kv_cache` of the web tools is what upstream's scripts call use_cache, a history.
_KEYS_OF_A_LINE = ("sample_rate", "phonemes", "history", "kv_cache")

_CANARY = "准备好了，现在开始朗读。"

#: Read ahead where a start will read them; small files are not worth a word.
_LARGE_BYTES = 1 << 20

#: What numpy takes as a seed, and so what upstream's does.
_SEED_BITS = 32

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manner:
    sample_rate_hz: int
    phonemes: bool
    history: bool
    sample_method: str


class GlmUpstreamEngine:
    """See the module."""

    def __init__(self, *, look_s: float = LOOK_S) -> None:
        self._settings: dict[str, Setting] = {}
        self._thread = OneThread("glm-upstream", look_s=look_s)
        self._memory = TorchMemory("cpu")
        self._pulse = Pulse()
        self._plain: dict[str, bytes] = {}
        self._loaded: tuple[Checkout, Voices] | None = None
        self._has_reference = False
        self._past = b""

    # ------------------------------------------------------------ before a child is there

    def weight_files(self, settings: Mapping[str, Setting]) -> list[str]:
        """Return the large files of the checkpoint."""
        path = settings.get("path", "")
        return sorted(_large_files(Path(path))) if isinstance(path, str) and path else []

    def prepare(self, settings: Mapping[str, Setting], *, device: str) -> None:
        """Import torch, which asks CUDA nothing; the checkout itself would."""
        del device
        _manner(settings)
        if importlib.util.find_spec("torch") is not None:
            importlib.import_module("torch")

    def prepare_reference(self, reference: Reference, settings: Mapping[str, Setting]) -> None:
        """See that there is something to read; to hear it takes upstream's models, all of them."""
        del settings
        must_be_readable(reference)
        self._has_reference = True

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        """Open the checkout and load its models."""
        manner = _manner(settings)
        self._settings = dict(settings)
        order = Order(path=str(settings.get("path", "")), sample_rate_hz=manner.sample_rate_hz, device=device)
        self._plain = plain_recordings()  # by forks, so before there is a thread
        default = voice_at_start(voice, self._plain, has_reference=self._has_reference)
        checkout = self._thread.run(lambda: open_checkout(order))
        voices = Voices(checkout, manner.sample_rate_hz, self._plain)
        self._memory = TorchMemory(checkout.device)
        self._memory.declared.add("voices", lambda: tensor_bytes(list(voices.tensors())))
        self._pulse.feel(checkout.llm, checkout.flow)
        self._loaded = checkout, voices
        return EngineFacts(
            name="glm-upstream",
            version=str(REVISION),
            sample_rate_hz=manner.sample_rate_hz,
            voice=default,
            clones=True,
            uses_device=checkout.device != "cpu",
            pace_s_per_char=None,
            canary_text=_CANARY if default else "",
        )

    # ------------------------------------------------------------ the work

    def synthesize(self, utterance: Utterance) -> Iterator[Audio]:
        """Yield signs of life, then the whole."""
        if self._loaded is None:
            raise EngineError("the engine glm-upstream was asked to speak before it was loaded")
        checkout, voices = self._loaded
        self._past = b""
        manner = self._manner_of(utterance)
        self._memory.segment_begins()
        recording = None if utterance.reference is None else utterance.reference.path
        features = yield from self._done(lambda: voices.of(utterance), recording=recording)
        cache = features.fresh_cache()
        if manner.history:
            remember(cache, utterance.past)
        samples = yield from self._done(lambda: _speak(checkout, features, cache, manner, utterance))
        if manner.history:
            self._past = past_of(cache)
        yield Audio(samples=samples, sample_rate_hz=manner.sample_rate_hz)

    def past(self) -> bytes:
        """Return upstream's history after the last utterance, if it is to have one."""
        return self._past

    def voices(self) -> list[Voice]:
        """Return the plain voices; any other comes with its recording."""
        return plain_voices(self._plain, _manner(self._settings).sample_rate_hz)

    def vitals(self) -> Vitals:
        """Return what torch says; the CUDA arena of onnxruntime is outside of that."""
        return self._memory.vitals()

    def release_caches(self) -> None:
        """Give back what torch can; what was heard of recordings stays, it is small and dear."""
        self._memory.release()

    def _manner_of(self, utterance: Utterance) -> _Manner:
        refuse_unknown(utterance.settings, _KEYS_OF_A_LINE, WHERE)
        own = dict(utterance.settings)
        if "kv_cache" in own:
            own["history"] = own.pop("kv_cache")
        manner = _manner({**self._settings, **own})
        rate_hz = _manner(self._settings).sample_rate_hz
        if manner.sample_rate_hz != rate_hz:
            raise BadInput(
                f"this asks for {manner.sample_rate_hz} Hz; GLM-TTS speaks at {rate_hz} Hz here, and its "
                "code fails where one process changes the rate. Speak it in a run of its own with "
                f"{WHERE}.sample_rate = {manner.sample_rate_hz}, or have the file resampled: --sample-rate"
            )
        return manner

    def _done(
        self, call: Callable[[], Result], *, recording: str | None = None
    ) -> Generator[Audio, None, Result]:
        """Do it with signs of life, and raise what it raises in our words."""
        sign = Audio(samples=np.zeros(0, np.float32), sample_rate_hz=_manner(self._settings).sample_rate_hz)
        try:
            return (yield from self._thread.watched(call, lambda: self._pulse.count, sign))
        except KNOWN as error:
            failure = in_our_words(error, self._memory.vitals(), recording=recording)
        # Out here, where the error is gone and with it the frames that held its tensors.
        if isinstance(failure, OutOfMemory):
            self._memory.release()
        raise failure


def _speak(
    checkout: Checkout, features: Features, cache: Cache, manner: _Manner, utterance: Utterance
) -> "npt.NDArray[np.float32]":
    """Return float32 [N] of one call of upstream's, on a text that was normalised as its own script does."""
    import torch  # noqa: PLC0415 -- there by now, and not before the checkout is opened

    with torch.no_grad():
        text = checkout.text_frontend.text_normalize(utterance.text)
        wave: object = checkout.generate_long(
            frontend=checkout.frontend,
            text_frontend=checkout.text_frontend,
            llm=checkout.llm,
            flow=checkout.flow,
            text_info=["segment", text],
            cache=cache.for_upstream(use_cache=manner.history),
            device=checkout.own_device,
            embedding=features.embedding,
            seed=folded(utterance.seed),
            sample_method=manner.sample_method,
            flow_prompt_token=features.flow_prompt_tokens,
            speech_feat=features.mel,
            use_phoneme=manner.phonemes,
        )[0]
    if not isinstance(wave, torch.Tensor):
        raise EngineError(f"GLM-TTS answered with a {type(wave).__name__} where the wave should be")
    return _samples(wave)


def _samples(wave: "torch.Tensor") -> "npt.NDArray[np.float32]":
    """Return a copy [N] of a wave [1, N] or [N]: nothing of upstream's memory is kept by it."""
    return np.array(wave.detach().reshape(-1).float().cpu().numpy(), dtype=np.float32)


def folded(seed: int) -> int:
    """Return a seed that numpy takes: itself below 2**32, so that 0 and 42 are upstream's own."""
    return (seed ^ (seed >> _SEED_BITS)) & (2**_SEED_BITS - 1)


def _manner(settings: Mapping[str, Setting]) -> _Manner:
    refuse_unknown(settings, _KEYS, WHERE)
    if not isinstance(settings.get("path", ""), str):
        raise SettingsError(f"{WHERE}.path = {settings['path']!r} must be a path")
    return _Manner(
        sample_rate_hz=read_one_of(settings, "sample_rate", WHERE, _RATES_HZ),
        phonemes=read_flag(settings, "phonemes", WHERE, default=False),
        history=read_flag(settings, "history", WHERE, default=True),
        sample_method=read_one_of(settings, "sample_method", WHERE, _METHODS),
    )


def _large_files(root: Path) -> Iterator[str]:
    for folder, inner, names in os.walk(root / "ckpt", followlinks=True):
        inner[:] = [name for name in inner if not name.startswith(".")]  # git keeps a second copy of all
        for name in names:
            path = Path(folder) / name
            if path.is_file() and path.stat().st_size >= _LARGE_BYTES:
                yield str(path)
