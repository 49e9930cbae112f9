"""Llama (Touvron et al., 2023) for few rows and long prompts.

Names of parameters are those of the checkpoints. Two things differ from the usual form: only the last
row reaches the head, and of the head only the rows that are wanted; keys and values go into room that
is there already.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from tts_core.lm.cache import KvCache
from tts_core.lm.config import LmConfig
from tts_core.lm.layers import Attention, FeedForward, Layer, Norm, Sight
from tts_core.lm.rotary import turns
from tts_core.lm.rows import Rows


class Body(nn.Module):
    """Ids to the stream's last state; `model.` in the files."""

    def __init__(self, config: LmConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = Norm(config.hidden_size, config.rms_norm_eps)

    def forward(self, ids: Tensor, sight: Sight, cache: KvCache | None) -> Tensor:
        """Return [B, T, D], not yet normalised, of int64 [B, T]."""
        stream = self.embed_tokens(ids)
        rooms = [None] * len(self.layers) if cache is None else cache.layers
        for layer, room in zip(self.layers, rooms, strict=True):
            layer(stream, sight, room)
        return stream


class Llama(nn.Module):
    """The language model. All rows of a batch are at the same position: nothing is padded.

    Build it on the `meta` device and fill it with `loading.load_llama`. `rows` says which rows of the
    head are wanted.
    """

    def __init__(self, config: LmConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Body(config)
        if not config.tie_word_embeddings:
            self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)

    @property
    def head(self) -> Tensor:
        """The rows that score ids, [V, D]; the embedding's own where they are tied."""
        return self.model.embed_tokens.weight if self.config.tie_word_embeddings else self.lm_head.weight

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.norm.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Of weights and stream."""
        return self.model.norm.weight.dtype

    @torch.inference_mode()
    def prefill(self, ids: Tensor, cache: KvCache, rows: Rows) -> Tensor:
        """Take in what comes first, or next: whole and in pieces are the same.

        Args:
            ids: int64 [B, T].
            cache: Gets T more positions; none where this fails, so that it may be tried again.
            rows: Of the head.

        Returns:
            float32 [B, rows.count]: the scores of what follows the last id.

        Raises:
            SettingError: If the cache has no room for them.
        """
        count = ids.shape[1]
        start = cache.take_room(count)
        window = start + count
        slots = cache.slots[start:window]
        mask = None if start == 0 else cache.slots[:window] <= slots[:, None]
        sight = Sight(turns=cache.turns.at(slots), slots=slots, window=window, mask=mask)
        found = self._scores(self.model(ids, sight, cache), rows)
        cache.length = window  # last of all: a pass that failed took nothing
        return found

    @torch.inference_mode()
    def step(self, ids: Tensor, cache: KvCache, rows: Rows) -> Tensor:
        """Take in one id, int64 [B, 1], and return float32 [B, rows.count]; as `prefill` for one id, faster.

        Raises:
            SettingError: If the cache is full.
        """
        start = cache.take_room(1)
        slots = cache.slots[start : start + 1]
        sight = Sight(
            turns=cache.turns.at(slots), slots=slots, window=start + 1, mask=cache.unmasked[: start + 1]
        )
        found = self.step_at(ids, sight, cache, rows)
        cache.length = start + 1
        return found

    def step_at(self, ids: Tensor, sight: Sight, cache: KvCache, rows: Rows) -> Tensor:
        """Take in one id wherever `sight` says.

        What a captured step runs: neither position nor id is known to the host. The cache's length
        is the caller's to keep.

        Args:
            ids: int64 [B, 1].
            sight: Of that one position, with a mask.
            cache: Of which the first `sight.window` positions are read.
            rows: Of the head.
        """
        return self._scores(self.model(ids, sight, cache), rows)

    @torch.inference_mode()
    def last(self, ids: Tensor, rows: Rows) -> Tensor:
        """Return float32 [B, rows.count] for the last of int64 [B, T]; nothing is kept."""
        return self._scores(self._uncached(ids), rows)

    @torch.inference_mode()
    def logits(self, ids: Tensor) -> Tensor:
        """Return float32 [B, T, V] of int64 [B, T]: every position's scores, for comparisons."""
        return functional.linear(self.model.norm(self._uncached(ids)), self.head).float()

    def join(self, device: torch.device, dtype: torch.dtype) -> None:
        """Move there; projections of the same input become one product, with no weight held twice.

        Fewer and larger products are what a step on a card takes its time from. On the CPU it gains
        little and would copy weights that are mapped from the file.
        """
        for one in self.modules():
            if isinstance(one, (Attention, FeedForward)):
                one.join(device, dtype)
        for one in self.parameters():
            one.data = one.data.to(device=device, dtype=dtype)

    def _uncached(self, ids: Tensor) -> Tensor:
        config = self.config
        at = turns(
            ids.shape[1], config.head_dim, theta=config.rope_theta, device=ids.device, dtype=self.dtype
        )
        return self.model(ids, Sight(turns=at, slots=None, window=ids.shape[1], mask=None), None)

    def _scores(self, x: Tensor, rows: Rows) -> Tensor:
        return rows.scores(self.model.norm(x[:, -1]), self.head)
