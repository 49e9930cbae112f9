from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from supervisor.policy.headroom import Need, Room, judge_room, margin_bytes
from supervisor.policy.verdict import Verdict

MIB = 2**20


def learned(*texts: tuple[int, int]) -> Need:
    need = Need()
    for chars, needed in texts:
        need.take(chars, needed)
    return need


# ------------------------------------------------------------------ what texts need


@pytest.mark.parametrize(("total", "margin"), [(24 * 2**30, 64 * MIB), (1000 * MIB, 8 * MIB), (0, 0)])
def test_the_margin_is_small_on_a_small_card(total: int, margin: int) -> None:
    assert margin_bytes(total) == margin


def test_of_what_was_never_seen_nothing_is_known() -> None:
    assert not Need().is_known
    assert Need().high_bytes(100) == Need().low_bytes(100) == 0


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 10**9)), min_size=1), st.integers(1, 2000))
def test_the_high_estimate_covers_every_text_seen_as_long_or_shorter(
    texts: list[tuple[int, int]], chars: int
) -> None:
    need = learned(*texts)
    covered = max((needed for at, needed in texts if at <= chars), default=0)
    assert need.high_bytes(chars) >= covered
    assert need.high_bytes(chars) >= need.low_bytes(chars)


@given(
    st.integers(1, 50), st.integers(0, 10**8), st.lists(st.integers(8, 400), min_size=8), st.integers(8, 800)
)
def test_where_need_is_a_straight_line_the_low_estimate_is_never_above_it(
    slope: int, fixed: int, lengths: list[int], chars: int
) -> None:
    # Else nothing is known of what is fixed; the longest that is kept may be a fifth shorter than all.
    assume(min(lengths) <= max(lengths) / 2.5)
    need = learned(*[(at, fixed + slope * 1000 * at) for at in lengths])
    assert need.low_bytes(chars) <= fixed + slope * 1000 * chars


def test_where_no_text_was_short_a_longer_one_is_told_by_the_character_alone() -> None:
    need = learned(*[(at, 128 + 1000 * at) for at in (*[129] * 7, 258, 256)])
    assert need.low_bytes(258) == 258_129  # and not 258,128: 256 is the longest that is kept


def test_a_text_longer_than_all_is_told_by_the_character() -> None:
    need = learned((100, 1000), (50, 600), (10, 500))
    assert need.high_bytes(100) == 1320
    assert need.high_bytes(200) == 2640  # 12 a character, from texts of half the longest's length on, not 50
    assert need.high_bytes(60) == 792  # 600 were seen for fewer
    assert need.high_bytes(4) == 220  # all are longer: the dearest character of them
    assert need.low_bytes(200) == 1555  # the flattest line from the longest to those half as long
    assert need.low_bytes(100) == 1000
    assert need.low_bytes(60) == 600
    assert need.low_bytes(4) == 0
    assert need.low_bytes(100 * 16) == need.low_bytes(100 * 17) == 9333  # no line is trusted further


def test_an_answer_is_not_kept_beyond_what_it_was_learned_from() -> None:
    need = learned((100, 1000))
    assert need.high_bytes(100) == 1100
    need.take(100, 2000)
    assert need.high_bytes(100) == 2200
    need.take(100, 1500)
    assert need.high_bytes(100) == 2200
    assert need.low_bytes(100) == 1000


def test_two_texts_are_no_proof() -> None:
    need = learned((100, 1000), (50, 500))
    assert need.low_bytes(100) == 0
    need.take(70, 800)
    assert need.low_bytes(100) == 1000


def test_of_lengths_that_are_all_alike_all_goes_by_the_character() -> None:
    need = learned((100, 1000), (99, 1010), (98, 980))
    assert need.low_bytes(400) == 4000  # three of one class of lengths
    assert need.likely_bytes(400) == pytest.approx(1010 / 99 * 400, abs=2)


@given(
    st.lists(st.tuples(st.integers(1, 500), st.integers(0, 10**9)), min_size=3),
    st.integers(1, 20_000),
    st.integers(1, 20_000),
)
def test_a_longer_text_never_needs_less(texts: list[tuple[int, int]], one: int, other: int) -> None:
    need = learned(*texts)
    assert need.low_bytes(min(one, other)) <= need.low_bytes(max(one, other))


def test_a_peak_below_what_was_there_is_no_need() -> None:
    need = learned((100, -5), (100, -5), (100, -5))
    assert need.high_bytes(100) == need.low_bytes(100) == 0


# ------------------------------------------------------------------ room for the next

ROOM = Room(limit=100, used=80, floor=70, slack=10, grown=30, fresh=40, others=0, worth=10)


@pytest.mark.parametrize(
    ("change", "high", "low", "expected"),
    [
        ({}, 20, 0, Verdict.KEEP),  # on the limit
        ({}, 31, 0, Verdict.RECYCLE),
        ({"grown": 9}, 31, 0, Verdict.RELEASE),  # a recycle is not worth it; a release is
        ({"grown": 9, "floor": 71}, 31, 0, Verdict.KEEP),
        ({"others_grew": 120}, 31, 0, Verdict.RECYCLE),
        ({"others_grew": 121}, 31, 0, Verdict.RELEASE),  # a little of ours beside much of theirs
        ({}, 30, 0, Verdict.RELEASE),  # fits after a release
        ({"slack": 20}, 30, 0, Verdict.KEEP),  # half of what is reserved can be used
        ({}, 60, 60, Verdict.RECYCLE),  # on the limit for a fresh child
        ({}, 61, 61, Verdict.REFUSE),
        ({"others": 1}, 60, 60, Verdict.PAUSE),
        ({"others": 60}, 60, 60, Verdict.PAUSE),
        ({"fresh": None}, 61, 61, Verdict.RECYCLE),
        ({"others": None}, 61, 61, Verdict.RECYCLE),
        (
            {"grown": 0},
            31,
            31,
            Verdict.RECYCLE,
        ),  # there is no room here for sure, and there is beside a fresh one
        ({"used": 30, "floor": 30}, 61, 61, Verdict.KEEP),  # it fits as it is
    ],
)
def test_a_text_waits_for_what_makes_room_for_it(
    change: dict[str, int | None], high: int, low: int, expected: Verdict
) -> None:
    room = replace(ROOM, **change)
    assert judge_room(room, high_bytes=high, low_bytes=low, released=False) is expected


def test_others_are_not_waited_for_by_a_text_that_would_not_fit_then_either() -> None:
    room = replace(ROOM, others=20)
    for likely, expected in ((60, Verdict.PAUSE), (61, Verdict.REFUSE)):
        assert judge_room(room, high_bytes=70, low_bytes=50, likely_bytes=likely, released=False) is expected


@pytest.mark.parametrize(
    ("change", "high", "low", "expected"),
    [
        ({"others_grew": 9}, 61, 31, Verdict.RECYCLE),  # others did nothing: what can be done is done
        ({"others_grew": 10}, 60, 31, Verdict.RECYCLE),  # it gives back what is missing
        ({"others_grew": 10}, 61, 31, Verdict.PAUSE),  # it does not
        ({"others_grew": 10}, 61, 30, Verdict.RELEASE),  # it may find room in its own reserve
        ({"others_grew": 10}, 61, 0, Verdict.RELEASE),
    ],
)
def test_no_child_is_replaced_for_what_others_took(
    change: dict[str, int | None], high: int, low: int, expected: Verdict
) -> None:
    room = replace(ROOM, **change)
    assert judge_room(room, high_bytes=high, low_bytes=low, released=False) is expected


def test_one_release_is_enough() -> None:
    room = replace(ROOM, grown=0)
    assert judge_room(room, high_bytes=26, low_bytes=0, released=False) is Verdict.RELEASE
    assert judge_room(room, high_bytes=26, low_bytes=0, released=True) is Verdict.KEEP


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 60))
def test_a_text_that_fits_as_it_is_is_never_held_up(used: int, others: int, high: int) -> None:
    room = replace(ROOM, used=used, floor=used, others=others)
    if used + high <= room.limit:
        assert judge_room(room, high_bytes=high, low_bytes=high, released=False) is Verdict.KEEP
