from dataclasses import replace

import pytest

from supervisor.core.deviceside import DeviceSide
from tests.supervisor.core.scene import CARD, HARD, MIB, TERMS, USABLE, marks, reading, vitals


def side(*, told: bool = True) -> DeviceSide:
    """A fresh child of 6,000 MiB on a card of 10 GiB."""
    device = DeviceSide(TERMS)
    device.begin_life(vitals(5500, 5500, declared=0))
    device.read(reading(6000, 6000 if told else None), within_segment=False)
    return device


def spoke(device: DeviceSide, live: float, reserved: float, peak: float | None, chars: int = 100) -> None:
    device.view.begin()
    device.spoken(chars, vitals(live, reserved, peak, declared=0))


def test_what_was_never_read_is_not_known() -> None:
    device = DeviceSide(TERMS)
    assert device.level_at_reading() is None
    assert device.level() is None
    assert device.room() is None
    assert device.successor_fits()
    assert device.fits_beside() is None
    assert device.fits_as_read() is None
    assert (device.ceiling, device.leak) == (0, None)


def test_the_ceiling_is_the_hard_mark_and_no_more_than_can_be_had() -> None:
    assert side().ceiling == HARD * MIB
    high = DeviceSide(replace(TERMS, device=marks(0.99, 1.0)))
    high.read(reading(100), within_segment=False)
    assert high.ceiling == int(0.985 * CARD * MIB)


def test_a_texts_need_is_its_peak_over_what_was_live_before() -> None:
    device = side()
    spoke(device, 5600, 6500, 6400)
    assert device.need.high_bytes(100) == int(1.1 * 900 * MIB)
    spoke(device, 5600, 6500, None)
    spoke(device, 5600, 6500, 6600)
    assert device.need.high_bytes(100) == int(1.1 * 1000 * MIB)


def test_without_a_report_the_need_is_what_the_driver_saw() -> None:
    device = DeviceSide(TERMS)
    device.begin_life(None)
    device.read(reading(2000, 2000), within_segment=False)
    device.view.begin()
    device.spoken(100, vitals())
    assert not device.need.is_known
    device.view.begin()
    device.read(reading(2500, 2500), within_segment=True)
    device.spoken(100, vitals())
    assert device.need.high_bytes(100) == int(1.1 * 500 * MIB)
    assert device.leak is not None  # its whole part is outside torch


def test_it_leaks_by_what_is_live_and_by_the_rest() -> None:
    device = side()
    for n in range(60):
        spoke(device, 5500 + 20 * n, 5500 + 20 * n, None)
        device.read(reading(6000 + 20 * n, 6000 + 20 * n), within_segment=False)
    assert device.leak is not None
    assert "live memory" in device.leak.why
    assert device.rate == pytest.approx(20 * MIB, rel=0.1)


def test_an_engine_without_a_word_of_the_device_has_no_leak_on_it() -> None:
    device = DeviceSide(TERMS)
    device.begin_life(None)
    device.spoken(100, vitals())
    device.released(vitals())
    assert device.leak is None
    assert device.rate == 0.0


def test_what_survives_releases_and_grows_is_a_leak() -> None:
    device = side()
    for n in range(40):
        spoke(device, 5500, 6000 + 100 * n, None)
        device.released(vitals(5500, 5500 + 100 * n))
    assert device.leak is not None
    assert "after a release" in device.leak.why


@pytest.mark.parametrize(("used", "fits"), [(USABLE, True), (USABLE + 1, False)])
def test_a_successor_fits_where_the_old_child_was(used: float, *, fits: bool) -> None:
    device = side()
    device.read(reading(used, 6000), within_segment=False)
    assert device.successor_fits() is fits


@pytest.mark.parametrize(
    ("others", "two", "one"), [(0, False, True), (4086, False, True), (4087, False, False)]
)
def test_a_fresh_child_fits_beside_what_is_there(others: float, *, two: bool, one: bool) -> None:
    device = side()
    device.read(reading(6000 + others, 6000), within_segment=False)
    assert device.fits_beside() is two
    device.read(reading(others, None), within_segment=False)  # the child is gone
    assert device.fits_as_read() is one


def test_two_fit_with_something_to_spare() -> None:
    device = DeviceSide(TERMS)
    device.begin_life(vitals(1500, 1500))
    device.read(reading(2000, 2000), within_segment=False)
    assert device.fits_beside() is True
    device.read(reading(HARD - 2000 - 205, 2000), within_segment=False)
    assert device.fits_beside() is True
    device.read(reading(HARD - 2000 - 204, 2000), within_segment=False)
    assert device.fits_beside() is False


def test_growth_without_a_word_of_the_driver_is_that_of_live_bytes() -> None:
    device = side(told=False)
    for n in range(4):
        spoke(device, 5500 + 50 * n, 6000, None)
    assert device.rate == pytest.approx(50 * MIB)
