"""Which rows of the head are computed: all of them, or the audio ids and the end alone.

Upstream draws over the whole vocabulary, and a text id that is drawn ends in an assert on the card
that only a new process gets over. The default here is to compute the rows that may be spoken, and
nothing else can come out; it is also a third of the head's memory traffic. The noise of a draw is
still made for the whole vocabulary and cut in the same way, so that the same seed draws the same ids
in either form, as long as the model gives text ids no mass.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from tts_core.errors import CheckpointError


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioIds:
    """The special ids of a checkpoint, found by string (never taken for granted).

    Attributes:
        end: `<|user|>`: the segment's audio is over.
        begin: `<|begin_of_audio|>`: between text and audio.
        first: `<|audio_0|>`.
        count: How many audio ids follow one another from `first` on.
    """

    end: int
    begin: int
    first: int
    count: int


class Rows(Protocol):
    """A selection of the vocabulary's rows, in an order of its own."""

    @property
    def vocabulary(self) -> int:
        """How many rows there are in all."""
        ...

    @property
    def count(self) -> int:
        """How many are selected."""
        ...

    @property
    def end_place(self) -> int:
        """Where the end is among the selected ones."""
        ...

    def scores(self, hidden: Tensor, head: Tensor) -> Tensor:
        """Return float32 [B, count] of [B, D] hidden and the whole head [V, D]."""
        ...

    def cut(self, whole: Tensor) -> Tensor:
        """Return the selected ones [count] of one figure for each row [V]."""
        ...

    def id_at(self, place: int) -> int:
        """Return the id whose row is selected at a place."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AllRows:
    """The whole vocabulary in its own order, as upstream has it."""

    vocabulary: int
    end: int

    @property
    def count(self) -> int:
        """All of them."""
        return self.vocabulary

    @property
    def end_place(self) -> int:
        """Its own id."""
        return self.end

    def scores(self, hidden: Tensor, head: Tensor) -> Tensor:
        """Return float32 [B, V]."""
        return functional.linear(hidden, head).float()

    def cut(self, whole: Tensor) -> Tensor:
        """Return the figures as they are."""
        return whole

    def id_at(self, place: int) -> int:
        """Return the place itself."""
        return place


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioRows:
    """The end in the first place, then the audio ids; the head's rows are seen in place, not copied.

    Raises:
        CheckpointError: If the ids do not lie within the vocabulary.
    """

    vocabulary: int
    ids: AudioIds

    def __post_init__(self) -> None:
        last = self.ids.first + self.ids.count - 1
        if self.ids.count < 1 or not all(
            0 <= one < self.vocabulary for one in (self.ids.end, self.ids.begin, self.ids.first, last)
        ):
            raise CheckpointError(
                f"the tokenizer's ids (end {self.ids.end}, begin {self.ids.begin}, audio {self.ids.first} to"
                f" {last}) do not fit a language model of {self.vocabulary} ids: two releases are mixed"
            )

    @property
    def count(self) -> int:
        """The audio ids and the end."""
        return self.ids.count + 1

    @property
    def end_place(self) -> int:
        """Before all others, as its id is smaller than theirs."""
        return 0

    def scores(self, hidden: Tensor, head: Tensor) -> Tensor:
        """Return float32 [B, 1 + count of audio ids]."""
        end, audio = self._parts(head)
        return torch.cat((functional.linear(hidden, end), functional.linear(hidden, audio)), -1).float()

    def cut(self, whole: Tensor) -> Tensor:
        """Return the end's figure, then those of the audio ids."""
        return torch.cat(self._parts(whole))

    def id_at(self, place: int) -> int:
        """Return the end's id for place 0, else the audio id."""
        return self.ids.end if place == 0 else self.ids.first + place - 1

    def _parts(self, whole: Tensor) -> tuple[Tensor, Tensor]:
        ids = self.ids
        return whole[ids.end : ids.end + 1], whole[ids.first : ids.first + ids.count]
