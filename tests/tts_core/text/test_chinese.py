"""What stands around the Chinese grammar."""

import pytest

from tts_core.text.chinese import Replacement, after_grammar, before_grammar


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1-2月", "1减2月"),
        ("1 - 2", "1减2"),
        ("前-后-a", "前后a"),
        ("好咯。走咯，咯咯", "好喽。走喽，咯咯"),
        ("3*10^2", "三乘十的二次方"),
    ],
)
def test_before_the_grammar_hyphens_and_endings_change(text: str, expected: str) -> None:
    assert before_grammar(text, []) == expected


def test_replacements_are_made_one_after_the_other() -> None:
    rows = [Replacement(origin="噢", new="哦"), Replacement(origin="哦哦", new="嗯")]
    assert before_grammar("噢噢", rows) == "嗯"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("额，这个", "呃，这个"),
        ("额头", "额头"),
        ("好额", "好额"),
        ("好~~吗～", "好。吗。"),
        ("（甲）【乙】「丙」《丁》『戊』{己}[庚]`辛`", "甲乙丙丁戊己庚辛"),
        ("甲 - 乙——丙", "甲，乙，丙"),
        ("甲,:：;；、乙", "甲，乙"),
        ("甲...乙……丙。", "甲。乙。丙。"),
        ("“甲”'乙'\"丙\"|丁_戊·己", "甲乙丙丁戊己"),
        ("a\\b", "ab"),
        ("千米/小时", "千米每小时"),
        ("  甲  ", "甲"),
        ("一*二*", "一乘二"),
        ("†x²", "，x平方"),
    ],
)
def test_after_the_grammar_every_sign_is_read_or_gone(text: str, expected: str) -> None:
    assert after_grammar(text) == expected
