from supervisor.core.hostview import HostLearned, HostView
from tests.supervisor.core.scene import MIB, reading, vitals


def test_a_child_is_measured_when_it_is_ready() -> None:
    view = HostView(HostLearned(), vitals(host=1000))
    view.read(reading(host=1010))
    assert (view.fresh, view.private) == (1000 * MIB, 1010 * MIB)


def test_without_a_report_the_first_reading_between_segments_is_the_measure() -> None:
    view = HostView(HostLearned(), vitals())
    assert (view.private, view.fresh) == (None, None)
    view.begin()
    view.read(reading(host=3000))
    assert view.fresh is None
    view.report(vitals())
    view.read(reading(host=1000))
    assert view.fresh == 1000 * MIB


def test_what_a_segment_takes_for_a_while_is_its_need() -> None:
    view = HostView(HostLearned(), None)
    assert view.needed is None
    view.report(vitals(host=1000))
    view.begin()
    assert view.needed is None
    view.read(reading(host=1300))
    view.read(reading(host=1200))
    assert view.needed == 300 * MIB


def test_the_machine_is_known_by_the_last_reading_that_told() -> None:
    view = HostView(HostLearned(), None)
    view.read(reading(available=8000))
    view.read(reading())
    assert (view.available, view.total) == (8000 * MIB, None)


def test_a_later_life_knows_what_a_fresh_child_holds() -> None:
    learned = HostLearned()
    HostView(learned, vitals(host=1000))
    assert HostView(learned, None).fresh == 1000 * MIB
