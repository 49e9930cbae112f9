"""Lines, emoji and compounds."""

import pytest

from tts_core.text.layout import flattened


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \n \n", ""),
        ("第一行\n  第二行  \n\n第三行。", "第一行。第二行。第三行。"),
        ("one\ntwo.\nthree", "one.  two. three. "),
        ("one\n二", "one. 二。"),
        ("一\\n二", "一。二。"),
        ("1. one\n2. two", "1。one.  2. two. "),
        ("x\n1. one", "x.  1. one. "),
        ("12.one", "12.one. "),
        ("comma,", "comma,. "),
        ("冒号：", "冒号："),
        ("顿号、", "顿号、。"),
        ("state-of-the-art 5-3 a-1", "state of the art 5-3 a-1. "),
        ("😀今天真好👍", "今天真好。"),
        ("好👍🏽", "好。"),
        ("tab\tstays", "tab\tstays. "),
    ],
)
def test_several_lines_become_one_text(text: str, expected: str) -> None:
    assert flattened(text) == expected
