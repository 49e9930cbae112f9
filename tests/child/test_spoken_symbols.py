"""Symbols a voice is silent on get words, in the language around them; the rest is left alone."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from child.spoken_symbols import WORDS, with_words

SILENT = frozenset(WORDS) - frozenset("$%&+=@#×°")


def worded(text: str, silent: frozenset[str] = SILENT, *, neutral_is_chinese: bool = False) -> str:
    return with_words(text, lambda _: silent, neutral_is_chinese=neutral_is_chinese)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("今天是38℃左右。", "今天是38摄氏度左右。"),
        ("今天38°C左右。", "今天38摄氏度左右。"),
        ("气温−5℃。", "气温负5摄氏度。"),
        ("气温是-5度", "气温是负5度"),
        ("增长50%。", "增长百分之50。"),
        ("从5%～10%", "从百分之5到百分之10"),
        ("占3.5‰", "占千分之3.5"),
        ("好%", "好%"),
        ("价格¥100。", "价格100元。"),
        ("价格$3.5亿。", "价格3.5亿美元。"),
        ("用€付", "用欧元付"),
        ("长3×宽4", "长3乘宽4"),
        ("××公司", "某某公司"),
        ("北京→上海", "北京到上海"),
        ("周一～周五", "周一到周五"),
        ("大约~5个", "大约约5个"),
        ("好～", "好～"),
        ("3½杯", "3又二分之一杯"),
        ("½杯", "二分之一杯"),
        ("共10²个", "共10的平方个"),
        ("共10⁻⁶个", "共10的负6次方个"),
        ("共2^10个", "共2的10次方个"),
        ("说法²。", "说法 2。"),
        ("面积5㎡", "面积5平方米"),
        ("值3<5", "值3小于5"),
        ("楼#5", "楼#5"),
    ],
)
def test_chinese_gets_chinese_words(text: str, spoken: str) -> None:
    assert worded(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("It is 38℃.", "It is 38 degrees Celsius."),
        ("✓ done", "check mark done"),
        ("3⅖ cups", "3 and two fifths cups"),
        ("10⁻⁶ m² x^2", "10 to the power of minus 6 m squared x squared"),
        ("5㎏ or 3㎞", "5 kilograms or 3 kilometres"),
        ("10～20 of them", "10 to 20 of them"),
        ("if p > 0.05 or 3<5", "if p  greater than  0.05 or 3 less than 5"),
        ("word.² said¹²", "word. 2 said 12"),
        ("<b>5</b>", "<b>5</b>"),
        ("H₂O", "H 2 O"),
        ("50% of $5", "50% of $5"),
        ("2024-05-06, 10–20", "2024-05-06, 10–20"),
        ("“a” (b) — ★ _c_ | d", "“a” (b) — ★ _c_ | d"),
    ],
)
def test_elsewhere_what_is_silent_gets_english_words(text: str, spoken: str) -> None:
    assert worded(text) == spoken


def test_what_the_voice_says_itself_is_left_to_it() -> None:
    assert worded("5 ≤ 6", frozenset()) == "5 ≤ 6"
    assert worded("5 ≤ 6", frozenset("≤")) == "5 less than or equal to 6"


def test_each_part_of_a_text_speaks_its_own_language() -> None:
    assert worded("He said 38℃, 他说38℃") == "He said 38 degrees Celsius, 他说38摄氏度"


def test_small_digits_never_grow_into_the_number_beside_them() -> None:
    assert worded("log₁₀5") == "log 10 5"
    assert worded("式₂3") == "式 2 3"


def test_a_text_without_a_script_is_worded_for_who_reads_it() -> None:
    assert worded("38℃") == "38 degrees Celsius"
    assert worded("38℃", neutral_is_chinese=True) == "38摄氏度"


def test_a_voice_is_asked_only_where_it_meets_a_symbol() -> None:
    asked: list[str | None] = []

    def silent(script: str | None) -> frozenset[str]:
        asked.append(script)
        return SILENT

    with_words("plain, 中文5℃ слово 5℃", silent, neutral_is_chinese=False)
    assert asked == ["cyrillic"]


def test_the_table_is_sorted_and_every_word_can_be_read() -> None:
    assert list(WORDS) == sorted(WORDS)
    for english, chinese in WORDS.values():
        assert english.replace(" ", "").isascii()
        assert all(unicodedata.name(char).startswith("CJK") for char in chinese)


@given(st.text(st.sampled_from("ab 好3.,!?(\"'é你\n")))
def test_a_text_without_symbols_stays_as_it_is(text: str) -> None:
    assert worded(text, frozenset(WORDS)) == text


@given(st.text(st.sampled_from("aé好п5 ℃%→~^²½−-<>×$€.")))
def test_no_silent_symbol_of_the_table_is_left(text: str) -> None:
    own = {symbol for symbol, (_, chinese) in WORDS.items() if not chinese}
    assert not set(worded(text, frozenset(WORDS))) & (WORDS.keys() - own)
