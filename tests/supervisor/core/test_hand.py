import msgspec

from supervisor.core.hand import Hand
from supervisor.wire import messages as say
from tests.supervisor.core.ground import segment


def test_a_hand_out_counts_itself() -> None:
    before = msgspec.structs.replace(segment(0), attempts=2)
    assert Hand(before, attempt=9, stall_s=5.0, at_s=0.0).attempts == 3


def test_the_child_is_told_what_to_say_and_which_attempt_it_is() -> None:
    hand = Hand(segment(3), attempt=9, stall_s=5.0, at_s=7.0)
    assert hand.begun_s == 7.0
    assert hand.order == say.Synthesize(
        segment_id=3,
        attempt=9,
        text="segment 3",
        voice=None,
        reference=None,
        seed=1,
        settings={},
        past=b"",
    )


def test_its_clock_starts_with_it_and_its_ear_is_its_own() -> None:
    one, other = (Hand(segment(0), attempt=n, stall_s=5.0, at_s=10.0 * n) for n in (1, 2))
    assert (one.stall.deadline_s, other.stall.deadline_s) == (15.0, 25.0)
    one.meter.add(b"\1\1" * 100)
    assert one.meter.heard(100).seconds == 1.0
    assert other.meter.heard(100).seconds == 0.0
