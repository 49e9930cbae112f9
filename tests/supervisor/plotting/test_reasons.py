from hypothesis import given
from hypothesis import strategies as st

from supervisor.plotting.reasons import HARDEST_FIRST, rows_of
from supervisor.plotting.story import Mark


def mark(x: float, action: str, policy: str = "leak") -> Mark:
    return Mark(x=x, at_s=x, action=action, policy=policy, why=f"{action} at {x}", origin="replayed")


MARKS = st.lists(
    st.builds(
        mark, st.floats(0, 1000), st.sampled_from([*HARDEST_FIRST, "dance"]), st.sampled_from(["leak", "fit"])
    ),
    max_size=60,
)


def test_equal_decisions_in_a_row_share_one() -> None:
    rows, left_out = rows_of([mark(1, "clean"), mark(2, "clean"), mark(3, "drain"), mark(4, "clean")], 10)
    assert [(row.number, row.first.x, len(row.marks)) for row in rows] == [(1, 1, 2), (2, 3, 1), (3, 4, 1)]
    assert left_out == 0


def test_where_there_is_no_room_decisions_of_a_kind_share_one_wherever_they_stand() -> None:
    marks = [mark(float(at), "drain" if at % 2 else "clean") for at in range(10)]
    rows, left_out = rows_of(marks, 5)
    assert [(row.first.x, row.first.action, len(row.marks)) for row in rows] == [
        (0, "clean", 5),
        (1, "drain", 5),
    ]
    assert left_out == 0


def test_where_there_is_no_room_at_all_the_hardest_stay() -> None:
    marks = [mark(1, "flag"), mark(2, "clean"), mark(3, "kill"), mark(4, "clean"), mark(5, "drain")]
    rows, left_out = rows_of(marks, 2)
    assert [(row.number, row.first.action) for row in rows] == [(1, "kill"), (2, "drain")]
    assert left_out == 3


@given(marks=MARKS, most=st.integers(1, 20))
def test_every_decision_is_in_a_row_or_counted(marks: list[Mark], most: int) -> None:
    rows, left_out = rows_of(marks, most)
    assert len(rows) <= most
    assert sum(len(row.marks) for row in rows) + left_out == len(marks)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert [row.first.x for row in rows] == sorted(row.first.x for row in rows)
