"""A folder's weights into a Llama: one file, or the shards that an index names."""

from pathlib import Path

import msgspec
import torch

from tts_core.errors import CheckpointError
from tts_core.lm.config import LmConfig
from tts_core.lm.llama import Llama
from tts_core.weights import fit, read_safetensors

_WHOLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"


class _Index(msgspec.Struct, frozen=True):
    weight_map: dict[str, str]


def load_llama(folder: Path, *, device: torch.device, dtype: torch.dtype) -> Llama:
    """Load the language model of a folder, strictly.

    On the CPU and in the file's own type no weight is copied: pages are the file's, and forks share
    them. On a card they go over layer by layer, so that the peak is the weights and one layer.

    Args:
        folder: With `config.json` and `model.safetensors`, or shards and their index.
        device: Where it is to run.
        dtype: float32, or bfloat16.

    Raises:
        CheckpointError: If a file is missing, damaged, or of another model (WeightsError: all named).
    """
    config = LmConfig.read(folder)
    with torch.device("meta"):
        llama = Llama(config)
    weights = read_safetensors(weight_files(folder), unused=_unused(config))
    if device.type == "cpu":
        fit(llama, weights, device=device, dtype=dtype, unused=_unused(config))
    else:
        fit(llama, weights, device=torch.device("cpu"), unused=_unused(config))
        llama.join(device, dtype)
    return llama


def weight_files(folder: Path) -> list[Path]:
    """Return the files that hold a folder's weights.

    Raises:
        CheckpointError: If there are none, or the index names such as are not there: all are named.
    """
    index = folder / _INDEX
    if not index.exists():
        return [folder / _WHOLE]
    try:
        names = set(msgspec.json.decode(index.read_bytes(), type=_Index).weight_map.values())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{index}: not an index of weights ({error}); download it again") from None
    strange = sorted(name for name in names if Path(name).name != name)
    if strange or not names:
        raise CheckpointError(f"{index}: names {strange or 'no files'}, which are no files of its folder")
    missing = sorted(name for name in names if not (folder / name).exists())
    if missing:
        raise CheckpointError(f"{folder}: {', '.join(missing)} missing, which {_INDEX} names; download again")
    return [folder / name for name in sorted(names)]


def _unused(config: LmConfig) -> "_Unused":
    return _Unused(tied=config.tie_word_embeddings)


class _Unused:
    """Says what older writers put into the files that the model works out, or has, itself."""

    def __init__(self, *, tied: bool) -> None:
        self._tied = tied

    def __call__(self, name: str) -> bool:
        return name.endswith("rotary_emb.inv_freq") or (self._tied and name == "lm_head.weight")
