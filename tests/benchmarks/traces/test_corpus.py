"""The corpus: the same for the same seed, true to what it says, and told apart by our policies."""

import pytest

from benchmarks.detection.ours import HIDING, judged
from benchmarks.detection.score import STRONG_BYTES
from benchmarks.leaks import terms
from benchmarks.traces.corpus import CARDS, KINDS, drawn, seeds
from benchmarks.traces.recording import play
from supervisor.core.traces import SegmentEnd

#: Enough for each kind to do what it does.
TEXTS = 420


def test_the_halves_have_no_seed_in_common_and_every_card() -> None:
    train, held_out = seeds("train", 40), seeds("held-out", 40)
    assert not set(train) & set(held_out)
    for half in (train, held_out):
        assert {drawn("plain", seed, texts=1).card_bytes for seed in half} == set(CARDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_trace_is_the_same_each_time_and_another_for_another_seed(kind: str) -> None:
    first, again, other = (play(drawn(kind, seed, texts=40)) for seed in (3, 3, 5))
    assert first == again
    assert first[0] != other[0]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not KINDS[kind].leaks])
def test_nothing_leaks_in_a_benign_trace(kind: str) -> None:
    truth = play(drawn(kind, 2, texts=60))[1]
    assert (truth.leaks, truth.onset, set(truth.leaked_bytes)) == (False, 0, {0})


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].leaks])
def test_a_leak_begins_where_the_truth_says_and_goes_on(kind: str) -> None:
    truth = play(drawn(kind, 2, texts=TEXTS))[1]
    assert truth.leaks
    assert truth.leaked_bytes[truth.onset - 1] > 0
    assert not any(truth.leaked_bytes[: truth.onset - 1])
    assert truth.rate_bytes > 0


def test_without_declared_caches_nothing_else_changes() -> None:
    with_caches, without = (play(drawn("cache", 2, declare=one, texts=60))[0] for one in (True, False))
    hidden = HIDING["ours, no declared caches"]
    ends = [
        [r.vitals.live for r in records if isinstance(r, SegmentEnd)] for records in (with_caches, without)
    ]
    assert ends[0] == ends[1]
    assert {r.vitals.declared for r in without if isinstance(r, SegmentEnd)} == {0}
    assert {r.vitals.declared for r in hidden(with_caches) if isinstance(r, SegmentEnd)} == {None}


# ------------------------------------------------------------------ a slice of the training half


@pytest.mark.parametrize("seed", seeds("train", 2))
@pytest.mark.parametrize("kind", [kind for kind in KINDS if not KINDS[kind].leaks])
def test_no_benign_trace_is_called_a_leak(kind: str, seed: int) -> None:
    records, _ = play(drawn(kind, seed, texts=TEXTS))
    said = judged(records, terms())
    assert (said.flags, said.why) == ((), "")


@pytest.mark.parametrize("seed", seeds("train", 2))
@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].leaks])
def test_every_strong_leak_is_found_and_none_before_it_began(kind: str, seed: int) -> None:
    records, truth = play(drawn(kind, seed, texts=TEXTS))
    said = judged(records, terms())
    assert all(at >= truth.onset for at in said.flags)
    if truth.rate_bytes >= STRONG_BYTES:
        assert said.flags


def test_a_leak_within_torch_is_found_by_what_the_child_reports_alone() -> None:
    records, _ = play(drawn("constant", 6, texts=200))
    hidden = HIDING["ours, no per-process figures"](records)
    assert judged(hidden, terms()).flags
