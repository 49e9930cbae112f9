import msgspec

from supervisor.core.hand import Hand
from tests.supervisor.core.ground import segment


def test_a_hand_out_counts_itself() -> None:
    before = msgspec.structs.replace(segment(0), attempts=2)
    assert Hand(before, attempt=9, stall_s=5.0, at_s=0.0).attempts == 3


def test_its_clock_starts_with_it_and_its_ear_is_its_own() -> None:
    one, other = (Hand(segment(0), attempt=n, stall_s=5.0, at_s=10.0 * n) for n in (1, 2))
    assert (one.stall.deadline_s, other.stall.deadline_s) == (15.0, 25.0)
    one.meter.add(b"\1\1" * 100)
    assert one.meter.heard(100).seconds == 1.0
    assert other.meter.heard(100).seconds == 0.0
