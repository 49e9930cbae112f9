"""Voices made on a card: the ids of the CPU, and all of the memory given back."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
import torch

from tests.gpu.card import Card
from tests.tts_core.small_checkpoint import make_small_checkpoint, write_recording
from tts_core.audio.recording import read_recording
from tts_core.errors import OutOfMemory
from tts_core.voice.making import make_voice

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.gpu

CPU, CUDA = torch.device("cpu"), torch.device("cuda:0")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_small_checkpoint(tmp_path_factory.mktemp("checkpoint"))


def settled_bytes() -> int:
    """What the allocator holds once cuBLAS has the workspace that it never gives back."""
    torch.ones(64, 64, device=CUDA).mm(torch.ones(64, 64, device=CUDA)).sum().item()
    torch.cuda.empty_cache()
    return torch.cuda.memory_reserved()


def test_a_card_hears_the_tokens_of_the_cpu_and_keeps_nothing(
    card: Card, checkpoint: Path, tmp_path: Path
) -> None:
    del card
    recording = read_recording(write_recording(tmp_path / "a.wav", seed=1, seconds=12.0))
    before_bytes = settled_bytes()
    on_card = make_voice(recording, "", checkpoint, device=CUDA)
    assert torch.cuda.memory_reserved() == before_bytes
    # The sums are taken in another order: a frame between two codes may fall to either side, few do.
    same = on_card.speech == make_voice(recording, "", checkpoint, device=CPU).speech
    assert float(same.float().mean()) > 0.98


def test_a_full_card_is_told_with_a_mend_and_keeps_nothing(
    card: Card, checkpoint: Path, tmp_path: Path
) -> None:
    del card
    recording = read_recording(write_recording(tmp_path / "a.wav", seed=1))
    recording = replace(recording, samples=recording.samples[:, :48000])
    before_bytes = settled_bytes()
    limit = cast("Callable[[float], None]", vars(torch.cuda)["set_per_process_memory_fraction"])  # untyped
    limit(1e-6)
    try:
        with pytest.raises(OutOfMemory, match="before the language model is loaded, or on the CPU"):
            make_voice(recording, "", checkpoint, device=CUDA)
    finally:
        limit(1.0)
    assert torch.cuda.memory_reserved() == before_bytes
