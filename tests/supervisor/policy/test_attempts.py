import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.policy.attempts import Next, is_forgiven, judge_attempt


@given(st.integers(1, 6), st.lists(st.booleans(), min_size=10, max_size=10))
def test_a_segment_gets_the_allowed_tries_and_no_more(allowed: int, retryable: list[bool]) -> None:
    tries = 0
    for may in retryable:
        tries += 1
        if judge_attempt(attempts=tries, allowed=allowed, retryable=may) is Next.SET_ASIDE:
            break
    # The first that may not be tried again, or the last allowed one, whichever comes first.
    hopeless = retryable.index(False) + 1 if False in retryable else len(retryable)
    assert tries == min(allowed, hopeless)


@pytest.mark.parametrize(
    ("attempts", "retryable", "expected"),
    [
        (1, True, Next.AGAIN),
        (2, True, Next.AGAIN),
        (3, True, Next.SET_ASIDE),
        (4, True, Next.SET_ASIDE),  # the configuration was lowered in between
        (1, False, Next.SET_ASIDE),
        (3, False, Next.SET_ASIDE),
    ],
)
def test_the_third_of_three_is_the_last(attempts: int, retryable: bool, expected: Next) -> None:
    assert judge_attempt(attempts=attempts, allowed=3, retryable=retryable) is expected


@pytest.mark.parametrize(("killed", "forgiven"), [(1, True), (19, True), (20, True), (21, False)])
def test_twenty_ends_from_outside_are_forgiven(killed: int, forgiven: bool) -> None:
    assert is_forgiven(killed=killed) is forgiven
