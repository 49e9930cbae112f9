from hypothesis import given
from hypothesis import strategies as st

from supervisor.policy.fragmentation import Fragmentation
from supervisor.policy.verdict import Verdict

WORTH = 100


def run(pieces: Fragmentation, *seen: tuple[int | None, int | None]) -> list[Verdict]:
    return [pieces.take(retries=retries, inactive_split_bytes=split) for retries, split in seen]


@given(st.lists(st.none() | st.integers(0, 10**6), max_size=30))
def test_pieces_alone_are_no_harm(splits: list[int | None]) -> None:
    pieces = Fragmentation(worth_bytes=WORTH)
    assert set(run(pieces, *[(0, split) for split in splits])) <= {Verdict.KEEP}
    assert pieces.why == ""


@given(st.lists(st.integers(0, 10**6), max_size=30))
def test_without_figures_nothing_is_said(splits: list[int]) -> None:
    pieces = Fragmentation(worth_bytes=WORTH)
    assert set(run(pieces, *[(None, split) for split in splits])) <= {Verdict.KEEP}


def test_the_starts_own_searches_do_not_count() -> None:
    assert run(Fragmentation(worth_bytes=WORTH), (7, 0), (7, 0)) == [Verdict.KEEP] * 2


def test_a_search_asks_for_a_release_and_one_that_does_not_help_for_a_recycle() -> None:
    pieces = Fragmentation(worth_bytes=WORTH)
    assert run(pieces, (0, 50), (1, 150)) == [Verdict.KEEP, Verdict.RELEASE]
    assert "searched for room in 1 of the last 2 segments" in pieces.why
    pieces.released()
    assert run(pieces, (2, 150), (3, 150), (4, 150)) == [Verdict.KEEP, Verdict.KEEP, Verdict.RECYCLE]


def test_pieces_that_are_not_worth_it_cost_no_child_its_life() -> None:
    pieces = Fragmentation(worth_bytes=WORTH)
    run(pieces, (0, 50), (1, 149))
    pieces.released()
    assert set(run(pieces, *[(2 + n, 149) for n in range(10)])) == {Verdict.KEEP}


def test_a_release_that_helped_is_the_first_answer_again() -> None:
    pieces = Fragmentation(worth_bytes=WORTH)
    run(pieces, (0, 0), (1, 500))
    pieces.released()
    assert set(run(pieces, *[(1, 500)] * 10)) == {Verdict.KEEP}
    assert pieces.why == ""
    assert run(pieces, (2, 500)) == [Verdict.RELEASE]


def test_what_is_asked_for_and_not_done_is_asked_for_again() -> None:
    pieces = Fragmentation(worth_bytes=WORTH)
    assert run(pieces, (0, 0), (1, None), (2, 500)) == [Verdict.KEEP, Verdict.RELEASE, Verdict.RELEASE]
