"""Draw the next id from the scores: the two ways of upstream, with its arithmetic and its order of draws.

Repetition-aware sampling is of VALL-E 2 (Chen et al., 2024). A draw of one id is `argmax(p / q)` with
`q` from the exponential distribution, which is what torch's `multinomial` does for one draw, without
the two times that it waits for the card. On the CPU both consume the generator alike, bit for bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Generator, Tensor

from tts_core.errors import CheckpointError
from tts_core.lm.rows import Rows

NO_NUMBERS = (
    "the language model's scores are no numbers: its weights are damaged, or too large for their type"
)

#: The smallest positive float32, denormal ones included.
_LEAST = 2.0**-149


class Sampler(Protocol):
    """Draws one id.

    Args:
        scores: float32 [rows.count] of the rows that may be drawn; it is written to.
        rows: Which they are.
        emitted: The segment's ids so far.
        generator: On the scores' device; of this segment alone.
        end_allowed: Whether the segment is long enough to end.
    """

    def __call__(
        self, scores: Tensor, rows: Rows, emitted: Sequence[int], generator: Generator, *, end_allowed: bool
    ) -> int:
        """Return the id that was drawn."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ras:
    """Draw from the nucleus; where the id was among the last ones, draw once more from everything.

    Random numbers: one draw, and one more after a repetition. Before the minimum length the end has
    no probability.

    Attributes:
        top_p: The nucleus takes ids while those before have less than this.
        top_k: And at most so many.
        window: How many of the last ids are looked at.
        share: Of the window: as many occurrences are a repetition.
    """

    top_p: float = 0.8
    top_k: int = 25
    window: int = 10
    share: float = 0.1

    def __call__(
        self, scores: Tensor, rows: Rows, emitted: Sequence[int], generator: Generator, *, end_allowed: bool
    ) -> int:
        """Return the id that was drawn; arguments as `Sampler` says."""
        # Twice normalised, as upstream has it: the last bits count when the nucleus is cut.
        scores = scores.log_softmax(0)
        if not end_allowed:
            scores[rows.end_place] = -torch.inf
        weights = scores.softmax(0)
        found = rows.id_at(self._from_nucleus(weights, generator))
        if emitted[-self.window :].count(found) >= self.window * self.share:
            found = rows.id_at(_from_all(weights, rows, generator))
        return found

    def _from_nucleus(self, weights: Tensor, generator: Generator) -> int:
        best, places = _best(weights, self.top_k)
        if weights.device.type == "cpu":
            best = best[: _kept(best, self.top_p)]
        else:
            # All are drawn for and what is cut off weighs nothing: which of 25 the noise is for does not
            # depend on how many there are on a card, and the host need not wait to learn how many.
            before = best.cumsum(0) - best
            best = best * (before < self.top_p)
        return _chosen(best, places, generator)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopK:
    """Draw from the likeliest; where that is the end and it may not come yet, draw again.

    Attributes:
        top_k: How many are drawn from.
        draws: After so many draws of the end it is left out: upstream draws on, for ever if need be.
    """

    top_k: int = 25
    draws: int = 1000

    def __call__(
        self, scores: Tensor, rows: Rows, emitted: Sequence[int], generator: Generator, *, end_allowed: bool
    ) -> int:
        """Return the id that was drawn; arguments as `Sampler` says."""
        del emitted
        scores = scores.log_softmax(0)
        best, places = self._best(scores)
        for _ in range(self.draws):
            place = _chosen(best, places, generator)
            if end_allowed or place != rows.end_place:
                return rows.id_at(place)
        scores[rows.end_place] = -torch.inf
        return rows.id_at(_chosen(*self._best(scores), generator))

    def _best(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        best, places = scores.softmax(0).topk(min(self.top_k, scores.shape[0]))
        return best, places


def _best(weights: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the likeliest and their places, likeliest first; of equal ones the earlier place.

    As a stable sort of all would give them, in a fraction of its time, and without those that have
    no weight at all. On a card equal ones come as the card has them, the same each time.

    Raises:
        CheckpointError: On the CPU, if the weights are no numbers.
    """
    best, places = weights.topk(min(count, weights.shape[0]))
    if weights.device.type != "cpu":
        return best, places
    least = best[-1].clamp(min=_LEAST)
    places = (weights >= least).nonzero().squeeze(1)
    if not len(places):
        raise CheckpointError(NO_NUMBERS)
    best, order = weights[places].sort(descending=True, stable=True)
    return best[:count], places[order[:count]]


def _kept(best: Tensor, top_p: float) -> int:
    """Return how many of [N], likeliest first, have less than `top_p` before them.

    Added up one by one in float32, as upstream does; torch's own `cumsum` adds in float64 here.
    """
    sums = np.add.accumulate(best.numpy(), dtype=np.float32)
    return 1 + int((sums[:-1] < np.float32(top_p)).sum())


def _from_all(weights: Tensor, rows: Rows, generator: Generator) -> int:
    return int(_drawn(weights, rows.cut(_noise(rows.vocabulary, weights, generator))))


def _chosen(best: Tensor, places: Tensor, generator: Generator) -> int:
    # `take`, not an index: that would read the drawn place back from a card before the last word is said.
    return int(places.take(_drawn(best, _noise(best.shape[0], best, generator))))


def _noise(count: int, like: Tensor, generator: Generator) -> Tensor:
    return torch.empty(count, dtype=like.dtype, device=like.device).exponential_(generator=generator)


def _drawn(weights: Tensor, noise: Tensor) -> Tensor:
    return (weights / noise).argmax()
