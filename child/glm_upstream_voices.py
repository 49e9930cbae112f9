"""What the original GLM-TTS takes of a recording, once for each: text, speech tokens, mel, speaker.

Two voices are always there, so that it can speak before anybody has named a recording: eSpeak NG reads
a sentence, and that is the recording. They are for trying things out, and free of others' rights.
"""

import contextlib
import hashlib
import io
import tempfile
import wave
from collections import OrderedDict
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from child.engine import BadInput, EngineError, Utterance, VoiceNotFound
from child.espeak import EspeakEngine
from child.failings import log
from child.glm_upstream_past import Cache
from child.recital import to_pcm_s16le
from supervisor.wire.messages import Reference, Voice

if TYPE_CHECKING:
    import torch

    from child.glm_upstream_checkout import Checkout

#: Voices in memory at once: half a minute of recording is half a MiB.
MOST_VOICES = 16

#: Name -> voice of eSpeak, language, what it reads.
_PLAIN = {
    "plain-zh": ("cmn", "zh", "那天早上天气很好，他们一起沿着河边慢慢地走，谁也没有说话。"),
    "plain-en": ("en-us", "en", "It was a fine morning, and they walked along the river without a word."),
}
DEFAULT_VOICE = "plain-zh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """A voice as GLM-TTS hears it.

    Attributes:
        text: What is said in the recording, normalised.
        text_tokens: int [1, n].
        speech_tokens: Ids.
        flow_prompt_tokens: int32 [1, N], the same ids on the device.
        mel: float32 [1, T, 80].
        embedding: float32 [1, 192].
    """

    text: str
    text_tokens: "torch.Tensor"
    speech_tokens: list[int]
    flow_prompt_tokens: "torch.Tensor"
    mel: "torch.Tensor"
    embedding: "torch.Tensor"

    def fresh_cache(self) -> Cache:
        """Return lists with nothing but the prompt in them."""
        return Cache(
            texts=[self.text], text_tokens=[self.text_tokens], speech_tokens=[list(self.speech_tokens)]
        )

    def tensors(self, device: str) -> "list[torch.Tensor]":
        """Return those that lie on a device."""
        found = (self.text_tokens, self.flow_prompt_tokens, self.mel, self.embedding)
        return [tensor for tensor in found if tensor.device.type == device.partition(":")[0]]


def plain_recordings() -> dict[str, bytes]:
    """Return the recordings of the plain voices as WAV; none where eSpeak NG is not installed."""
    engine = EspeakEngine()
    try:
        facts = engine.load({}, device="cpu", voice=None)
    except (ImportError, OSError, EngineError) as error:
        log(f"glm-upstream: no plain voices, eSpeak NG does not start here ({error})")
        return {}
    return {
        name: _wav(engine, facts.sample_rate_hz, text, voice) for name, (voice, _, text) in _PLAIN.items()
    }


def _wav(engine: EspeakEngine, rate_hz: int, text: str, voice: str) -> bytes:
    spoken = Utterance(text=text, voice=voice, reference=None, seed=0, settings={})
    kept = io.BytesIO()
    with wave.open(kept, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        for piece in engine.synthesize(spoken):
            file.writeframes(to_pcm_s16le(piece.samples))
    return kept.getvalue()


class Voices:
    """Features by recording, the latest few kept."""

    def __init__(self, checkout: "Checkout", sample_rate_hz: int, plain: dict[str, bytes]) -> None:
        """Begin with none.

        Args:
            checkout: Takes the features.
            sample_rate_hz: Of the mel.
            plain: Recordings of the plain voices, by name.
        """
        self._checkout = checkout
        self._sample_rate_hz = sample_rate_hz
        self._plain = plain
        self._known: OrderedDict[str, Features] = OrderedDict()

    def of(self, utterance: Utterance) -> Features:
        """Return the features of the utterance's recording, else of its voice, else of the default.

        Raises:
            VoiceNotFound: If there is neither a recording nor such a voice.
            BadInput: If the recording cannot be read, or GLM-TTS hears nothing in it.
        """
        if utterance.reference is not None:
            return self._of_reference(utterance.reference)
        name = find_plain(utterance.voice, self._plain)
        if name not in self._known:
            with _file_of(self._plain[name]) as path:
                self._keep(name, self._heard(path, _PLAIN[name][2]))
        return self._latest(name)

    def tensors(self) -> "Iterator[torch.Tensor]":
        """Yield what is kept where the model computes."""
        for features in self._known.values():
            yield from features.tensors(self._checkout.device)

    def _of_reference(self, reference: Reference) -> Features:
        key = _key_of(reference)
        if key not in self._known:
            self._keep(key, self._heard(reference.path, reference.text))
        return self._latest(key)

    def _latest(self, key: str) -> Features:
        self._known.move_to_end(key)
        return self._known[key]

    def _keep(self, key: str, features: Features) -> None:
        self._known[key] = features
        if len(self._known) > MOST_VOICES:
            self._known.popitem(last=False)

    def _heard(self, path: str, text: str) -> Features:
        """Take the features, in upstream's own order."""
        import torch  # noqa: PLC0415 -- there by now, and not before the checkout is opened

        checkout = self._checkout
        with torch.no_grad():
            normalised = checkout.text_frontend.text_normalize(text)
            text_tokens = checkout.text_token(normalised + " ")
            ids = [int(each) for each in checkout.speech_token([path]).reshape(-1).cpu()]
            if not ids:
                raise BadInput(
                    f"GLM-TTS hears nothing in the recording {path}; name one of 3 to 15 s of speech"
                )
            return Features(
                text=normalised,
                text_tokens=text_tokens,
                speech_tokens=ids,
                flow_prompt_tokens=torch.tensor([ids], dtype=torch.int32).to(checkout.device),
                mel=checkout.speech_feat(path, sample_rate=self._sample_rate_hz),
                embedding=checkout.spk_embedding(path),
            )


def find_plain(name: str | None, plain: dict[str, bytes]) -> str:
    """Return the name of a plain voice that is there.

    Raises:
        VoiceNotFound: If there is none of that name; says what can be done.
    """
    wanted = DEFAULT_VOICE if name is None else name
    if wanted in plain:
        return wanted
    if not plain:
        raise VoiceNotFound(
            "GLM-TTS speaks in the voice of a recording, and none was named: give --reference WAV with "
            "--reference-text TEXT; its own plain voices need eSpeak NG where the child runs: "
            "pip install espeakng-loader"
        )
    raise VoiceNotFound(
        f"there is no voice {wanted!r} in the engine glm-upstream; it has {' and '.join(plain)}, and that of "
        "any recording: --reference WAV --reference-text TEXT, or prompt_speech and prompt_text in a line"
    )


def plain_voices(plain: dict[str, bytes], sample_rate_hz: int) -> list[Voice]:
    """Return the plain voices that are there."""
    return [
        Voice(
            name=name,
            language=_PLAIN[name][1],
            sample_rate_hz=sample_rate_hz,
            description="cloned from eSpeak NG, to try things out; name a recording for a real one",
        )
        for name in plain
    ]


def must_be_readable(reference: Reference) -> None:
    """Look at a recording before minutes are spent on loading.

    Raises:
        BadInput: If there is nothing to read.
    """
    _key_of(reference)


def _key_of(reference: Reference) -> str:
    try:
        recording = hashlib.sha256(Path(reference.path).read_bytes()).hexdigest()
    except OSError as error:
        raise BadInput(
            f"the recording {reference.path} cannot be read ({error.strerror}); name one that is there"
        ) from error
    return f"{recording}\0{reference.text}"


@contextlib.contextmanager
def _file_of(recording: bytes) -> Generator[str]:
    """Give a recording a path for as long as it is listened to."""
    with tempfile.NamedTemporaryFile(prefix="tts-supervisor-", suffix=".wav") as file:
        file.write(recording)
        file.flush()
        yield file.name
