"""Which bytes of an answer a `Range` asks for. Pure.

One range is answered; of several, or of what cannot be understood, the whole is sent, as HTTP allows.
"""

import re
from typing import Final

_ONE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class NoSuchRange(ValueError):
    """The range begins behind the end."""


def range_of(given: str | None, total: int) -> tuple[int, int] | None:
    """Return the first byte and one past the last; None = all are wanted.

    Args:
        given: The header; None where there is none.
        total: Bytes that there are.

    Raises:
        NoSuchRange: If none of them is in it.
    """
    found = _ONE.fullmatch("" if given is None else given.replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        begin, end = max(0, total - int(found[2])), total
    else:
        begin, end = int(found[1]), min(total, int(found[2]) + 1 if found[2] else total)
    if found[1] and found[2] and int(found[2]) < begin:
        return None  # no range at all
    if begin >= end:
        raise NoSuchRange
    return begin, end
