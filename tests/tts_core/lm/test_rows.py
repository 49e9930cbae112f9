"""The rows of the head that are computed are those of the whole head."""

import pytest
import torch

from tests.tts_core.lm.models import ALL, AUDIO, IDS, VOCABULARY, dice, numbers
from tts_core.errors import CheckpointError
from tts_core.lm.rows import AudioIds, AudioRows


def test_scores_of_some_rows_are_those_of_all_cut() -> None:
    hidden, head = torch.randn(3, 64, generator=dice()), torch.randn(VOCABULARY, 64, generator=dice(1))
    whole = ALL.scores(hidden, head)
    for row, found in zip(whole, AUDIO.scores(hidden, head), strict=True):
        assert torch.allclose(found, AUDIO.cut(row), atol=1e-5)


def test_scores_are_float32_whatever_the_weights_are() -> None:
    hidden, head = torch.randn(1, 64).bfloat16(), torch.randn(VOCABULARY, 64).bfloat16()
    assert ALL.scores(hidden, head).dtype == AUDIO.scores(hidden, head).dtype == torch.float32


def test_each_place_has_the_id_whose_row_was_cut() -> None:
    ids = torch.arange(VOCABULARY)
    assert [AUDIO.id_at(place) for place in range(AUDIO.count)] == numbers(AUDIO.cut(ids))
    assert [ALL.id_at(place) for place in range(ALL.count)] == numbers(ALL.cut(ids))
    assert AUDIO.id_at(AUDIO.end_place) == ALL.id_at(ALL.end_place) == IDS.end


@pytest.mark.parametrize(
    "ids",
    [
        AudioIds(end=47, begin=54, first=200, count=128),
        AudioIds(end=256, begin=54, first=100, count=128),
        AudioIds(end=47, begin=-1, first=100, count=128),
        AudioIds(end=47, begin=54, first=100, count=0),
    ],
)
def test_ids_outside_the_model_are_refused(ids: AudioIds) -> None:
    with pytest.raises(CheckpointError, match="256 ids"):
        AudioRows(vocabulary=VOCABULARY, ids=ids)
