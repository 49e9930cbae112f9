"""Runs tile the text, and each is in one script."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from child.scripts import script_of, split_runs, undisguised


def runs_of(text: str) -> list[tuple[str | None, str]]:
    return [(run.script, run.text) for run in split_runs(text)]


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("", []),
        ("Hello, world.", [("latin", "Hello, world.")]),
        ("你好。", [("han", "你好。")]),
        ("He said 你好，twice.", [("latin", "He said "), ("han", "你好，"), ("latin", "twice.")]),
        ("in 2024年", [("latin", "in "), ("han", "2024年")]),
        ("2024年", [("han", "2024年")]),
        ("他有3 apples", [("han", "他有3 "), ("latin", "apples")]),
        ("He said (你好)", [("latin", "He said "), ("han", "(你好)")]),
        ("日本語とカナ", [("han", "日本語"), ("kana", "とカナ")]),
        ("12, 13!", [(None, "12, 13!")]),
        ("Привет", [("cyrillic", "Привет")]),
        ("cafe\u0301 é", [("latin", "cafe\u0301 é")]),
        ("१२३", [("devanagari", "१२३")]),
        ("ᚁᚂ", [(None, "ᚁᚂ")]),
    ],
)
def test_each_run_is_in_one_script(text: str, runs: list[tuple[str | None, str]]) -> None:
    assert runs_of(text) == runs


@given(st.text(st.sampled_from("ab 你好 3.,(пр「 ねア\u0301१")))
def test_runs_tile_the_text_and_hold_one_script_each(text: str) -> None:
    runs = split_runs(text)
    assert "".join(run.text for run in runs) == text
    for run in runs:
        assert {script_of(char) for char in run.text} - {None} <= {run.script}
    assert all(one.script != other.script for one, other in pairwise(runs))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("ＡＢＣ１２３", "ABC123"),
        ("①②", "12"),
        ("Ⅷ", "VIII"),
        ("𝐀𝐁", "AB"),
        ("ﬁne", "fine"),
        ("％＄＃＆＠／＋＝－５", "%$#&@/+=-5"),
        ("￥１００", "¥100"),
        ("３．１４", "3.14"),
        ("٪ ∕ ∶", "% / :"),
        ("㍿ ㋀ ㌔ ㎨", "株式会社 1月 キロ m/s²"),
        ("x² ½ é 你好", "x² ½ é 你好"),
        ("，。！？：；（）＂ ～ № ™ ℃ ㎏ …", "，。！？：；（）＂ ～ № ™ ℃ ㎏ …"),
    ],
)
def test_letters_in_disguise_are_read_as_what_they_are(text: str, plain: str) -> None:
    assert undisguised(text) == plain
