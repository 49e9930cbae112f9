import pytest

from supervisor.core import wording
from supervisor.policy.headroom import Room
from supervisor.policy.watermark import Level, WatermarkLimits
from tests.supervisor.core.scene import MIB

LIMITS = WatermarkLimits(soft_bytes=200 * MIB, hard_bytes=300 * MIB)
ROOM = Room(
    limit=1000 * MIB,
    used=800 * MIB,
    floor=700 * MIB,
    slack=100 * MIB,
    grown=0,
    fresh=600 * MIB,
    others=50 * MIB,
    worth=1,
)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (None, "unknown"),
        (0, "0 MiB"),
        (1.5 * MIB, "2 MiB"),
        (10239 * MIB, "10239 MiB"),
        (10240 * MIB, "10.0 GiB"),
    ],
)
def test_bytes_are_written_as_people_read_them(size_bytes: float | None, text: str) -> None:
    assert wording.size(size_bytes) == text


def test_a_mark_is_named_with_whose_doing_it_is() -> None:
    level = Level(used_bytes=250 * MIB, own_bytes=120 * MIB, fresh_bytes=100 * MIB)
    assert wording.above("device", LIMITS, level) == (
        "memory.device.soft is 200 MiB, used 250 MiB, the child's part 120 MiB, 100 MiB when fresh"
    )
    warm = wording.above("device", LIMITS, level, when="once warm")
    assert warm.endswith("the child's part 120 MiB, 100 MiB once warm")
    level = Level(used_bytes=300 * MIB, own_bytes=300 * MIB, fresh_bytes=None)
    assert wording.above("host", LIMITS, level) == "memory.host.hard is 300 MiB, used 300 MiB"


def test_marks_that_cannot_be_kept_say_what_to_do() -> None:
    why = wording.impossible("host", LIMITS, 320 * MIB, None)
    assert why.startswith("memory.host.hard is 300 MiB, but a fresh child already holds 320 MiB: raise it")
    assert "320 MiB of 600 MiB" in wording.impossible("device", LIMITS, 320 * MIB, 600 * MIB)
    assert wording.not_acted_on("host", LIMITS) == (
        "memory.host.soft is 200 MiB, below what a fresh child holds: it is not acted on"
    )


def test_a_text_that_does_not_fit_says_what_it_needs_and_what_there_is() -> None:
    no_room = wording.no_room("device", ROOM, chars=90, need_bytes=300 * MIB)
    assert no_room == (
        "a text of 90 characters needs about 300 MiB beside 800 MiB in use, "
        "and 1000 MiB of the device can be used"
    )
    never = wording.never_fits("device", ROOM, chars=900, needs="at least 500 MiB", others_bytes=0)
    assert never.startswith(
        "a text of 900 characters needs at least 500 MiB beside the 600 MiB of a fresh child,"
    )
    assert "narration.segment_chars" in wording.SHORTER
    beside = wording.never_fits("device", ROOM, chars=900, needs="at least 500 MiB", others_bytes=50 * MIB)
    assert "of a fresh child and 50 MiB of other programs" in beside


def test_growth_is_told_with_its_rate() -> None:
    assert wording.too_far("device", chars=(10, 90, 20), rate_bytes=50 * MIB, used_bytes=900 * MIB) == (
        "900 MiB of the device in use, growing by 50 MiB a segment: the next 3 texts, of up to 90 characters,"
        " may not fit"
    )
    alone = wording.too_far("host", chars=(90,), rate_bytes=50 * MIB, used_bytes=900 * MIB)
    assert alone.endswith("the next text, of 90 characters, may not fit")
    assert wording.below_again("device", 100 * MIB) == "memory.device: 100 MiB used, there is room again"
    waits = wording.no_successor("device", "it leaks", fresh_bytes=600 * MIB, others_bytes=None)
    assert waits.startswith(
        "it leaks; but a fresh child of 600 MiB would not fit beside unknown of other programs"
    )
