"""Powers in Chinese text: `3.5*10^8` is read 三点五乘十的八次方.

The reading of a number is the model's, not Chinese: 123456 comes out as 十万二万三千四百五十六.
"""

import re
from typing import Final

from tts_core.errors import TextError

_DIGITS: Final = "零一二三四五六七八九"

#: By place, from the right; higher places have none.
_PLACES: Final = ("", "十", "百", "千", "万", "十万", "百万", "千万", "亿", "十亿", "百亿", "千亿")

#: After these no zero is read.
_ROUND: Final = frozenset({"万", "亿"})

_NUMBER: Final = r"\d+(?:\.\d+)?"
_POWER = re.compile(rf"(-?{_NUMBER})[*x×]({_NUMBER})\^(-?{_NUMBER})")


def powers_read(text: str) -> str:
    """Return a text with its first power in words; later ones stay as they are.

    Raises:
        TextError: If one of its numbers is so large or so small that it has no plain decimal form.
    """
    return _POWER.sub(_in_words, text, count=1)


def _in_words(power: re.Match[str]) -> str:
    base, factor, exponent = map(number_read, power.groups())
    return f"{base}乘{factor}的{exponent}次方"


def number_read(number: str) -> str:
    """Read a decimal number in Chinese.

    Args:
        number: Digits, with at most one point, perhaps after a minus sign.

    Raises:
        TextError: If its shortest form as a float has an exponent, or is infinite.
    """
    whole, _, fraction = str(float(number)).partition(".")
    if not fraction.isdigit():
        raise TextError(f"{number}: too large or too small a number to be read out; write it in words")
    if not fraction.strip("0"):
        return _whole_read(int(whole))
    # Of -0.5 the sign is lost: the whole part is 0, and 0 has none.
    return f"{_whole_read(int(whole))}点{''.join(_DIGITS[int(digit)] for digit in fraction)}"


def _whole_read(number: int) -> str:
    if number == 0:
        return _DIGITS[0]
    if number < 0:
        return "负" + _whole_read(-number)
    read = re.sub("零+", "零", "".join(reversed(_from_the_right(number))))
    return re.sub("^一十", "十", read).removesuffix("零")


def _from_the_right(number: int) -> list[str]:
    """Return digits and their places in words, the last of the number first."""
    parts: list[str] = []
    zero_read = False
    lower = ""  # the place of the last digit that was not zero
    for position, digit in enumerate(reversed(str(number))):
        place = _PLACES[position] if position < len(_PLACES) else ""
        if digit == "0":
            if parts and not zero_read and lower not in _ROUND:
                parts.append(_DIGITS[0])
                zero_read = True
            continue
        parts += [place, _DIGITS[int(digit)]]
        zero_read, lower = False, place
    return parts
