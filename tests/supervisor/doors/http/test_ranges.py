import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.doors.http.ranges import NoSuchRange, range_of


@pytest.mark.parametrize(
    ("given_header", "wanted"),
    [
        ("bytes=0-", (0, 10)),
        ("bytes=0-0", (0, 1)),
        ("bytes=3-4", (3, 5)),
        ("bytes= 3 - 4 ", (3, 5)),
        ("bytes=9-99", (9, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
    ],
)
def test_one_range_is_bytes_of_what_there_is(given_header: str, wanted: tuple[int, int]) -> None:
    assert range_of(given_header, 10) == wanted


@pytest.mark.parametrize(
    "given_header",
    [
        None,
        "",
        "bytes=-",
        "bytes=1-2,4-5",
        "bytes=4-3",
        "words=1-2",
        "bytes=a-b",
        "bytes=٣-4",
        "bytes=" + "9" * 40,
    ],
)
def test_of_what_is_no_range_the_whole_is_wanted(given_header: str | None) -> None:
    assert range_of(given_header, 10) is None


@pytest.mark.parametrize(
    ("given_header", "total"), [("bytes=10-", 10), ("bytes=10-12", 10), ("bytes=0-", 0), ("bytes=-0", 10)]
)
def test_a_range_behind_the_end_is_none(given_header: str, total: int) -> None:
    with pytest.raises(NoSuchRange):
        range_of(given_header, total)


@given(
    st.text(max_size=30) | st.from_regex(r"bytes=[0-9]{0,4}-[0-9]{0,4}", fullmatch=True), st.integers(0, 2000)
)
def test_what_is_returned_is_in_it(text: str, total: int) -> None:
    try:
        found = range_of(text, total)
    except NoSuchRange:
        return
    assert found is None or 0 <= found[0] < found[1] <= total
