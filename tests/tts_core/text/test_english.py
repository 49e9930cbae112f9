"""What stands around the English grammar."""

import pytest

from tts_core.errors import TextError
from tts_core.text.english import after_grammar, before_grammar


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I didn’t", "i didn' t"),
        ("wait...what?!", "wait. what? !"),
        ("a,,b;;c::d''e", "a, b; c: d' e"),
        ("(a) [b] {c} `d` 《e》", "a b c d e"),
        ("a — b—c", "a b c"),
        ("x²", "xzero"),
        ("1234 left", "one thousand, two hundred and thirtyfour left"),
        ("99", "ninetynine"),
        ("50% & more!", "fifty  more!"),
        ("  Hello\tWORLD  ", "hello world"),
        ("Ünïcode привет", "ünïcode привет"),
        ("2*3", "twomultiplythree"),
        ("", ""),
    ],
)
def test_only_words_and_simple_marks_are_left(text: str, expected: str) -> None:
    assert after_grammar(text) == expected


def test_the_grammar_gets_curly_apostrophes() -> None:
    assert before_grammar("don't") == "don’t"


def test_too_long_a_number_is_refused_by_name() -> None:
    with pytest.raises(TextError, match="too long a number"):
        after_grammar("9" * 40)
