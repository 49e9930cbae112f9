import pytest

from supervisor.policy.clock import Cleaning, after_job, after_segment
from supervisor.policy.verdict import Verdict


@pytest.mark.parametrize(
    ("segments", "most", "clean_after", "expected"),
    [
        (10**6, 0, "never", Verdict.KEEP),
        (9, 10, "never", Verdict.KEEP),
        (10, 10, "never", Verdict.RECYCLE),
        (11, 10, "segment", Verdict.RECYCLE),
        (9, 10, "segment", Verdict.RELEASE),
        (1, 0, "segment", Verdict.RELEASE),
        (1, 0, "job", Verdict.KEEP),
    ],
)
def test_a_life_is_so_many_segments_long_and_off_means_for_ever(
    segments: int, most: int, clean_after: Cleaning, expected: Verdict
) -> None:
    assert after_segment(segments=segments, max_segments=most, clean_after=clean_after) is expected


@pytest.mark.parametrize(
    ("clean_after", "expected"),
    [("never", Verdict.KEEP), ("segment", Verdict.KEEP), ("job", Verdict.RELEASE)],
)
def test_caches_are_released_after_a_job_for_those_who_want_it(
    clean_after: Cleaning, expected: Verdict
) -> None:
    assert after_job(clean_after) is expected
