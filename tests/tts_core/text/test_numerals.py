"""Powers, read in Chinese as the model was taught to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_core.errors import TextError
from tts_core.text.numerals import number_read, powers_read


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("0", "零"),
        ("0.0", "零"),
        ("7", "七"),
        ("10", "十"),
        ("15", "十五"),
        ("20", "二十"),
        ("101", "一百零一"),
        ("110", "一百一十"),
        ("1001", "一千零一"),
        ("10010", "一万零一十"),
        ("10000", "一万"),
        ("100000", "一十万"[1:]),
        ("123456", "十万二万三千四百五十六"),
        ("3.50", "三点五"),
        ("0.25", "零点二五"),
        ("-3", "负三"),
        ("-3.5", "负三点五"),
        ("-0.5", "零点五"),
        ("٣", "三"),
    ],
)
def test_a_number_is_read_as_the_model_knows_it(number: str, expected: str) -> None:
    assert number_read(number) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.5*10^8米", "三点五乘十的八次方米"),
        ("2x10^-3", "二乘十的负三次方"),
        ("约-2×10^3和4*10^5", "约负二乘十的三次方和4*10^5"),
        ("10^8", "10^8"),
        ("3*10", "3*10"),
        ("1.2.3*4^5", "1.二点三乘四的五次方"),
    ],
)
def test_the_first_power_of_a_text_is_read_and_no_other(text: str, expected: str) -> None:
    assert powers_read(text) == expected


@pytest.mark.parametrize("text", ["1*10^99999999999999999999", "0.00000001*10^3", f"{'9' * 400}*1^1"])
def test_a_number_without_a_plain_form_is_refused(text: str) -> None:
    with pytest.raises(TextError, match="too large or too small"):
        powers_read(text)


@given(st.integers(0, 9999))
def test_up_to_ten_thousand_the_reading_says_each_digit_that_is_not_zero(number: int) -> None:
    said = [char for char in number_read(str(number)) if char in "一二三四五六七八九"]
    digits = ["零一二三四五六七八九"[int(digit)] for digit in str(number) if digit != "0"]
    # Of ten to nineteen the one is not said.
    assert said == (digits[1:] if 10 <= number < 20 else digits)
