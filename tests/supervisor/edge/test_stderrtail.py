import faulthandler
import tempfile

from hypothesis import given
from hypothesis import strategies as st

from supervisor.edge.stderrtail import LINE_BYTES, TAIL_LINES, StderrTail, last_stack


@given(
    st.lists(st.text(st.characters(exclude_characters="\n\r", codec="utf-8"), max_size=9)), st.integers(1, 7)
)
def test_however_the_stream_is_cut_the_same_lines_come_out(lines: list[str], cut: int) -> None:
    stream = "".join(f"{line}\n" for line in lines).encode()
    tail = StderrTail()
    got = [line for at in range(0, len(stream), cut) for line in tail.feed(stream[at : at + cut])]
    assert got == lines
    assert tail.end() == []


def test_a_flood_is_bounded() -> None:
    tail = StderrTail()
    for _ in range(TAIL_LINES * 2):
        tail.feed(b"x" * LINE_BYTES * 2)
    assert len(tail.text) <= (TAIL_LINES + 1) * (LINE_BYTES + 1)


def test_the_end_of_the_stream_ends_the_last_line() -> None:
    tail = StderrTail()
    assert tail.feed(b"half") == []
    assert tail.end() == ["half"]
    assert tail.text == "half"


def test_the_last_stack_is_found_among_other_lines() -> None:
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        stack = file.read().splitlines()
    first = ["Current thread 0x0001 (most recent call first):", '  File "old.py", line 1 in old']
    found = last_stack([*first, "a word between", *stack, "and after"])
    assert found == "\n".join(stack).strip()


def test_no_stack_is_none() -> None:
    assert last_stack(["one", '  File "of a common traceback.py"', "two"]) is None


def test_the_last_line_is_the_last_that_is_not_blank() -> None:
    tail = StderrTail()
    assert not tail.last_line
    tail.feed(b"first\nsecond\n\n")
    assert tail.last_line == "second"
