"""What the original GLM-TTS takes of a recording, once for each: text, speech tokens, mel, speaker."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from child.engine import BadInput, Utterance
from child.glm_upstream_past import Cache
from child.plain_voices import file_of, find_plain, plain_text
from supervisor.wire.messages import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from child.glm_upstream_checkout import Checkout

#: Voices in memory at once: half a minute of recording is half a MiB.
MOST_VOICES = 16


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
            with file_of(self._plain[name]) as path:
                self._keep(name, self._heard(path, plain_text(name)))
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
