"""Reading an engine's own table `[engine.NAME]`: every refusal names the key."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from child.engine import SettingsError
from supervisor.wire.messages import Setting

Chosen = TypeVar("Chosen", int, str)

_UNITS_BYTES = {
    "B": 1,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
}
_SIZE = re.compile(rf"([0-9]+(?:\.[0-9]+)?)\s*({'|'.join(_UNITS_BYTES)})")


def refuse_unknown(settings: Mapping[str, Setting], known: Iterable[str], where: str) -> None:
    """Raise for the first key that is not known.

    Raises:
        SettingsError: Naming the key and those that exist.
    """
    names = sorted(known)
    for key in settings:
        if key not in names:
            raise SettingsError(f"{where}.{key} is no setting; there are: {', '.join(names)}")


def read_number(settings: Mapping[str, Setting], key: str, where: str, bounds: "Bounds") -> float:
    """Return the number under a key, or its default.

    Raises:
        SettingsError: If it is no number or out of bounds.
    """
    value = settings.get(key, bounds.default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SettingsError(f"{where}.{key} = {value!r} is no number; the default is {bounds.default}")
    if not bounds.least <= value <= bounds.most:
        raise SettingsError(f"{where}.{key} = {value!r} is not within {bounds.least} .. {bounds.most}")
    return value


def read_flag(settings: Mapping[str, Setting], key: str, where: str, *, default: bool) -> bool:
    """Return what stands under a key, or its default.

    Raises:
        SettingsError: If it is neither true nor false.
    """
    value = settings.get(key, default)
    if not isinstance(value, bool):
        raise SettingsError(f"{where}.{key} = {value!r} must be true or false")
    return value


def read_one_of(settings: Mapping[str, Setting], key: str, where: str, allowed: Sequence[Chosen]) -> Chosen:
    """Return which of a few values stands under a key, or the first of them.

    Raises:
        SettingsError: If it is none of them.
    """
    value = settings.get(key, allowed[0])
    for one in allowed:
        if value == one and not isinstance(value, bool):
            return one
    raise SettingsError(f"{where}.{key} = {value!r}; there are: {', '.join(map(repr, allowed))}")


def read_size_bytes(settings: Mapping[str, Setting], key: str, where: str) -> int:
    """Return the size under a key in bytes: an integer, or a string such as "20MiB"; 0 if absent.

    Raises:
        SettingsError: If it is no size.
    """
    value = settings.get(key, 0)
    size_bytes = _size_bytes(value)
    if size_bytes is None:
        raise SettingsError(f'{where}.{key} = {value!r} is no size; write for example "20MiB"')
    return size_bytes


def _size_bytes(value: Setting) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value >= 0 else None
    if not isinstance(value, str):
        return None
    match = _SIZE.fullmatch(value.strip())
    return None if match is None else int(float(match[1]) * _UNITS_BYTES[match[2]])


class Bounds:
    """Default, least and most of a number."""

    __slots__ = ("default", "least", "most")

    def __init__(self, default: float, least: float, most: float) -> None:
        self.default = default
        self.least = least
        self.most = most
