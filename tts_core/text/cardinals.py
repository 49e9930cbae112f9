"""Leftover digits of an English text in words.

    1234567  →  one million, two hundred and thirty-four thousand, five hundred and sixty-seven

The form is that of the library `inflect`, which the model's own code asks; that takes three seconds of
computing to import.
"""

from typing import Final

from tts_core.errors import TextError

_SMALL: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip

_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

#: By groups of three digits, from the right.
_GROUPS: Final = (
    "", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion", "sextillion",
    "septillion", "octillion", "nonillion", "decillion",
)  # fmt: skip


def cardinal(digits: str) -> str:
    """Read a whole number.

    Args:
        digits: Of any script; superscripts and circled digits among them are passed over.

    Raises:
        TextError: If the number has more than 36 digits.
    """
    number = int("".join(filter(str.isdecimal, digits)) or "0")
    groups = _in_groups(number)
    if len(groups) > len(_GROUPS):
        raise TextError(f"{digits}: too long a number to be read out; write it in words")
    words = [
        f"{_below_thousand(group)} {name}".rstrip()
        for group, name in reversed(list(zip(groups, _GROUPS, strict=False)))
        if group
    ]
    if len(words) > 1 and 0 < groups[0] < 100:  # noqa: PLR2004 -- 1005 is one thousand and five
        *words, last = words
        return f"{', '.join(words)} and {last}"
    return ", ".join(words) or _SMALL[0]


def _in_groups(number: int) -> list[int]:
    groups: list[int] = []
    while number:
        number, group = divmod(number, 1000)
        groups.append(group)
    return groups


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = [f"{_SMALL[hundreds]} hundred"] if hundreds else []
    return " and ".join([*words, _below_hundred(rest)] if rest else words)


def _below_hundred(number: int) -> str:
    if number < len(_SMALL):
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    return f"{_TENS[tens - 2]}-{_SMALL[ones]}" if ones else _TENS[tens - 2]
