"""The decode step on CUDA, captured: a few hundred kernels are launched at once instead of one by one.

A step of the release's model reads 3 GB in 0.7 ms on the fastest cards, and takes Python longer to
say than the card to do. A captured graph repeats fixed kernels on fixed addresses. So id and position
lie in tensors that are filled before each replay; what is beyond the position is masked, not cut off;
and as reading all the room each time would cost more than the weights when the room is large, there
is one graph for each of a few windows, and the smallest that holds the position is replayed.

`fixed_step` is what is captured, and runs anywhere: tests compare it with `Llama.step` on the CPU.
"""

import sys
from dataclasses import dataclass

import torch
from torch import Tensor

from tts_core.errors import SettingError
from tts_core.lm.cache import KvCache
from tts_core.lm.layers import Sight
from tts_core.lm.llama import Llama
from tts_core.lm.rotary import one_turn
from tts_core.lm.rows import Rows

_SMALLEST_WINDOW = 256

#: Kernels choose their workspaces on their first runs, which must not be the captured one.
_WARM_UPS = 2


def windows(capacity_tokens: int) -> list[int]:
    """Return the windows that graphs are made for: doubling, the last one all the room."""
    found = [capacity_tokens]
    window = _SMALLEST_WINDOW
    while window < capacity_tokens:
        found.append(window)
        window *= 2
    return sorted(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInputs:
    """What a step is told, in tensors that stay where they are.

    Attributes:
        ids: int64 [1, 1].
        slot: int64 [1]: the id's position.
    """

    ids: Tensor
    slot: Tensor

    @classmethod
    def on(cls, device: torch.device) -> "StepInputs":
        """Make them, both 0."""
        return cls(
            ids=torch.zeros((1, 1), dtype=torch.int64, device=device),
            slot=torch.zeros(1, dtype=torch.int64, device=device),
        )

    @torch.inference_mode()
    def fill(self, *, id_: int, slot: int) -> None:
        """Say the next id and its position; on a card nothing waits."""
        self.ids.fill_(id_)
        self.slot.fill_(slot)


def fixed_step(llama: Llama, cache: KvCache, rows: Rows, inputs: StepInputs, window: int) -> Tensor:
    """Take in the id of `inputs` and return float32 [1, rows.count], looking at `window` positions always.

    As `Llama.step`, in fewer kernels: on a card each of the small ones costs as much as reading 10 MB.
    """
    mask = cache.unmasked[:window].masked_fill(cache.slots[:window] > inputs.slot, -torch.inf)
    turn = one_turn(cache.turns.at(inputs.slot))
    sight = Sight(turns=turn, slots=inputs.slot, window=window, mask=mask.to(llama.dtype))
    return llama.step_at(inputs.ids, sight, cache, rows)


class StepGraphs:
    """The step of one model over one cache, captured once for each window.

    It holds no reference to the cache, which holds it: the graphs write to where the cache's tensors
    are, and live no longer than they do.

    Args:
        llama: On CUDA.
        cache: Of the model's device and type, for one row, with nothing in it.
        rows: Of the head.

    Raises:
        SettingError: If the cache is in use, or not on a card.
    """

    @torch.inference_mode()
    def __init__(self, llama: Llama, cache: KvCache, rows: Rows) -> None:
        if cache.length or cache.device.type != "cuda":
            raise SettingError(
                f"steps are captured on CUDA over an empty cache; this one is on {cache.device} and has"
                f" {cache.length} positions in use"
            )
        self._llama = llama
        self._rows = rows
        self._inputs = StepInputs.on(cache.device)
        self._scores = torch.zeros((1, rows.count), device=cache.device)
        self._graphs = self._captured(cache)
        cache.reset()

    def serves(self, llama: Llama, rows: Rows) -> bool:
        """Return whether these are the steps of that model and those rows."""
        return self._llama is llama and self._rows == rows

    @torch.inference_mode()
    def step(self, id_: int, slot: int) -> Tensor:
        """Take in an id at a position; the caller keeps the cache's length.

        Returns:
            float32 [1, rows.count], the same memory each time: what was there before is overwritten.
        """
        self._inputs.fill(id_=id_, slot=slot)
        self._graphs[min(one for one in self._graphs if one > slot)].replay()
        return self._scores

    def _captured(self, cache: KvCache) -> dict[int, torch.cuda.CUDAGraph]:
        graphs: dict[int, torch.cuda.CUDAGraph] = {}
        with torch.cuda.device(cache.device):
            # One pool and one stream: graphs are replayed one at a time, and what leaves them lies outside.
            pool, aside = torch.cuda.graph_pool_handle(), torch.cuda.Stream(cache.device)
            for window in windows(cache.capacity_tokens):
                self._warm_up(cache, window, aside)
                # What the warm-up took is no part of the pool, and goes: the graph takes its own.
                _drop_workspaces()
                graphs[window] = torch.cuda.CUDAGraph()
                # Another thread may ask the driver for figures meanwhile: only this one's calls are watched.
                with torch.cuda.graph(
                    graphs[window], pool=pool, stream=aside, capture_error_mode="thread_local"
                ):
                    self._run(cache, window)
            _drop_workspaces()
            torch.cuda.empty_cache()  # of the warm-ups: nothing else computes on that stream
        return graphs

    def _warm_up(self, cache: KvCache, window: int, aside: torch.cuda.Stream) -> None:
        here = torch.cuda.current_stream(cache.device)
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UPS):
                self._run(cache, window)
        here.wait_stream(aside)
        torch.cuda.synchronize(cache.device)

    def _run(self, cache: KvCache, window: int) -> None:
        self._scores.copy_(fixed_step(self._llama, cache, self._rows, self._inputs, window))


def _drop_workspaces() -> None:
    """Have cuBLAS forget its workspaces, so that the graphs' own lie in their pool and stay while they do.

    A workspace is kept for each stream. One of earlier graphs, on the same stream, would be written to by
    these and be given back to the driver by whoever next empties caches. It has no public name.
    """
    clear = getattr(sys.modules["torch"]._C, "_cuda_clearCublasWorkspaces", None)
    if callable(clear):
        clear()


def graphs_for(llama: Llama, cache: KvCache, rows: Rows) -> StepGraphs:
    """Return the cache's graphs, captured now if these are not there yet; the cache must be empty then."""
    if cache.graphs is None or not cache.graphs.serves(llama, rows):
        cache.graphs = None  # what the old ones held is free before the new ones take it
        cache.graphs = StepGraphs(llama, cache, rows)
    return cache.graphs
