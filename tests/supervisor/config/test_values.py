import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.config import Size

UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


@given(st.integers(0, 10**6), st.sampled_from(sorted(UNITS)), st.integers(0, 2**50))
def test_a_size_with_a_unit_is_the_same_of_any_total(number: int, unit: str, total_bytes: int) -> None:
    assert Size.parse(f"{number}{unit}").of(total_bytes) == number * UNITS[unit]


@given(st.integers(0, 100), st.integers(0, 2**50))
def test_a_share_is_a_share_of_the_total(percent: int, total_bytes: int) -> None:
    size_bytes = Size.parse(f"{percent}%").of(total_bytes)
    # One byte for rounding down, and what a double loses of a petabyte.
    assert abs(size_bytes - total_bytes * percent / 100) <= 1 + total_bytes * 2**-50


def test_the_whole_is_the_whole() -> None:
    assert Size.parse("100%").of(12345) == 12345
    assert Size.parse("1.5 GiB").of(0) == 3 * 2**29


@pytest.mark.parametrize("text", ["", "512", "512MB", "-1MiB", "101%", "%", "1e3MiB", "MiB", "nan%"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="got"):
        Size.parse(text)
