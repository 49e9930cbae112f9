"""Both samplers beside the same ones written one entry at a time, over torch's own `multinomial`."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator, Tensor

from tests.tts_core.lm.models import ALL, AUDIO, IDS, VOCABULARY, dice
from tts_core.errors import CheckpointError
from tts_core.lm.rows import AllRows
from tts_core.lm.sampling import Ras, TopK

#: From nearly even to one id alone.
SHARPNESS = st.sampled_from([0.0, 0.3, 1.0, 3.0, 10.0, 60.0])


def scores_of(seed: int, sharpness: float, *, count: int = VOCABULARY, coarse: bool = False) -> Tensor:
    """Random scores; coarse ones have many ties, as those of bfloat16 do."""
    scores = torch.randn(count, generator=dice(seed)) * sharpness
    return (scores * 4).round() / 4 if coarse else scores


def slow_nucleus(weights: Tensor, generator: Generator) -> int:
    ordered = sorted(range(weights.shape[0]), key=lambda one: (-float(weights[one]), one))
    kept: list[int] = []
    total = torch.zeros(())
    for one in ordered:
        if not (bool(total < 0.8) and len(kept) < 25):
            break
        total = total + weights[one]
        kept.append(one)
    return kept[int(weights[kept].multinomial(1, replacement=True, generator=generator))]


def slow_ras(scores: Tensor, end: int, emitted: list[int], generator: Generator, *, end_allowed: bool) -> int:
    scores = scores.log_softmax(0)
    if not end_allowed:
        scores[end] = float("-inf")
    found = slow_nucleus(scores.softmax(0), generator)
    if sum(1 for one in emitted[-10:] if one == found) >= 10 * 0.1:
        found = int(scores.softmax(0).multinomial(1, replacement=True, generator=generator))
    return found


def slow_top_k(scores: Tensor, end: int, generator: Generator, *, end_allowed: bool) -> int:
    while True:
        best, places = scores.log_softmax(0).softmax(0).topk(25)
        found = int(places[best.multinomial(1, replacement=True, generator=generator)])
        if end_allowed or found != end:
            return found


@given(st.integers(0, 10**6), SHARPNESS, st.booleans(), st.booleans())
@settings(max_examples=40)
def test_repetition_aware_sampling_is_its_slow_form_draw_by_draw(
    seed: int, sharpness: float, end_allowed: bool, coarse: bool
) -> None:
    """Twelve draws of one generator each: one number too many or too few would shift all that follow."""
    fast, slow = dice(seed), dice(seed)
    emitted: list[int] = []
    for at in range(12):
        scores = scores_of(seed + at, sharpness, coarse=coarse)
        expected = slow_ras(scores, IDS.end, emitted, slow, end_allowed=end_allowed)
        assert Ras()(scores.clone(), ALL, emitted, fast, end_allowed=end_allowed) == expected
        emitted.append(expected)
    assert torch.equal(fast.get_state(), slow.get_state())


@pytest.mark.parametrize("count", range(2, 32))
def test_the_nucleus_is_cut_by_sums_in_float32_taken_one_by_one(count: int) -> None:
    """Of even shares the sums come to just about 0.8: in float64 some are cut one id earlier or later."""
    scores = torch.full((VOCABULARY,), -200.0)
    scores[IDS.first : IDS.first + count] = 0.0
    fast, slow = dice(count), dice(count)
    expected = slow_ras(scores, IDS.end, [], slow, end_allowed=True)
    assert Ras()(scores.clone(), ALL, [], fast, end_allowed=True) == expected
    assert torch.equal(fast.get_state(), slow.get_state())


@given(st.integers(0, 10**6), SHARPNESS)
@settings(max_examples=20)
def test_a_big_vocabulary_is_no_other_matter(seed: int, sharpness: float) -> None:
    scores = scores_of(seed, sharpness, count=5000)
    rows = AllRows(vocabulary=5000, end=7)
    expected = slow_ras(scores, 7, [], dice(seed), end_allowed=True)
    assert Ras()(scores.clone(), rows, [], dice(seed), end_allowed=True) == expected


@given(st.integers(0, 10**6), st.sampled_from([0.3, 1.0, 3.0]), st.booleans())
def test_top_k_is_its_slow_form_draw_by_draw(seed: int, sharpness: float, end_allowed: bool) -> None:
    fast, slow = dice(seed), dice(seed)
    for at in range(10):
        scores = scores_of(seed + at, sharpness)
        scores[IDS.end] = scores.max()  # so that it is drawn often, and not for ever
        expected = slow_top_k(scores, IDS.end, slow, end_allowed=end_allowed)
        assert TopK()(scores.clone(), ALL, [], fast, end_allowed=end_allowed) == expected
    assert torch.equal(fast.get_state(), slow.get_state())


@given(st.integers(0, 10**6), SHARPNESS, st.booleans())
@settings(max_examples=40)
def test_rows_of_audio_alone_draw_what_all_rows_draw_where_text_has_no_mass(
    seed: int, sharpness: float, end_allowed: bool
) -> None:
    few, many = dice(seed), dice(seed)
    emitted: list[int] = []
    for at in range(20):
        whole = torch.full((VOCABULARY,), -torch.inf)
        audible = torch.cat((torch.tensor([IDS.end]), torch.arange(IDS.first, IDS.first + IDS.count)))
        whole[audible] = scores_of(seed + at, sharpness, count=AUDIO.count)
        expected = Ras()(whole.clone(), ALL, emitted, many, end_allowed=end_allowed)
        assert Ras()(AUDIO.cut(whole), AUDIO, emitted, few, end_allowed=end_allowed) == expected
        emitted.append(expected)
    assert torch.equal(few.get_state(), many.get_state())


def test_the_end_is_not_drawn_before_it_may_come_though_it_were_all_there_is() -> None:
    scores = torch.zeros(AUDIO.count)
    scores[AUDIO.end_place] = 500.0
    for sampler in (Ras(), TopK()):
        generator = dice()
        drawn = {sampler(scores.clone(), AUDIO, [], generator, end_allowed=False) for _ in range(50)}
        assert IDS.end not in drawn
        assert len(drawn) > 5
        assert sampler(scores.clone(), AUDIO, [], generator, end_allowed=True) == IDS.end


def test_an_id_that_was_drawn_ten_ids_ago_is_a_repetition_and_eleven_ago_is_none() -> None:
    scores = torch.full((VOCABULARY,), -30.0)
    scores[150] = 0.0
    others = list(range(200, 210))
    once, twice = dice(), dice()
    Ras()(scores.clone(), ALL, [150, *others], once, end_allowed=True)
    Ras()(scores.clone(), ALL, [150, *others[1:]], twice, end_allowed=True)
    expected = dice()
    torch.empty(1).exponential_(generator=expected)
    assert torch.equal(once.get_state(), expected.get_state())
    torch.empty(VOCABULARY).exponential_(generator=expected)
    assert torch.equal(twice.get_state(), expected.get_state())


def test_scores_that_are_no_numbers_are_told() -> None:
    with pytest.raises(CheckpointError, match="no numbers"):
        Ras()(torch.full((VOCABULARY,), torch.nan), ALL, [], dice(), end_allowed=True)


def test_other_constants_than_upstream_s_count() -> None:
    scores = scores_of(0, 1.0)
    best = int(scores.argmax())
    for seed in range(20):
        assert Ras(top_k=1)(scores.clone(), ALL, [], dice(seed), end_allowed=True) == best
        assert Ras(top_p=1e-9)(scores.clone(), ALL, [], dice(seed), end_allowed=True) == best
        assert TopK(top_k=1)(scores.clone(), ALL, [], dice(seed), end_allowed=True) == best


def test_drawing_leaves_the_process_s_own_generator_alone() -> None:
    before = torch.get_rng_state()
    for sampler in (Ras(), TopK()):
        sampler(scores_of(0, 1.0), ALL, [3], dice(), end_allowed=True)
    assert torch.equal(torch.get_rng_state(), before)
