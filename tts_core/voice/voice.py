"""All that the model is told of a voice, and its file: a safetensors file that knows what it was made of.

Some 300 kB for five seconds of recording: both mels are in it, so another sample rate needs nothing new.
"""

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from tts_core.errors import CheckpointError, SettingError

#: Of the features: rises when what is computed here changes, and voices that were kept are made anew.
REVISION = 1

_EMBEDDING = 192
_MEL_BINS = 80
_LENGTH_BYTES = 8


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
        facts = self._facts()
        facts["sha256"] = _digest(facts, tensors)
        content = safetensors.torch.save(tensors, metadata=facts)
        part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(part, content)
            part.replace(path)
            _flush_folder(path.parent)
        except OSError as error:
            part.unlink(missing_ok=True)
            mend = "free some room, or allow this user to write there"
            raise SettingError(f"{path}: the voice cannot be kept ({error.strerror}); {mend}") from None

    @classmethod
    def load(cls, path: Path) -> "Voice":
        """Read a file that `save` wrote.

        Raises:
            CheckpointError: If it is missing, damaged, or of another revision.
        """
        facts, tensors = _read(path)
        try:
            if facts.pop("sha256") != _digest(facts, tensors):
                raise CheckpointError(
                    f"{path}: damaged (its checksum is another); delete it: it is made anew"
                )
            if facts["revision"] != str(REVISION):
                said = f"revision {facts['revision']}, this is {REVISION}"
                raise CheckpointError(f"{path}: made by another version ({said}); delete it: it is made anew")
            return cls(
                name=facts["name"],
                text=facts["text"],
                speech=tensors.pop("speech"),
                embedding=tensors.pop("embedding"),
                mels={int(name.removeprefix("mel_")): tensor for name, tensor in tensors.items()},
                recording_sha256=facts["recording_sha256"],
                checkpoint_id=facts["checkpoint_id"],
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

    def _facts(self) -> dict[str, str]:
        return {
            "format": "pt",
            "revision": str(REVISION),
            "name": self.name,
            "text": self.text,
            "recording_sha256": self.recording_sha256,
            "checkpoint_id": self.checkpoint_id,
        }


def _has(tensor: Tensor, shape: tuple[int | None, ...]) -> bool:
    return tensor.ndim == len(shape) and all(
        wanted in (None, seen) for wanted, seen in zip(shape, tensor.shape, strict=True)
    )


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Read a file at once, without mapping it: another process may put a new one in its place."""
    try:
        content = path.read_bytes()
        tensors = safetensors.torch.load(content)
        length = int.from_bytes(content[:_LENGTH_BYTES], "little")
        header = msgspec.json.decode(content[_LENGTH_BYTES : _LENGTH_BYTES + length], type=_Header)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such voice") from None
    except (SafetensorError, msgspec.DecodeError, OSError) as error:
        raise CheckpointError(f"{path}: damaged ({error}); delete it: it is made anew") from None
    return header.facts, tensors


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    facts: dict[str, str] = msgspec.field(name="__metadata__", default_factory=dict[str, str])


def _digest(facts: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(msgspec.json.encode(sorted(facts.items())))
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
