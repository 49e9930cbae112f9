"""Keys and values of all positions so far: one allocation at the start, and none after it."""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from tts_core.errors import SettingError
from tts_core.lm.config import LmConfig
from tts_core.lm.rotary import turns

if TYPE_CHECKING:
    from tts_core.lm.graphs import StepGraphs

_ALIGNED_BYTES = 64


class KvCache:
    """Room for the keys and values of a fixed number of positions.

    The caller decides the room. A segment takes its prompt (text of the voice or of the history, the
    segment's text, one mark, the speech of the voice or of the history) and at most 20 tokens for
    each of the segment's text tokens; `generation.positions` counts it. With the history's bound of
    750 speech tokens and segments of at most 60 text tokens, 2048 positions are enough and cost
    112 MiB in bfloat16 at the release's widths. A segment that does not fit is refused with the
    figures before anything is computed, and the cache stays as it was.

    On the CPU a page is not resident before it is written, so room that is not used costs nothing.

    Args:
        config: Of the model.
        capacity_tokens: Positions; rounded up to a multiple of 64.
        device: Where the model is.
        dtype: The model's own.
        batch: Rows that are spoken at once.
        captured: Whether steps over it are captured on CUDA: not worth it for a segment or two.

    Attributes:
        capacity_tokens: Positions there is room for.
        length: Positions in use.
        layers: For each layer its keys and values, each [B, heads of keys, capacity, D].
        turns: Of every position.
        slots: int64 [capacity]: 0, 1, 2 and so on, on the device.
        captured: Whether steps over it are captured.
        graphs: On CUDA, the decode step as captured over this very cache.
    """

    def __init__(  # noqa: PLR0913 -- room, for what and where; the last two may be left out
        self,
        config: LmConfig,
        capacity_tokens: int,
        *,
        device: torch.device,
        dtype: torch.dtype,
        batch: int = 1,
        captured: bool = True,
    ) -> None:
        if capacity_tokens < 1 or batch < 1:
            raise SettingError(f"a cache of {capacity_tokens} positions for {batch} rows; need at least 1")
        self.capacity_tokens = -(-capacity_tokens // 64) * 64
        self.length = 0
        self._written = 0
        shape = (batch, config.num_key_value_heads, self.capacity_tokens, config.head_dim)
        # Zeros, not whatever was there: a step over a fixed window weighs unused positions with 0, and
        # 0 times what is no number would be none either.
        self._store = _zeros((config.num_hidden_layers, 2, *shape), device=device, dtype=dtype)
        self.layers = [(layer[0], layer[1]) for layer in self._store]
        self.turns = turns(
            self.capacity_tokens, config.head_dim, theta=config.rope_theta, device=device, dtype=dtype
        )
        self.slots = torch.arange(self.capacity_tokens, device=device)
        self.unmasked = torch.zeros(self.capacity_tokens, device=device)
        self.captured = captured and device.type == "cuda"
        self.graphs: StepGraphs | None = None

    @property
    def device(self) -> torch.device:
        """Where it is held."""
        return self._store.device

    @property
    def held_bytes(self) -> int:
        """Bytes of keys, values and the tables beside them; the same for its whole life."""
        tables = (self._store, self.turns.cos, self.turns.sin, self.slots, self.unmasked)
        return sum(one.nbytes for one in tables)

    @torch.inference_mode()
    def reset(self) -> None:
        """Forget all positions, also after a step that failed half-way. Costs what was in use."""
        # Zeroed for the same reason as at the start.
        self._store[..., : self._written, :].zero_()
        self.length = self._written = 0

    def take_room(self, tokens: int) -> int:
        """Return the first position of `tokens` new ones; they count as used only once `length` says so.

        Raises:
            SettingError: If there is no room for them.
        """
        if self.length + tokens > self.capacity_tokens:
            raise SettingError(
                f"the key-value cache has room for {self.capacity_tokens} positions, {self.length} are in"
                f" use, and {tokens} more were asked for: cut the text shorter, or give it more room"
            )
        self._written = max(self._written, self.length + tokens)
        return self.length


def _zeros(shape: tuple[int, ...], *, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Return zeros; on the CPU the system's own, whose pages are not resident before they are written.

    `torch.zeros` writes them, and so has all the room resident from the start.
    """
    if device.type != "cpu":
        return torch.zeros(shape, device=device, dtype=dtype)
    size_bytes = math.prod(shape) * dtype.itemsize
    room = np.zeros(size_bytes + _ALIGNED_BYTES, np.uint8)
    first = -room.ctypes.data % _ALIGNED_BYTES  # as torch's own: where a sum begins may decide its last bit
    return torch.from_numpy(room[first : first + size_bytes]).view(dtype).view(shape)
