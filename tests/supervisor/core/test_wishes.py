import pytest

from supervisor.core.deviceside import DeviceSide
from supervisor.core.wishes import Pause, Until, Wish
from supervisor.policy.headroom import Room
from supervisor.policy.verdict import Verdict
from tests.supervisor.core.scene import HARD, MIB, TERMS, WORTH, reading, vitals


def side(used: float, child: float = 6000) -> DeviceSide:
    device = DeviceSide(TERMS)
    device.begin_life(vitals(5500, 5500))
    device.read(reading(6000, 6000), within_segment=False)
    device.read(reading(used, child), within_segment=False)
    return device


def pause(until: Until) -> Pause:
    return Pause(wish=Wish(verdict=Verdict.PAUSE, policy="watermark", why="", until=until), at_s=0.0)


@pytest.mark.parametrize(("used", "over"), [(HARD - 102, False), (HARD - 103, True)])
def test_a_mark_is_left_when_it_is_left_clearly(used: float, *, over: bool) -> None:
    assert pause("mark").is_over(side(used), successor_fits=False) is over


@pytest.mark.parametrize(("others", "over"), [(728, True), (729, False)])
def test_a_text_goes_on_when_it_need_not_wait_any_more(others: float, *, over: bool) -> None:
    def waits(room: Room) -> bool:
        return (room.others or 0) > 728 * MIB

    wish = Wish(verdict=Verdict.PAUSE, policy="headroom", why="", until="room", waits=waits)
    assert Pause(wish=wish, at_s=0.0).is_over(side(6000 + others), successor_fits=False) is over
    assert pause("room").is_over(side(9000), successor_fits=False)  # nobody said what it waits for


@pytest.mark.parametrize("fits", [True, False])
def test_a_recycle_goes_on_when_the_successor_fits(*, fits: bool) -> None:
    assert pause("fit").is_over(side(6000), successor_fits=fits) is fits


@pytest.mark.parametrize("fits", [True, False])
def test_a_device_that_was_never_read_holds_up_nothing_but_a_successor(*, fits: bool) -> None:
    assert pause("mark").is_over(DeviceSide(TERMS), successor_fits=fits) is fits


@pytest.mark.parametrize(
    ("over", "slack", "ends"),
    [(200, 302, False), (200, 303, True), (0, WORTH, False), (0, WORTH + 1, True), (-100, 10, False)],
)
def test_a_pause_at_the_mark_may_be_for_our_own_reserve_alone(
    over: float, slack: float, *, ends: bool
) -> None:
    device = side(HARD + over, 6000)
    device.spoken(100, vitals(5500 - slack, 5500))
    assert pause("mark").ends_by_release(device) is ends
    assert not pause("room").ends_by_release(device)
    assert not pause("mark").ends_by_release(DeviceSide(TERMS))
