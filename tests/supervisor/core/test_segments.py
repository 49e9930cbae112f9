import msgspec
import pytest

from supervisor.core.segments import WaitingSegment
from tests.supervisor.core.ground import segment


def test_a_segment_is_a_value() -> None:
    one = segment(3)
    assert one == segment(3)
    assert one != segment(4)
    assert (one.twins, one.ends_paragraph, one.ends_chapter) == (1, False, False)
    with pytest.raises(AttributeError):
        one.attempts = 1  # pyright: ignore[reportAttributeAccessIssue] -- that is what is tested
    assert msgspec.structs.replace(one, attempts=1).attempts == 1


def test_a_segment_survives_the_way_through_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(segment(3)), type=WaitingSegment) == segment(3)
