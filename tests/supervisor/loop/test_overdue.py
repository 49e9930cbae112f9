"""What is overdue: nothing that is idle, nothing that came, all that did not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.loop.overdue import GRACE_S, Waits, late

# (begin, limit, ends): whole seconds, so that sums are exact.
waits = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), max_size=8)


def test_idleness_is_never_overdue() -> None:
    assert Waits().overdue(1e9) == []
    assert late("anything", None, 1e9) is None


@given(waits, st.integers(0, 30))
def test_overdue_is_what_did_not_come_in_time_in_the_order_it_was_begun(
    steps: list[tuple[int, int, bool]], at_s: int
) -> None:
    all_waits = Waits()
    for number, (begun_s, limit_s, ends) in enumerate(steps):
        token = all_waits.begin(f"wait {number}", float(begun_s + limit_s))
        if ends:
            all_waits.end(token)
            all_waits.end(token)
    expected = [
        f"wait {number} is {at_s - begun_s - limit_s} s late"
        for number, (begun_s, limit_s, ends) in enumerate(steps)
        if not ends and at_s > begun_s + limit_s
    ]
    assert all_waits.overdue(float(at_s)) == expected


@pytest.mark.parametrize(
    ("at_s", "said"),
    [(9.0, None), (10.0 + GRACE_S, None), (10.0 + GRACE_S + 1, f"the look is {GRACE_S + 1:.0f} s late")],
)
def test_a_timer_is_late_once_its_grace_is_over(at_s: float, said: str | None) -> None:
    assert late("the look", 10.0, at_s) == said
