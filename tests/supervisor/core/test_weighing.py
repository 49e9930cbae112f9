from supervisor.core.deviceside import DeviceSide
from supervisor.core.hostside import HostSide
from supervisor.core.weighing import (
    Span,
    impossible,
    look_ahead,
    resting_mark,
    weigh,
    weigh_crossed,
    weigh_room,
)
from supervisor.policy.verdict import Verdict
from tests.supervisor.core.scene import FRESH, HARD, MIB, SOFT, TERMS, reading, vitals


def ready() -> DeviceSide:
    device = DeviceSide(TERMS)
    device.begin_life(vitals(5500, 5500))
    device.read(reading(FRESH, FRESH), within_segment=False)
    return device


def grown(device: DeviceSide, count: int, step: float) -> DeviceSide:
    for n in range(1, count + 1):
        live = 5500 + n * step
        device.view.begin()
        device.spoken(100, vitals(live, live, live))
    return device


def test_what_was_never_read_is_not_weighed() -> None:
    device, span = DeviceSide(TERMS), Span()
    device.crossed = True
    assert weigh(device, None, span) == weigh_crossed(device, span) == []
    assert weigh_room(device, 100, span, waited=False, may_degrade=False) == []
    assert look_ahead(device, (100,), Span(segments=5)) == []
    assert (impossible(device), resting_mark(device)) == (None, None)


def test_a_level_below_the_soft_mark_forgets_what_was_crossed() -> None:
    device = ready()
    device.crossed = True
    assert weigh(device, device.level(), Span()) == []
    assert not device.crossed
    assert weigh_crossed(device, Span()) == []


def test_within_a_segment_the_soft_mark_is_only_noted() -> None:
    device = ready()
    device.read(reading(SOFT, SOFT), within_segment=True)
    assert weigh(device, device.level_at_reading(), Span(within=True)) == []
    assert device.crossed


def test_a_soft_mark_names_what_a_fresh_child_will_hold_once_it_is_warm() -> None:
    device = grown(ready(), 1, 0)
    device.read(reading(SOFT + 100, SOFT + 100), within_segment=False)
    (wish,) = weigh(device, device.level_at_reading(), Span(segments=30))
    assert wish.why.endswith(f"{FRESH} MiB when fresh")
    device = grown(ready(), 8, 50)  # a warm-up, which then ends
    for _ in range(9):
        device.spoken(100, vitals(5900, 5900, 5900))
    device.read(reading(SOFT + 100, SOFT + 100), within_segment=False)
    (wish,) = weigh(device, device.level_at_reading(), Span(segments=30))
    assert wish.why.endswith("MiB once warm")


def test_a_release_counts_for_eight_segments_and_as_long_as_it_stands_above_the_mark() -> None:
    device = ready()
    assert not Span(segments=9).counts_as_released(device)
    assert Span(segments=9, cleaned_at=2).counts_as_released(device)
    assert not Span(segments=10, cleaned_at=2).counts_as_released(device)
    device.stood_above_at = 5
    assert not Span(segments=10).counts_as_released(device)
    assert Span(segments=12, cleaned_at=2).counts_as_released(device)
    assert not Span(segments=13, cleaned_at=2).counts_as_released(device)
    assert Span(segments=9, cleaned_at=9).is_just_released
    assert not Span(segments=9, cleaned_at=8).is_just_released


def test_a_life_is_old_enough_when_it_is_warm_or_there_is_no_time() -> None:
    assert Span(segments=19).is_old_enough(ready())
    assert not Span(segments=18).is_old_enough(ready())
    assert Span(segments=3).is_old_enough(grown(ready(), 3, 400))


def test_a_text_that_fits_wishes_for_nothing() -> None:
    assert weigh_room(ready(), 100, Span(segments=5), waited=False, may_degrade=False) == []


def test_a_life_that_spoke_nothing_is_as_fresh_as_its_successor() -> None:
    device = grown(ready(), 3, 400)
    assert look_ahead(device, [100] * 4, Span()) == []
    for segments, policies in ((0, []), (3, ["headroom"])):
        span = Span(segments=segments)
        wishes = weigh_room(device, 600, span, waited=False, may_degrade=False)
        assert [wish.policy for wish in wishes] == policies


def test_a_warm_up_that_leaves_time_is_no_reason_to_recycle() -> None:
    device = grown(ready(), 8, 150)
    assert not device.comes_as_far([100] * 16, device.safe_marks[0])
    assert device.comes_as_far([100] * 16, device.safe_marks[0], fresh=True)
    assert look_ahead(device, [100] * 16, Span(segments=8)) == []
    assert [wish.policy for wish in look_ahead(device, [100] * 16, Span(segments=20))] == ["lookahead"]


def test_growth_that_leaves_no_time_is_acted_on_at_the_boundary() -> None:
    device = grown(ready(), 6, 450)
    (wish,) = look_ahead(device, (100, 200), Span(segments=6))
    assert (wish.verdict, wish.policy) == (Verdict.RECYCLE, "lookahead")
    assert "growing by 450 MiB a segment: the next 2 texts, of up to 200 characters" in wish.why
    assert look_ahead(device, [100] * 12, Span(segments=6)) == []  # no fresh one comes as far either


def test_the_hosts_hard_mark_without_a_measure_of_a_fresh_child_blames_nobody() -> None:
    host = HostSide(TERMS)
    host.begin_life(None)
    host.view.begin()
    host.read(reading(host=7000))
    assert weigh(host, host.level(), Span(within=True)) == []


def test_a_hard_mark_that_others_cross_asks_for_our_reserve_first() -> None:
    device = ready()
    device.view.begin()
    device.spoken(100, vitals(5500, 6500, 6500))
    device.read(reading(HARD, 7000), within_segment=False)
    verdicts = {wish.verdict for wish in weigh(device, device.level_at_reading(), Span(segments=1))}
    assert verdicts == {Verdict.PAUSE, Verdict.RELEASE}
    released = Span(segments=1, cleaned_at=1)
    assert {wish.verdict for wish in weigh(device, device.level_at_reading(), released)} == {Verdict.PAUSE}


def test_a_text_that_would_hardly_fit_without_the_others_either_is_refused_at_once() -> None:
    device = ready()
    for chars, needed in ((100, 300), (40, 200), (40, 200)):
        device.need.take(chars, needed * MIB)
    device.read(reading(FRESH + 1700, FRESH), within_segment=False)

    def wished(chars: int) -> list[tuple[Verdict, str]]:
        wishes = weigh_room(device, chars, Span(segments=5), waited=False, may_degrade=False)
        return [(wish.verdict, wish.why) for wish in wishes]

    ((verdict, _),) = wished(1220)
    assert verdict is Verdict.PAUSE
    ((verdict, why),) = wished(1300)
    assert verdict is Verdict.REFUSE
    assert why.startswith("a text of 1300 characters needs about 3900 MiB beside the 6000 MiB")
