from supervisor.core.deviceside import DeviceSide
from supervisor.policy.watermark import Level
from tests.supervisor.core.scene import CARD, FRESH, HARD, MIB, TERMS, WORTH, reading, vitals


def ready(*, lives: int = 1) -> DeviceSide:
    device = DeviceSide(TERMS)
    for _ in range(lives):
        device.begin_life(vitals(5500, 5500))
        device.read(reading(FRESH, FRESH), within_segment=False)
    return device


def spoke(device: DeviceSide, count: int, *, grow: float = 0.0) -> None:
    for _ in range(count):
        live = (device.view.vitals.live or 0) / MIB + grow
        device.view.begin()
        device.spoken(100, vitals(live, live, live))


def test_of_what_was_never_read_nothing_is_asked() -> None:
    device = DeviceSide(TERMS)
    assert (device.grown, device.warm_bytes, device.rate) == (0, None, 0.0)
    assert device.has_room_for(10**9)
    assert device.stays_below(10**9)
    assert device.comes_as_far((100,), 0)
    assert device.safe_marks == ()
    assert not device.leaves_no_time(19)
    level = Level(used_bytes=5, own_bytes=None, fresh_bytes=None)
    assert device.warm(level) == device.within(level, 100) == level


def test_growth_is_worth_a_recycle_by_what_there_is() -> None:
    device = DeviceSide(TERMS)
    assert device.worth == 256 * MIB
    for total, worth in ((24 * 1024, 256), (CARD, WORTH), (1000, 20), (100, 16)):
        device.learn_total(total * MIB)
        assert device.worth // MIB == worth


def test_a_successor_is_expected_to_warm_up_as_those_before_it_did() -> None:
    device = ready()
    spoke(device, 8, grow=50)
    assert (device.grown // MIB, device.rate) == (400, 50 * MIB)
    spoke(device, 8)
    assert (device.warm_bytes, device.grown) == (6400 * MIB, 0)  # it is what a warm one is
    device.begin_life(vitals(5500, 5500))
    device.read(reading(FRESH, FRESH), within_segment=False)
    spoke(device, 5, grow=50)
    assert (device.rate, device.grown) == (0.0, 0)
    spoke(device, 5, grow=50)
    assert (device.rate, device.grown) == (50 * MIB, 100 * MIB)


def test_what_leaked_while_it_warmed_up_is_no_part_of_a_warm_child() -> None:
    device = ready()
    spoke(device, 40, grow=40)
    assert device.rate > 30 * MIB
    assert device.warm_bytes is not None
    assert device.warm_bytes < (FRESH + 160) * MIB
    assert device.grown > 1400 * MIB


def test_a_life_that_ended_for_its_growth_is_believed_by_the_next() -> None:
    device = ready()
    spoke(device, 3, grow=500)
    device.ends_for_growth()
    device.begin_life(vitals(5500, 5500))
    device.read(reading(FRESH, FRESH), within_segment=False)
    assert device.rate == 500 * MIB
    assert device.next_bytes(100) >= 500 * MIB
    spoke(device, 17)
    device.ends_for_growth()  # for something else
    device.begin_life(vitals(5500, 5500))
    assert device.rate == 0.0


def test_a_level_within_a_text_is_held_against_a_child_that_speaks_the_same() -> None:
    device = ready()
    device.view.begin()
    device.spoken(100, vitals(5500, 6500, 6500))
    level = device.level()
    assert level is not None
    within = device.within(level, 100)
    assert within.fresh_bytes is not None
    # A tenth more than was seen, and the margin; beside the reserve, which may be in pieces too small.
    assert within.fresh_bytes // MIB == FRESH + 1100 + 64
    assert within.slack_bytes // MIB == 1000


def test_what_a_warm_child_left_at_once_it_may_leave_in_any_text() -> None:
    device = ready()
    live = 5500
    for step in [*[0] * 16, *[5] * 8, 100, *[5] * 24]:
        live += step
        device.view.begin()
        device.spoken(100, vitals(live, live, live))
    (soft_bytes, _), free_bytes = device.safe_marks, int(device.rate * 9) + 100 * MIB
    assert 0 < device.rate < 100 * MIB
    assert device.now is not None
    others_bytes = soft_bytes - device.now - free_bytes
    device.read(reading((device.now + others_bytes) / MIB, device.now / MIB), within_segment=False)
    assert device.comes_as_far([100] * 10, soft_bytes)
    assert not device.comes_as_far([100] * 11, soft_bytes)


def test_growth_leaves_no_time_where_the_hard_mark_is_nearer_than_the_end_of_the_warm_up() -> None:
    device = ready()
    spoke(device, 3, grow=190)
    assert device.leaves_no_time(17)
    assert not device.leaves_no_time(16)
    assert (HARD - FRESH - 3 * 190) / 190 < 17
