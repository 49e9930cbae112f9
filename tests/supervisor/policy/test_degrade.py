import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.policy.degrade import LEAST_CHARS, LOWER_RATE_HZ, Step, next_step, smaller_chars

CUT: tuple[Step, ...] = ("smaller_segments",)
RATE: tuple[Step, ...] = ("24khz",)


@pytest.mark.parametrize(
    ("steps", "longest_chars", "rate_hz", "expected"),
    [
        ((), 200, 32_000, None),
        (CUT, 200, None, "smaller_segments"),
        (CUT, LEAST_CHARS + 1, 32_000, "smaller_segments"),
        (CUT, LEAST_CHARS, 32_000, None),
        (RATE, 200, None, None),
        (RATE, 200, LOWER_RATE_HZ, None),
        (RATE, 200, LOWER_RATE_HZ + 1, "24khz"),
        (CUT + RATE, 200, 32_000, "smaller_segments"),
        (RATE + CUT, 200, 32_000, "24khz"),
        (CUT + RATE, LEAST_CHARS, 32_000, "24khz"),
        (RATE + CUT, 200, LOWER_RATE_HZ, "smaller_segments"),
        (CUT + RATE, LEAST_CHARS, LOWER_RATE_HZ, None),
    ],
)
def test_the_first_step_that_still_helps_is_next(
    steps: tuple[Step, ...], longest_chars: int, rate_hz: int | None, expected: Step | None
) -> None:
    assert next_step(steps, longest_chars=longest_chars, rate_hz=rate_hz) == expected


@pytest.mark.parametrize(("longest_chars", "expected"), [(200, 100), (41, 20), (39, 20), (21, 20)])
def test_segments_are_halved_down_to_a_few_words(longest_chars: int, expected: int) -> None:
    assert smaller_chars(longest_chars) == expected


@given(st.integers(1, 10_000))
def test_halving_ends(longest_chars: int) -> None:
    # 10,000 is the most that the configuration takes; ten halvings are under the least.
    for _ in range(10):
        if next_step(CUT, longest_chars=longest_chars, rate_hz=None) is None:
            break
        assert LEAST_CHARS <= smaller_chars(longest_chars) < longest_chars
        longest_chars = smaller_chars(longest_chars)
    assert longest_chars <= LEAST_CHARS
