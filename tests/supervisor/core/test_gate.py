"""The gate's answers, as a table of what the driver may say after a death."""

import pytest

from supervisor.core.gate import HARD_S, SOFT_S, Gate, Way
from supervisor.core.readings import DeviceReading, DeviceUnknown

BEFORE_BYTES, OWN_BYTES, TOTAL_BYTES = 900, 600, 1000
EARLY_S, LATER_S, LAST_S = 1.0, SOFT_S, HARD_S


def reading(used_bytes: int, *, child: int | None = 0, others: int | None = None) -> DeviceReading:
    return DeviceReading(
        total_bytes=TOTAL_BYTES,
        used_bytes=used_bytes,
        child_bytes=child,
        api="v2",
        child_pid=1,
        others_bytes=others,
    )


def gate(*, others: int | None = None) -> Gate:
    before = reading(BEFORE_BYTES, child=OWN_BYTES, others=others)
    return Gate(before=before, own_bytes=OWN_BYTES, at_s=100.0)


@pytest.mark.parametrize(
    ("used_bytes", "child", "fits", "waited_s", "way"),
    [
        # Nothing is back, and no child would fit.
        (900, 600, False, EARLY_S, Way.WAIT),
        (900, 0, False, LATER_S, Way.WAIT),
        (900, 0, None, LATER_S, Way.WAIT),
        (900, 0, False, LAST_S, Way.HELD),
        (900, 0, None, LAST_S, Way.HELD),
        # Its bytes are back to 95 %, and not a byte less.
        (330, 0, None, EARLY_S, Way.OPEN),
        (331, 0, None, EARLY_S, Way.WAIT),
        # Back, and it fits; the dead one stands in the list for a while yet.
        (300, 0, True, EARLY_S, Way.OPEN),
        (300, 600, True, EARLY_S, Way.WAIT),
        (300, 600, True, LATER_S, Way.OPEN),
        (300, None, True, EARLY_S, Way.OPEN),
        # A card with room to spare needs to wait for nothing.
        (900, 0, True, EARLY_S, Way.OPEN),
        # Back, and others took the room.
        (320, 0, False, EARLY_S, Way.ROOM),
        (320, 0, False, LAST_S, Way.ROOM),
    ],
)
def test_the_gate_opens_for_room_or_for_our_own_bytes(
    used_bytes: int, child: int | None, *, fits: bool | None, waited_s: float, way: Way
) -> None:
    assert gate().judge(reading(used_bytes, child=child), fits=fits, at_s=100.0 + waited_s) is way


@pytest.mark.parametrize("answer", [None, DeviceUnknown(kind="hung", text="no answer")])
def test_a_driver_that_says_nothing_holds_up_a_start_for_a_moment_only(answer: DeviceUnknown | None) -> None:
    assert gate().judge(answer, fits=None, at_s=100.0 + SOFT_S - 0.01) is Way.WAIT
    assert gate().judge(answer, fits=None, at_s=100.0 + SOFT_S) is Way.OPEN


@pytest.mark.parametrize(
    ("used_bytes", "others_before", "others_now", "way"),
    [
        (900, 300, 900, Way.ROOM),  # a neighbour took all that came back
        (900, 300, 300, Way.HELD),  # nobody did: it never came back
        (900, 300, None, Way.HELD),
        (900, None, 900, Way.HELD),
        (900, 300, 870, Way.ROOM),  # 95 % of ours are gone from what nobody claims
        (900, 300, 869, Way.HELD),
    ],
)
def test_a_neighbour_that_grew_meanwhile_is_no_leftover_of_ours(
    used_bytes: int, others_before: int | None, others_now: int | None, way: Way
) -> None:
    now = reading(used_bytes, others=others_now)
    assert gate(others=others_before).judge(now, fits=False, at_s=100.0 + HARD_S) is way


def test_it_is_judged_again_when_each_limit_comes() -> None:
    one = gate()
    assert one.next_deadline_s == 100.0 + SOFT_S
    one.judge(None, fits=None, at_s=100.0 + SOFT_S)
    assert one.next_deadline_s == 100.0 + HARD_S
