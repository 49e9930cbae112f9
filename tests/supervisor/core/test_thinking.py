import pytest

from supervisor.core.deviceside import DeviceSide
from supervisor.core.sides import Side
from supervisor.core.thinking import of_clock, of_life, of_side
from supervisor.core.wishes import Pause, Wish
from supervisor.policy.fragmentation import Fragmentation
from supervisor.policy.slowdown import Slowdown, SlowLives
from supervisor.policy.verdict import Verdict
from tests.supervisor.core.scene import FRESH, TERMS, reading, vitals


def ready() -> DeviceSide:
    device = DeviceSide(TERMS)
    device.begin_life(vitals(5500, 5500))
    device.read(reading(FRESH, FRESH), within_segment=False)
    return device


def said(side: Side) -> dict[str, str]:
    return {thought.policy: f"{thought.says}: {thought.why}" for thought in of_side(side)}


def test_of_a_side_that_was_never_read_nothing_is_thought() -> None:
    assert of_side(DeviceSide(TERMS)) == []


def test_a_child_that_is_well_is_kept() -> None:
    assert said(ready()) == {
        "leak": "keep: device: 0 MiB a segment",
        "watermark": "keep: device: 6000 MiB used, marks at 8704 MiB and 9728 MiB",
        "lookahead": "keep: device: nothing grows",
        "headroom": "keep: device: no text was measured yet",
    }


def test_a_child_that_leaks_is_thought_of_with_its_figures() -> None:
    device = ready()
    for n in range(1, 60):
        device.view.begin()
        device.spoken(100, vitals(5500 + 20 * n, 5500 + 20 * n, 5700 + 20 * n))
    told = said(device)
    assert told["leak"].startswith("flag: device: live memory")
    assert told["lookahead"] == f"keep: device: full in {(9728 - 6000 - 59 * 20) / 20:.0f} segments"
    assert told["headroom"] == "keep: device: a text of 100 characters needs about 306 MiB"


@pytest.mark.parametrize(("limit", "why"), [(0, "off"), (9, "5 of 9 segments")])
def test_the_clock_counts_where_it_is_wanted(limit: int, why: str) -> None:
    assert of_clock(5, limit).why == why


def test_a_life_is_thought_of_as_a_whole() -> None:
    slow = Slowdown(SlowLives())
    assert [thought.why for thought in of_life(None, slow, None)] == [
        "nobody waits",
        "own pace not known yet",
        "",
    ]
    for _ in range(20):
        slow.take(100, 2.0)
    pieces = Fragmentation(worth_bytes=1)
    pause = Pause(wish=Wish(verdict=Verdict.PAUSE, policy="fit", why="others"), at_s=0.0)
    thoughts = of_life(pause, slow, pieces)
    assert [thought.says for thought in thoughts] == ["pause", "keep", "keep"]
    assert [thought.why for thought in thoughts] == ["others", "own pace 20.0 ms a character", ""]
    for _ in range(5):
        slow.take(100, 9.0)
    assert [thought.says for thought in of_life(None, slow, pieces)] == ["keep", "drain", "keep"]
