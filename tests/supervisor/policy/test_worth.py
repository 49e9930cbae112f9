import pytest

from supervisor.policy.worth import counts


@pytest.mark.parametrize(
    ("kept", "others_grew", "expected"),
    [
        (99, 0, False),  # less than is worth it
        (100, 0, True),
        (100, 400, True),  # a quarter of what others took, just
        (100, 404, False),
        (101, 404, True),
    ],
)
def test_what_is_kept_counts_where_it_is_worth_it_and_a_quarter_of_what_others_took(
    kept: int, others_grew: int, *, expected: bool
) -> None:
    assert counts(kept, worth_bytes=100, others_grew_bytes=others_grew) is expected
