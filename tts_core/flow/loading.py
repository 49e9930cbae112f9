"""The flow, from its folder of a checkpoint."""

from pathlib import Path

import torch
from torch import Tensor

from tts_core.flow.config import FlowConfig
from tts_core.flow.dit import Dit
from tts_core.flow.sampler import Flow
from tts_core.weights import Weights, fit, read_pickled

FILE = "flow.pt"

_TABLE = "estimator.text_emb_layer.text_embed.weight"
_SPEEDS = "estimator.rotary_embed.inv_freq"


def load_flow(folder: Path, *, device: torch.device, dtype: torch.dtype = torch.float32) -> Flow:
    """Load the folder `flow/` of a checkpoint.

    Of the token table only rows that a speech token can reach are kept (131 MiB less, in float32).

    Args:
        folder: Has `config.yaml` and `flow.pt`.
        device: Where the weights are to be.
        dtype: float32, which agrees with the reference, or bfloat16 for half the memory.

    Raises:
        CheckpointError: If a file is missing, damaged, or of another model; wrong tensors are all named.
    """
    config = FlowConfig.read(folder)
    found = read_pickled(folder / FILE)
    reached = Weights(path=found.path, tensors={**found.tensors, **_reached(found, config)})
    with torch.device("meta"):
        dit = Dit(config)
    fit(dit, reached, device=device, dtype=dtype)
    # Speeds of rotation stay as they are: in bfloat16 far positions would land beside one another.
    dit.estimator.rotary_embed.inv_freq = found.tensors[_SPEEDS].to(device=device, dtype=torch.float32)
    return Flow(dit, config)


def _reached(found: Weights, config: FlowConfig) -> dict[str, Tensor]:
    table = found.tensors.get(_TABLE)
    if table is None or table.shape != (config.vocabulary + 1, config.token_width):
        return {}  # `fit` says what is wrong with it
    if not table.is_contiguous():
        return {_TABLE: table[: config.token_rows].clone()}
    # A tensor over the first part of the mapped file: no copy, and what is behind is never touched.
    kept_bytes = config.token_rows * config.token_width * table.element_size()
    first_byte = table.storage_offset() * table.element_size()
    storage = table.untyped_storage()[first_byte : first_byte + kept_bytes]
    whole = torch.empty(0, dtype=table.dtype).set_(storage)
    return {_TABLE: whole.view(config.token_rows, config.token_width)}
