from dataclasses import replace

import pytest

from supervisor.core.hostside import HostSide
from supervisor.policy.watermark import WatermarkLimits
from tests.supervisor.core.scene import HOST_HARD, HOST_SOFT, MIB, TERMS, reading, vitals


def side(host: float = 1000) -> HostSide:
    one = HostSide(TERMS)
    one.begin_life(vitals(host=host))
    return one


def test_before_the_first_life_nothing_is_known() -> None:
    one = HostSide(TERMS)
    one.spoken(100, vitals(host=1000))
    assert one.leak is None
    assert one.successor_fits()
    assert one.fits_beside() is None


def test_a_share_is_of_what_the_readings_say_there_is() -> None:
    one = side()
    assert one.limits == TERMS.host(16384 * MIB)
    one.read(reading(host=1000))
    assert one.limits is not None
    assert (one.limits.soft_bytes, one.ceiling) == (HOST_SOFT * MIB, HOST_HARD * MIB)
    told = reading(host=1000)
    one.read(type(told)(t=0.0, host_total=8192 * MIB))
    assert one.ceiling == HOST_HARD // 2 * MIB


def test_where_no_reading_says_the_machine_has_what_is_held_and_what_it_could_give() -> None:
    one = side()
    one.read(reading(host=20000, available=12768))
    assert one.total == 32768 * MIB
    assert one.ceiling == 2 * HOST_HARD * MIB
    one.read(reading(host=20000, available=1000))
    assert one.total == 32768 * MIB  # others took some
    told = reading(host=20000, available=12768)
    one.read(type(told)(t=0.0, host_total=8192 * MIB))
    assert one.total == 8192 * MIB  # its word counts


def test_a_texts_need_is_what_was_seen_within_it() -> None:
    one = side()
    one.view.begin()
    one.spoken(100, vitals(host=1100))
    assert not one.need.is_known
    one.view.begin()
    one.read(reading(host=1400))
    one.spoken(100, vitals(host=1100))
    assert one.need.high_bytes(100) == int(1.1 * 300 * MIB)


def test_the_margin_beside_a_texts_need_is_of_the_mark_and_not_of_the_machine() -> None:
    def fixed(total_bytes: int) -> WatermarkLimits:
        del total_bytes
        return WatermarkLimits(soft_bytes=400 * MIB, hard_bytes=500 * MIB)

    one = HostSide(replace(TERMS, host=fixed))
    one.begin_life(vitals(host=100))
    one.view.begin()
    one.read(reading(host=200))
    one.spoken(100, vitals(host=100))
    assert one.need_high(100) == int(1.1 * 100 * MIB) + 4 * MIB


def test_it_leaks_by_private_memory() -> None:
    one = side()
    for n in range(60):
        one.view.begin()
        one.spoken(100, vitals(host=1000 + 20 * n))
    assert one.leak is not None
    assert "private host memory" in one.leak.why
    assert one.rate == pytest.approx(20 * MIB, rel=0.1)
    one.spoken(100, vitals())  # no word of it: as before


def test_a_child_that_never_told_is_not_measured() -> None:
    one = HostSide(TERMS)
    one.begin_life(None)
    one.view.begin()
    one.spoken(100, vitals())
    assert one.rate == 0.0
    assert one.successor_fits()


@pytest.mark.parametrize(
    ("private", "available", "fits"), [(3000, 0, True), (900, 99, False), (900, 100, True)]
)
def test_a_successor_fits_in_what_comes_back_and_what_is_free(
    private: float, available: float, *, fits: bool
) -> None:
    one = side()
    one.read(reading(host=private, available=available))
    assert one.successor_fits() is fits


@pytest.mark.parametrize(("available", "fits"), [(999, False), (1000, True)])
def test_two_fit_where_one_more_is_free(available: float, *, fits: bool) -> None:
    one = side()
    one.read(reading(host=3000, available=available))
    assert one.fits_beside() is fits
