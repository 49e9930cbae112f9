"""The released checkpoint as it lies in its folder: where each part is, what is missing, which it is.

Nothing here loads a weight; a folder is judged by names, sizes and the first bytes of its files.
"""

import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tts_core.errors import CheckpointError

#: Files up to this size are part of the identity as a whole; of larger ones, samples are.
_WHOLE_BYTES = 1 << 20
_SAMPLES, _SAMPLE_BYTES = 64, 4096

#: The vocoder of each sample rate that the model speaks at.
VOCODERS = {24000: "hift/hift.pt", 32000: "vocos2d/generator_jit.ckpt"}

_GIT_LFS = b"version https://git-lfs"
_AGAIN = "run 'tts-supervisor models get glm-tts' again"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder in the release's layout.

    Attributes:
        folder: That upstream calls `ckpt`.
    """

    folder: Path

    @property
    def llm(self) -> Path:
        """Folder of the language model: `config.json` and safetensors, in shards or one."""
        return self.folder / "llm"

    @property
    def speech_tokenizer(self) -> Path:
        """Folder of the speech tokenizer."""
        return self.folder / "speech_tokenizer"

    @property
    def flow(self) -> Path:
        """Folder of the flow model: `flow.pt` and `config.yaml`."""
        return self.folder / "flow"

    @property
    def hift(self) -> Path:
        """File of the 24 kHz vocoder."""
        return self.folder / VOCODERS[24000]

    @property
    def vocos(self) -> Path:
        """File of the 32 kHz vocoder, TorchScript."""
        return self.folder / VOCODERS[32000]

    @property
    def tokenizer(self) -> Path:
        """Folder of the text tokenizer: `tokenizer.model` and `tokenizer_config.json`."""
        return self.folder / "vq32k-phoneme-tokenizer"

    @property
    def campplus(self) -> Path:
        """File of the speaker encoder.

        It comes with the code, not with the weights: in a checkout of GLM-TTS it lies beside `ckpt`.
        """
        here = self.folder / "frontend" / "campplus.onnx"
        beside = self.folder.parent / "frontend" / "campplus.onnx"
        return beside if beside.is_file() and not here.is_file() else here

    def missing(self, sample_rate_hz: int | None) -> list[str]:
        """Say what is not there, or not whole, each with its mend; nothing if all is well.

        Args:
            sample_rate_hz: Of which the vocoder is wanted; None = neither is.

        Raises:
            CheckpointError: If the model does not speak at that rate.
        """
        if sample_rate_hz is not None and sample_rate_hz not in VOCODERS:
            raise CheckpointError(f"{sample_rate_hz} Hz: GLM-TTS speaks at 24000 or 32000; choose one")
        if not self.folder.is_dir():
            return [f"{self.folder}: there is no such folder; {_AGAIN}, or name the one you have"]
        found = [fault for path in self.files(sample_rate_hz) if (fault := _fault(path))]
        return found + self._shard_faults()

    def files(self, sample_rate_hz: int | None) -> Iterator[Path]:
        """Yield what must be there, save the language model's shards, which its index names."""
        yield self.llm / "config.json"
        index = self.llm / "model.safetensors.index.json"
        yield index if index.is_file() else self.llm / "model.safetensors"
        yield self.speech_tokenizer / "config.json"
        yield self.speech_tokenizer / "preprocessor_config.json"
        yield from self._speech_weights()
        yield self.flow / "config.yaml"
        yield self.flow / "flow.pt"
        if sample_rate_hz is not None:
            yield self.folder / VOCODERS[sample_rate_hz]
        yield self.tokenizer / "tokenizer.model"
        yield self.tokenizer / "tokenizer_config.json"
        yield self.campplus

    def _speech_weights(self) -> list[Path]:
        folder = self.speech_tokenizer
        return sorted(folder.glob("model*.safetensors")) or [folder / "model.safetensors"]

    def shards(self) -> list[Path]:
        """Return the language model's shards; none if it is one file.

        Raises:
            CheckpointError: If their index cannot be read.
        """
        index = self.llm / "model.safetensors.index.json"
        if not index.is_file():
            return []
        try:
            names = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
            return sorted(self.llm / name for name in names)
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise CheckpointError(f"{index}: is not an index of shards ({error!r}); {_AGAIN}") from None

    def _shard_faults(self) -> list[str]:
        try:
            return [fault for path in self.shards() if (fault := _fault(path))]
        except CheckpointError as error:
            return [str(error)]

    def identity(self) -> str:
        """Return 32 hexadecimal digits that are the same while the files are, wherever the folder lies.

        Small files count whole; of large ones the size, 64 samples spread over them, and both ends, where
        formats keep their tables and checksums: gigabytes are told apart by reading half a megabyte.

        Raises:
            CheckpointError: If something is missing; a vocoder may be.
        """
        return self._identity([*self.files(None), *self.shards(), self.hift, self.vocos])

    def voice_identity(self) -> str:
        """Return the same of the parts alone that a voice is made by.

        Raises:
            CheckpointError: If one is missing.
        """
        config = self.speech_tokenizer / "config.json"
        return self._identity([config, *self._speech_weights(), self.campplus])

    def _identity(self, paths: list[Path]) -> str:
        total = hashlib.sha256()
        by_name = {f"{path.parent.name}/{path.name}": path for path in paths}
        for name, path in sorted(by_name.items()):
            if path in {self.hift, self.vocos} and not path.is_file():
                continue
            total.update(f"{name}\n".encode())
            try:
                total.update(_gist(path))
            except OSError as error:
                raise CheckpointError(f"{path}: cannot be read ({error.strerror}); {_AGAIN}") from None
        return total.hexdigest()[:32]


def _gist(path: Path) -> bytes:
    """Return a hash of a small file, or of samples of a large one, and of its size."""
    size = path.stat().st_size
    digest = hashlib.sha256(struct.pack("<Q", size))
    with path.open("rb") as file:
        if size <= _WHOLE_BYTES:
            digest.update(file.read())
            return digest.digest()
        for at in range(_SAMPLES + 1):
            file.seek(at * (size - _SAMPLE_BYTES) // _SAMPLES)
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.digest()


def _fault(path: Path) -> str | None:
    """Return what is wrong with a file as far as its frame tells, in words with a mend."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(64)
            file.seek(max(0, size - 65_558))  # a zip's last record, with the longest comment it may have
            tail = file.read()
    except FileNotFoundError:
        return f"{path}: there is no such file; {_AGAIN}"
    except OSError as error:
        return f"{path}: cannot be read ({error.strerror}); mend its permissions"
    return _frame_fault(path, size, head, tail)


def _frame_fault(path: Path, size: int, head: bytes, tail: bytes) -> str | None:
    if head.startswith(_GIT_LFS):
        return f"{path}: a pointer of git-lfs, not the file itself; run 'git lfs pull' there, or {_AGAIN}"
    if not size:
        return f"{path}: is empty; {_AGAIN}"
    if path.suffix == ".safetensors":
        return _safetensors_fault(path, size)
    if path.suffix in {".pt", ".ckpt"} and not (head.startswith(b"PK") and b"PK\x05\x06" in tail):
        return f"{path}: is no archive of torch, or was cut short at {size} bytes; {_AGAIN}"
    return None


def _safetensors_fault(path: Path, size: int) -> str | None:
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size  # noqa: PLR2004 -- of the prefix
        if length > size - 8:
            return f"{path}: is no safetensors file, or was cut short at {size} bytes; {_AGAIN}"
        try:
            entries = json.loads(file.read(length))
            ends = [one["data_offsets"][1] for name, one in entries.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError):
            return f"{path}: its table of tensors cannot be read; {_AGAIN}"
    wanted = 8 + length + max(ends, default=0)
    if size != wanted:
        return f"{path}: has {size} bytes where its table wants {wanted}; {_AGAIN}"
    return None
