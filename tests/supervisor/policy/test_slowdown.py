import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.policy.slowdown import Slowdown, SlowLives

CHARS = 100
OWN_S = 2.0
#: Warm-up, the eight that make a pace, and the five that are looked at.
PACED = 4 + 8 + 5


def spoken(life: Slowdown, *works_s: float, chars: int = CHARS) -> Slowdown:
    for work_s in works_s:
        life.take(chars, work_s)
    return life


def paced(before: SlowLives | None = None, work_s: float = OWN_S) -> Slowdown:
    return spoken(Slowdown(before or SlowLives()), *[work_s] * PACED)


@pytest.mark.parametrize(("factor", "slow"), [(1.99, False), (2.0, True), (4.0, True)])
def test_five_at_twice_its_own_pace_are_slow(factor: float, *, slow: bool) -> None:
    life = spoken(paced(), *[factor * OWN_S] * 4)
    assert life.why == ""  # four are not five
    assert bool(spoken(life, factor * OWN_S).why) is slow


def test_the_sentence_has_the_figures() -> None:
    life = spoken(paced(), *[5.0] * 5)
    assert life.why == (
        "the last 5 segments took 2.5 times this life's own pace of 20.0 ms a character, 15 s lost"
    )
    assert spoken(life, OWN_S).why == ""  # one in between at its pace: over


@given(st.lists(st.sampled_from([0.5, 1.0, 1.9]), max_size=60))
def test_what_varies_by_less_than_twice_is_never_slow(factors: list[float]) -> None:
    life = Slowdown(SlowLives())
    for factor in factors:
        spoken(life, factor)
        assert factor < 1.9 or life.median_s_per_char >= 0.5 / CHARS or life.why == ""


@given(st.integers(1, PACED - 1))
def test_a_life_that_is_young_has_no_pace(count: int) -> None:
    life = spoken(Slowdown(SlowLives()), *[OWN_S] * count)
    assert life.why == ""
    assert life.median_s_per_char == 0.0 or count == PACED - 1


def test_its_warm_up_is_not_its_pace() -> None:
    life = spoken(Slowdown(SlowLives()), *[60.0] * 4, *[OWN_S] * 13)
    assert life.median_s_per_char == pytest.approx(OWN_S / CHARS)


def test_short_texts_are_left_out_for_what_they_cost_is_not_their_characters() -> None:
    life = paced()
    for _ in range(20):
        spoken(life, OWN_S, chars=33)
    assert life.why == ""
    assert spoken(life, *[2 * OWN_S] * 5, chars=34).why  # a third of the usual length counts


def test_moments_that_are_lost_are_not_worth_a_start() -> None:
    quick = spoken(paced(work_s=0.001), *[0.1] * 5)
    assert quick.why == ""
    assert spoken(paced(work_s=0.1), *[0.31] * 5).why  # a second in five


def test_a_pace_that_creeps_does_not_take_its_measure_along() -> None:
    life = paced()
    whys = [spoken(life, OWN_S * 1.01**n).why for n in range(100)]
    assert not any(whys[:60])
    assert any(whys)
    assert all(whys[93:])


def test_a_long_life_is_measured_by_its_beginning() -> None:
    life = paced()
    spoken(life, *[OWN_S] * 200)
    spoken(life, *[3 * OWN_S] * 200)
    assert life.median_s_per_char == pytest.approx(OWN_S / CHARS)
    assert life.why


# ------------------------------------------------------------------ over lives


def replaced(before: SlowLives, *, own_s: float, slow_s: float) -> bool:
    """Speak one life that goes slow; say whether it is replaced."""
    life = spoken(paced(before, own_s), *[slow_s] * 5)
    if life.why:
        life.replaced()
    return bool(life.why)


def test_a_fresh_child_that_helps_is_asked_for_again() -> None:
    before = SlowLives()
    assert all(replaced(before, own_s=OWN_S, slow_s=2.5 * OWN_S) for _ in range(5))
    assert before.patience == 1.0


def test_a_machine_that_is_slow_makes_no_loop() -> None:
    before = SlowLives()
    # Each life begins at the pace at which the last one was replaced, and a neighbour doubles it again.
    paces_s = itertools.accumulate(range(8), lambda pace_s, _: pace_s * 2.5, initial=OWN_S)
    asked = [replaced(before, own_s=pace_s, slow_s=2.5 * pace_s) for pace_s in paces_s]
    assert asked == [True] + [False] * 8
    assert before.patience == 2.0


def test_patience_ends_when_a_replacement_helps() -> None:
    before = SlowLives(slow_s_per_char=0.02, patience=2.0)
    assert replaced(before, own_s=1.0, slow_s=8.0)  # half of what it was: it helped
    assert before.patience == 1.0
