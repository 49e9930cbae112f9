import pytest

from supervisor.narration.markdown_lines import (
    cells,
    heading_text,
    line_bounds,
    stripped,
    without_attributes,
    without_box,
)
from supervisor.narration.traced import trace


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("# One #", "One"),
        ("## C#", "C#"),
        ("###", ""),
        ("# #", ""),
        ("# One # {#x .y}", "One"),
        ("# {#x}", ""),
        ("# One {-}", "One"),
    ],
)
def test_a_heading_is_what_its_marks_leave(line: str, text: str) -> None:
    assert heading_text(trace(line)).text.strip() == text


@pytest.mark.parametrize("kept", ["a {}", "a {b}", "a {#b", "a {#b} c", "a {# b}", "{#a {b}"])
def test_braces_that_hold_no_attributes_are_text(kept: str) -> None:
    assert without_attributes(trace(kept)).text == kept


@pytest.mark.parametrize("braces", ["{#b}", "{ .c  .d }", '{: k="a b" }', "{k=v #x}"])
def test_attributes_go(braces: str) -> None:
    assert without_attributes(trace(f"a {braces} ")).text == "a "


@pytest.mark.parametrize(
    ("item", "text"), [("[ ] a", "a"), ("[X]\n a", "a"), ("[x]", ""), ("[x]a", "[x]a"), ("a [x]", "a [x]")]
)
def test_a_box_at_the_start_goes(item: str, text: str) -> None:
    assert without_box(trace(item)).text == text


def test_lines_and_cells_keep_their_places() -> None:
    assert line_bounds("ab\n\nc") == [(0, 2), (3, 3), (4, 5)]
    assert [(cell.text, list(cell.starts)) for cell in cells(trace("a|b\\|"))] == [("a", [0]), ("b|", [2, 3])]
    assert (stripped(trace(" a ")).text, stripped(trace(" ")).text) == ("a", "")
