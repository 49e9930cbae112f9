"""Whole normalisation, step after step."""

from pathlib import Path

import pytest

from tts_core.errors import CheckpointError, TextError
from tts_core.text.frontend import TextFrontEnd, read_replacements

# The first of them may build the grammars for the checkout.
pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "."),
        ("   ", "."),
        ("\n\n", "."),
        ("。。。", "."),
        ("？", "."),
        ("！", "."),
        ("😀", "."),
        ("噢，我知道了", "哦，我知道了。"),
        ("今天是2025年12月11日，气温23.5度。", "今天是二零二五年十二月十一日，气温二十三点五度。"),
        ("真的吗？", "真的吗?"),
        ("真的吗？！", "真的吗。"),
        ("Hello World你好", "hello world你好。"),
        ("你 好 a b 1", "你好a b一。"),
        ("(3+4)*5等于35", "三加四乘五等于三十五。"),
        ("好~", "好。"),
        ("5-3=2对吗?", "五减三等于二对吗?"),
        ("《诗》#1", "诗一。"),
        ("第一\n\n  第二", "第一。第二。"),
        ("第一\\n第二", "第一。第二。"),
        ("It's 5 o'clock -- OK?", "it's five o'clock ok?"),
        ("one\ntwo", "one. two."),
        ("So, what?! Noo...", "so, what. noo."),
        ("“Hi”, she said", "hi, she said."),
        (" leading space", "leading space."),
        ("full　width！", "full width."),
    ],
)
def test_a_text_is_normalised_as_the_model_knows_it(
    front_end: TextFrontEnd, text: str, expected: str
) -> None:
    assert front_end.normalise(text) == expected


def test_normalising_again_changes_only_marks(front_end: TextFrontEnd) -> None:
    once = front_end.normalise("他说：“你好！”然后走了……")
    assert once == "他说，你好.然后走了。"
    assert front_end.normalise(once) == "他说，你好。然后走了。"


@pytest.mark.parametrize("text", ["a\ud800b", "12*10^99999999999999999999好"])
def test_where_the_model_fails_the_safe_form_does_not(front_end: TextFrontEnd, text: str) -> None:
    with pytest.raises(TextError):
        front_end.normalise(text)
    assert front_end.normalise_safely(text)


def test_the_safe_form_is_the_same_where_nothing_fails(front_end: TextFrontEnd) -> None:
    assert front_end.normalise_safely("a^b") == front_end.normalise("a^b") == "a circumflex b."


def test_without_tables_nothing_is_replaced(text_cache: Path, tmp_path: Path) -> None:
    for configs in (None, tmp_path):
        assert TextFrontEnd(configs=configs, cache=text_cache).normalise("噢") == "噢。"


def test_replacements_keep_their_order_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "custom_replace.jsonl").write_text(
        '{"origin": "甲", "new": "乙"}\n\n{"origin": "乙", "new": "丙"}\n', "utf-8"
    )
    assert [(one.origin, one.new) for one in read_replacements(tmp_path)] == [("甲", "乙"), ("乙", "丙")]


@pytest.mark.parametrize("line", ['{"origin": "甲"}', "[]", "{", '{"origin": 1, "new": "乙"}'])
def test_a_damaged_table_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "custom_replace.jsonl").write_text(f'{{"origin": "甲", "new": "乙"}}\n{line}\n', "utf-8")
    with pytest.raises(CheckpointError, match=r"custom_replace\.jsonl:2"):
        read_replacements(tmp_path)
