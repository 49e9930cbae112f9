import pytest

from supervisor.narration.layout import Layout, layout_of


def look(text: str) -> Layout:
    return layout_of(text.splitlines(keepends=True))


@pytest.mark.parametrize(
    ("text", "indents"),
    [
        ("One.\n  Two.", True),
        ("One.\n Two.", False),
        ("one\n\tmore\n", False),
        ("One.”\n\tTwo\nmore\n\tThree", False),
        ("* * *\n  One", True),
        ("Epilogue\n  One", True),
        ("One.\n  \nTwo", False),
        ("\n  One.\n\n  Two.", False),
        ("A.\n  B\n" * 9 + "a\n  B", True),
        ("A.\n  B\n" * 8 + "a\n  B", False),
    ],
)
def test_indents_count_where_nine_in_ten_follow_a_sentence(text: str, indents: bool) -> None:
    assert look(text).indents is indents


def test_two_full_width_spaces_always_count() -> None:
    layout = look("一，\n\u3000\u3000二\n\u3000三")
    assert [layout.is_apart(number) for number in range(3)] == [False, True, False]


def test_outside_of_the_text_all_is_blank() -> None:
    layout = look("one\n \n")
    assert [layout.is_blank(number) for number in (-1, 0, 1, 2)] == [True, False, True, True]
    assert layout.is_apart(-1)
    assert layout.stands_apart(2)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("- a\n- b", {0, 1}),
        ("- a\n  more\n- b", {0, 2}),
        ("- a\nmore\n- b", set[int]()),
        ("- a\n\n- b", set[int]()),
        ("- a\n* b", set[int]()),
        ("9. a\n10. b\n11) c\n12) d", {0, 1, 2, 3}),
        ("9. a\n9. b", set[int]()),
        ("- a\n9. b", set[int]()),
        ("-a\n-b\n1.5 c\n2.5 d", set[int]()),
    ],
)
def test_an_item_stands_beside_another_of_its_kind(text: str, items: set[int]) -> None:
    assert look(text).items == items
