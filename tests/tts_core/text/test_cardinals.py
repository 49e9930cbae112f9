"""Whole numbers in words, in the form that the model knows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_core.errors import TextError
from tts_core.text.cardinals import cardinal

#: As the library `inflect` 7.6.0 reads them.
READ = {
    "0": "zero",
    "7": "seven",
    "13": "thirteen",
    "20": "twenty",
    "42": "forty-two",
    "100": "one hundred",
    "110": "one hundred and ten",
    "999": "nine hundred and ninety-nine",
    "1000": "one thousand",
    "1005": "one thousand and five",
    "1100": "one thousand, one hundred",
    "1105": "one thousand, one hundred and five",
    "1000000": "one million",
    "1000005": "one million and five",
    "5012000": "five million, twelve thousand",
    "1234567": "one million, two hundred and thirty-four thousand, five hundred and sixty-seven",
    "1" + 35 * "0": "one hundred decillion",
    "007": "seven",
    "²": "zero",
    "12²": "twelve",
    "٣": "three",
    40 * "0": "zero",
}


@pytest.mark.parametrize("digits", READ)
def test_a_number_is_read_as_the_model_knows_it(digits: str) -> None:
    assert cardinal(digits) == READ[digits]


@given(st.integers(1, 10**36 - 1))
def test_each_group_of_three_digits_is_read_alone(number: int) -> None:
    plain = cardinal(str(number)).replace(",", "")
    rest = number % 1000
    if number > 1000 and rest >= 100:
        assert plain == f"{cardinal(str(number - rest)).replace(',', '')} {cardinal(str(rest))}"


def test_a_number_without_a_name_is_refused() -> None:
    with pytest.raises(TextError, match="too long a number"):
        cardinal("1" * 37)
