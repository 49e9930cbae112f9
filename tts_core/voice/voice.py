"""All that the model is told of a voice, and its file: a safetensors file that knows what it was made of.

Some 300 kB for five seconds of recording: both mels are in it, so another sample rate needs nothing new.
"""

import hashlib
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import msgspec.structs
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from tts_core.errors import CheckpointError, SettingError

#: Of the features: rises when what is computed here changes, and voices that were kept are made anew.
REVISION = 1

_EMBEDDING = 192
_MEL_BINS = 80
#: Of a safetensors header, which is JSON.
_LENGTH_BYTES = 8
#: The entry of its metadata.
_LABEL = "voice"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Voice:
    """A voice, ready to be spoken with; on the CPU.

    Attributes:
        name: What the user calls it; no part of its identity.
        text: What is said in the recording.
        speech: int32 [1, N]: the recording's speech tokens, 25 a second.
        mels: By sample rate (24000 and 32000): float32 [1, T, 80], 50 frames a second.
        embedding: float32 [1, 192].
        recording_sha256: Of the recording's file.
        checkpoint_id: Of the checkpoint whose parts made it.
    """

    name: str
    text: str
    speech: Tensor
    mels: Mapping[int, Tensor]
    embedding: Tensor
    recording_sha256: str
    checkpoint_id: str

    @property
    def held_bytes(self) -> int:
        """What its tensors take."""
        return sum(tensor.nbytes for tensor in self._tensors().values())

    def save(self, path: Path) -> None:
        """Write the file: whole and on disk when it appears under its name, whoever else writes it too.

        Raises:
            SettingError: If it cannot be written there.
        """
        tensors = self._tensors()
        # One entry: several would be written in any order, and the same voice is to be the same bytes.
        label = {_LABEL: msgspec.json.encode(self._facts(tensors)).decode()}
        content = safetensors.torch.save(tensors, metadata=label)
        part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(part, content)
            part.replace(path)
            _flush_folder(path.parent)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            mend = "free some room, or allow this user to write there"
            raise SettingError(f"{path}: the voice cannot be kept ({error.strerror}); {mend}") from None

    @classmethod
    def load(cls, path: Path) -> "Voice":
        """Read a file that `save` wrote.

        Raises:
            CheckpointError: If it is missing, damaged, or of another revision.
        """
        facts, tensors = _read(path)
        if facts.revision != REVISION:
            said = f"revision {facts.revision}, this is {REVISION}"
            raise CheckpointError(f"{path}: made by another version ({said}); delete it: it is made anew")
        if facts.sha256 != _digest(facts, tensors):
            raise CheckpointError(f"{path}: damaged (its checksum is another); delete it: it is made anew")
        try:
            return cls(
                name=facts.name,
                text=facts.text,
                speech=tensors["speech"],
                embedding=tensors["embedding"],
                mels={rate_hz: tensors[f"mel_{rate_hz}"] for rate_hz in facts.rates_hz},
                recording_sha256=facts.recording_sha256,
                checkpoint_id=facts.checkpoint_id,
            )
        except (KeyError, ValueError) as error:
            raise CheckpointError(f"{path}: not the file of a voice ({error!r})") from None

    def __post_init__(self) -> None:
        """Refuse tensors of other shapes.

        Raises:
            ValueError: Naming them all.
        """
        mels = {f"mel at {rate_hz} Hz": (mel, (1, None, _MEL_BINS)) for rate_hz, mel in self.mels.items()}
        wanted = {"speech": (self.speech, (1, None)), "embedding": (self.embedding, (1, _EMBEDDING)), **mels}
        wrong = [
            f"{name} {tuple(one.shape)}" for name, (one, shape) in wanted.items() if not _has(one, shape)
        ]
        if wrong or self.speech.dtype != torch.int32:
            raise ValueError(f"no tensors of a voice: {', '.join(wrong)}, speech in {self.speech.dtype}")

    def _tensors(self) -> dict[str, Tensor]:
        mels = {f"mel_{rate_hz}": mel for rate_hz, mel in self.mels.items()}
        return {"speech": self.speech, "embedding": self.embedding, **mels}

    def _facts(self, tensors: Mapping[str, Tensor]) -> "_Facts":
        facts = _Facts(
            revision=REVISION,
            name=self.name,
            text=self.text,
            rates_hz=sorted(self.mels),
            recording_sha256=self.recording_sha256,
            checkpoint_id=self.checkpoint_id,
        )
        return msgspec.structs.replace(facts, sha256=_digest(facts, tensors))


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says beside its tensors.

    Attributes:
        sha256: Of the other facts and of the tensors.
    """

    revision: int
    name: str
    text: str
    rates_hz: list[int]
    recording_sha256: str
    checkpoint_id: str
    sha256: str = ""


class _Metadata(msgspec.Struct, frozen=True, kw_only=True):
    voice: str


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    metadata: _Metadata = msgspec.field(name="__metadata__")


def _has(tensor: Tensor, shape: tuple[int | None, ...]) -> bool:
    return tensor.ndim == len(shape) and all(
        wanted in (None, seen) for wanted, seen in zip(shape, tensor.shape, strict=True)
    )


def _read(path: Path) -> tuple[_Facts, dict[str, Tensor]]:
    """Read a file at once, without mapping it: another process may put a new one in its place."""
    try:
        content = path.read_bytes()
        tensors = safetensors.torch.load(content)
        length = int.from_bytes(content[:_LENGTH_BYTES], "little")
        header = msgspec.json.decode(content[_LENGTH_BYTES : _LENGTH_BYTES + length], type=_Header)
        return msgspec.json.decode(header.metadata.voice, type=_Facts), tensors
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such voice") from None
    except msgspec.ValidationError as error:
        raise CheckpointError(f"{path}: not the file of a voice ({error})") from None
    except (SafetensorError, msgspec.DecodeError, OSError) as error:
        raise CheckpointError(f"{path}: damaged ({error}); delete it: it is made anew") from None


def _digest(facts: _Facts, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(facts, sha256="")))
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
