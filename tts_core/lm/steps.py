"""Three ways to the next scores, alike from outside: cached, cached and captured, or all over again."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from tts_core.lm.cache import KvCache
from tts_core.lm.graphs import graphs_for
from tts_core.lm.llama import Llama
from tts_core.lm.rows import AudioRows, Rows


class Steps(Protocol):
    """One segment's way through the model."""

    def begin(self, ids: Sequence[int]) -> Tensor:
        """Forget what was before, take in a prompt, and return float32 [rows.count] of what follows."""
        ...

    def step(self, id_: int) -> Tensor:
        """Take in one id more and return float32 [rows.count]; the last answer may be gone then."""
        ...


class CachedSteps:
    """Over a cache: each id is computed once. On CUDA the steps are captured ones."""

    def __init__(self, llama: Llama, cache: KvCache, rows: Rows) -> None:
        self._llama = llama
        self._cache = cache
        self._rows = rows
        # All rows are for comparisons: not worth graphs of their own.
        captured = cache.captured and isinstance(rows, AudioRows)
        cache.reset()
        self._graphs = graphs_for(llama, cache, rows) if captured else None

    def begin(self, ids: Sequence[int]) -> Tensor:
        """Fill the cache with a prompt."""
        self._cache.reset()
        given = torch.tensor([ids], dtype=torch.int64, device=self._cache.device)
        return self._llama.prefill(given, self._cache, self._rows)[0]

    def step(self, id_: int) -> Tensor:
        """Take in one id."""
        if self._graphs is None:
            given = torch.full((1, 1), id_, dtype=torch.int64, device=self._cache.device)
            return self._llama.step(given, self._cache, self._rows)[0]
        slot = self._cache.take_room(1)
        scores = self._graphs.step(id_, slot)
        self._cache.length = slot + 1
        return scores[0]


class RepeatedSteps:
    """Without a cache: everything is computed again for each id, and nothing is held in between.

    The less memory, the more time: each step costs what the prompt costs.
    """

    def __init__(self, llama: Llama, rows: Rows) -> None:
        self._llama = llama
        self._rows = rows
        self._ids: list[int] = []

    def begin(self, ids: Sequence[int]) -> Tensor:
        """Take in a prompt."""
        self._ids = list(ids)
        return self._all()

    def step(self, id_: int) -> Tensor:
        """Take in one id."""
        self._ids.append(id_)
        return self._all()

    def _all(self) -> Tensor:
        given = torch.tensor([self._ids], dtype=torch.int64, device=self._llama.device)
        return self._llama.last(given, self._rows)[0]
