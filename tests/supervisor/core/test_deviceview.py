import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.deviceview import DeviceLearned, DeviceView
from tests.supervisor.core.scene import MIB, reading, vitals


def mib(size: int | None) -> float | None:
    return None if size is None else size / MIB


def fresh_view(*, live: float = 5500, context: float = 500, told: bool = True) -> DeviceView:
    """A child on torch that is ready and was read."""
    view = DeviceView(DeviceLearned(), vitals(live, live))
    view.read(reading(live + context, live + context if told else None), within_segment=False)
    return view


def spoke(view: DeviceView, live: float, reserved: float, *, peak: float = 0) -> None:
    view.begin()
    view.report(vitals(live, reserved, peak))


def test_what_a_release_left_in_reserve_no_release_gives_back() -> None:
    view = fresh_view()
    spoke(view, 5500, 7000)
    assert mib(view.releasable) == 1500
    view.released(vitals(5500, 5900))
    assert (mib(view.slack), mib(view.releasable)) == (400, 0)
    spoke(view, 5500, 6200)
    assert mib(view.releasable) == 300


# ------------------------------------------------------------------ whose memory it is


def test_a_child_that_is_read_when_ready_is_the_measure_of_a_fresh_one() -> None:
    view = fresh_view()
    assert (mib(view.own), mib(view.fresh), mib(view.rest), mib(view.others)) == (6000, 6000, 500, 0)


def test_what_it_reports_moves_what_is_known_between_readings() -> None:
    view = fresh_view()
    spoke(view, 5600, 6500)
    assert (mib(view.own), mib(view.now), mib(view.slack)) == (7000, 7000, 900)
    view.read(reading(7100, 7000), within_segment=False)
    assert (mib(view.now), mib(view.others)) == (7100, 100)


def test_where_the_driver_falls_silent_the_rest_is_still_known() -> None:
    view = fresh_view()
    spoke(view, 5600, 6500)
    view.read(reading(7000, None), within_segment=False)
    assert (mib(view.own), mib(view.others), mib(view.fresh)) == (7000, 0, 6000)


def test_where_the_driver_never_speaks_the_rest_counts_as_others() -> None:
    view = fresh_view(told=False)
    assert (mib(view.own), mib(view.fresh), mib(view.others)) == (5500, 5500, 500)
    spoke(view, 5600, 6500)
    assert (mib(view.own), mib(view.now)) == (6500, 7000)


def test_where_the_driver_speaks_only_later_its_figure_is_no_growth() -> None:
    view = fresh_view(told=False)
    spoke(view, 5600, 5600)
    view.read(reading(6100, 6100), within_segment=False)
    assert (mib(view.own), mib(view.fresh), view.other) == (6100, 6000, 500 * MIB)


def test_a_later_life_knows_the_rest_from_the_one_before() -> None:
    learned = DeviceLearned()
    first = DeviceView(learned, vitals(5500, 5500))
    first.read(reading(6000, 6000), within_segment=False)
    second = DeviceView(learned, vitals(5400, 5400))
    assert (mib(second.own), mib(second.fresh)) == (5900, 5900)
    assert mib(DeviceView(learned, None).fresh) == 6000


def test_a_child_that_reports_nothing_is_known_by_the_driver_alone() -> None:
    view = DeviceView(DeviceLearned(), None)
    assert (view.own, view.fresh, view.now, view.others, view.other) == (None,) * 5
    view.read(reading(2000, None), within_segment=False)
    assert (view.own, view.others, mib(view.now)) == (None, None, 2000)
    view.read(reading(2000, 1500), within_segment=False)
    view.begin()
    view.read(reading(2600, 2100), within_segment=True)
    view.read(reading(2400, 1900), within_segment=True)
    view.report(vitals())
    assert (mib(view.own), mib(view.fresh)) == (1900, 1500)
    assert mib(view.needed) == 600
    assert (view.slack, view.releasable) == (0, 0)


def test_where_the_child_reports_nothing_a_peak_is_not_taken_for_what_stays() -> None:
    view = DeviceView(DeviceLearned(), None)
    seen: list[float | None] = []
    for between, within in ((1500, 2100), (1520, 2120), (1540, 1530), (None, 2150)):
        if between is not None:
            view.read(reading(3000, between), within_segment=False)
        view.begin()
        view.read(reading(3000, within), within_segment=True)
        view.report(vitals())
        seen.append(mib(view.other))
    assert seen == [1500, 1520, 1530, 2150]  # nobody looked before the last one: its own readings must do


def test_a_first_reading_between_later_segments_is_the_measure_where_nothing_was_reported() -> None:
    view = DeviceView(DeviceLearned(), None)
    view.begin()
    view.report(vitals())
    view.read(reading(2000, 1500), within_segment=False)
    assert mib(view.fresh) == 1500
    assert view.needed is None


def test_a_baseline_is_never_the_peak_of_a_segment() -> None:
    view = DeviceView(DeviceLearned(), None)
    view.begin()
    view.read(reading(9000, 9000), within_segment=True)
    view.read(reading(6500, 6500), within_segment=True)
    assert view.fresh is None
    view.report(vitals())
    assert mib(view.fresh) == 6500
    torch = DeviceView(DeviceLearned(), None)
    torch.begin()
    torch.read(reading(9000, 9000), within_segment=True)
    torch.report(vitals(5500, 6000, 8500))
    assert mib(torch.fresh) == 6500  # what it reported, and the rest: 9000 less the peak


def test_a_child_that_was_read_when_ready_and_reported_only_later_has_not_shrunk() -> None:
    view = DeviceView(DeviceLearned(), None)
    view.read(reading(6000, 6000), within_segment=False)
    spoke(view, 5500, 5600)
    assert (mib(view.own), mib(view.now)) == (6000, 6000)


# ------------------------------------------------------------------ readings within a segment


def test_a_reading_within_a_segment_bounds_the_rest_from_below() -> None:
    view = fresh_view()
    view.begin()
    view.read(reading(9000, 9000), within_segment=True)
    view.report(vitals(5500, 7000, 8300))
    assert (mib(view.rest), view.told_rest) == (700, True)
    view.begin()
    view.read(reading(8000, 8000), within_segment=True)
    view.report(vitals(5500, 7000, 8300))
    assert (mib(view.rest), view.told_rest) == (700, False)  # no proof of less


def test_an_allocator_that_gave_back_within_the_segment_tells_nothing_of_the_rest() -> None:
    view = fresh_view()
    view.begin()
    view.read(reading(9500, 9500), within_segment=True)
    view.report(vitals(5500, 5600, 6000, retries=1))
    assert mib(view.rest) == 500


def test_a_reading_within_a_segment_of_a_hidden_child_is_others_only_beyond_its_peak() -> None:
    view = fresh_view(told=False)
    view.begin()
    view.read(reading(8000, None), within_segment=True)
    assert mib(view.others) == 2500  # so it looks until the child tells
    view.report(vitals(5500, 6000, 7000))
    assert (mib(view.others), mib(view.now)) == (1000, 7000)


def test_a_hidden_child_that_reports_nothing_stays_unknown_within_a_segment() -> None:
    view = DeviceView(DeviceLearned(), None)
    view.begin()
    view.read(reading(8000, None), within_segment=True)
    view.report(vitals())
    assert view.own is None


# ------------------------------------------------------------------ faults of sensors


def test_a_reading_without_figures_changes_nothing() -> None:
    view = fresh_view()
    view.read(reading(None, None), within_segment=False)
    view.read(reading(None, 5000), within_segment=False)
    assert (mib(view.own), mib(view.now)) == (6000, 6000)


def test_a_share_below_what_is_live_is_not_believed() -> None:
    view = fresh_view()
    view.read(reading(6000, 0), within_segment=False)
    assert (mib(view.own), mib(view.others), mib(view.rest)) == (6000, 0, 500)


def test_a_share_above_all_that_is_used_is_no_more_than_that() -> None:
    view = fresh_view()
    view.read(reading(6500, 7000), within_segment=True)
    assert (mib(view.own_at_reading), mib(view.others), mib(view.claimed)) == (6500, 0, 7000)
    assert mib(view.now) == 6000  # by its own word: nothing was said of this segment yet


def test_a_report_without_figures_changes_nothing() -> None:
    view = fresh_view()
    spoke(view, 5600, 6500)
    view.report(vitals())
    assert mib(view.own) == 7000


def test_what_others_hold_least_is_kept_over_lives() -> None:
    learned = DeviceLearned()
    view = DeviceView(learned, vitals(5500, 5500))
    assert view.others_least == 0
    for used in (7000, 6200, 8000):
        view.read(reading(used, 6000), within_segment=False)
    assert mib(DeviceView(learned, None).others_least) == 200


@pytest.mark.parametrize(("split", "releasable"), [(0, 900), (300, 600), (1000, 0)])
def test_free_pieces_of_blocks_in_use_are_not_given_back(split: float, releasable: float) -> None:
    view = DeviceView(DeviceLearned(), vitals(5600, 6500, split=split))
    assert mib(view.releasable) == releasable


@given(st.lists(st.integers(6000, 10000), min_size=1), st.booleans())
def test_others_may_do_what_they_like_the_child_is_not_moved_by_it(used: list[int], told: bool) -> None:
    view = fresh_view(told=told)
    own, fresh = view.own, view.fresh
    for one in used:
        view.read(reading(one, 6000 if told else None), within_segment=False)
        assert (view.own, view.fresh) == (own, fresh)
