import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.policy.fit import fits_beside, successor_fits

sizes = st.integers(0, 100)


@pytest.mark.parametrize(
    ("used", "own", "fresh", "fits"),
    [(90, 40, 50, True), (90, 40, 51, False), (120, 40, 20, True), (120, 40, 21, False)],
)
def test_a_successor_fits_in_the_place_of_its_predecessor(
    used: int, own: int, fresh: int, *, fits: bool
) -> None:
    assert successor_fits(used_bytes=used, own_bytes=own, fresh_bytes=fresh, limit_bytes=100) is fits


@given(sizes, st.none() | sizes, st.none() | sizes)
def test_where_nobody_can_tell_nothing_speaks_against_it(
    used: int, own: int | None, fresh: int | None
) -> None:
    if own is None or fresh is None:
        assert successor_fits(used_bytes=used, own_bytes=own, fresh_bytes=fresh, limit_bytes=0)


@given(sizes, sizes, sizes)
def test_a_child_that_has_grown_leaves_room_for_a_fresh_one(used: int, own: int, grown: int) -> None:
    assert successor_fits(used_bytes=used, own_bytes=own + grown, fresh_bytes=own, limit_bytes=used)


@pytest.mark.parametrize(("fresh", "fits"), [(None, None), (10, True), (11, False)])
def test_two_fit_beside_all_that_is_there(fresh: int | None, fits: bool | None) -> None:
    assert fits_beside(used_bytes=90, fresh_bytes=fresh, limit_bytes=100) is fits
