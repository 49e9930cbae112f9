"""What a key's value may be: a check takes the TOML value and returns what is kept.

It raises ValueError with what was needed and what was seen; who called it adds the key and
where the value came from.
"""

import math
import os
import re
from collections.abc import Callable
from typing import cast, get_args

from supervisor.config.values import Size
from supervisor.policy.degrade import Step
from supervisor.wire.messages import Setting

#: Kinds of `[engine.faults] faults` and `poison` (interface §3).
FAULT_KINDS = ("crash", "exit", "hang", "oom", "nan", "silence", "stray", "garbage", "step")

Check = Callable[[object], Setting]

_FAULT = re.compile(rf"({'|'.join(FAULT_KINDS)})@([1-9]\d*)")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_DEVICE = re.compile(r"auto|cpu|cuda:\d+")


def toml_type(value: object) -> str:
    """Name a TOML value's type as people know it."""
    names: dict[type[object], str] = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a string",
    }
    names |= {list: "a list", dict: "a table"}
    return names.get(type(value), "a date or time")


def text(value: object) -> str:
    """Take any string."""
    if not isinstance(value, str):
        raise ValueError(f"need a string, got {toml_type(value)}: {value!r}")  # noqa: TRY004 - one kind of error for all checks
    return value


def words(value: object) -> str:
    """Take a string that is not empty."""
    if not text(value).strip():
        raise ValueError('need a name, got ""')
    return text(value)


def one_of(*allowed: str) -> Check:
    """Take one of a few words."""

    def check(value: object) -> Setting:
        if text(value) not in allowed:
            raise ValueError(f"need one of {', '.join(map(repr, allowed))}, got {value!r}")
        return text(value)

    return check


def one_rate_of(*allowed_hz: int) -> Check:
    """Take one of a few sample rates."""

    def check(value: object) -> Setting:
        if isinstance(value, bool) or not isinstance(value, int) or value not in allowed_hz:
            raise ValueError(f"need {' or '.join(map(str, allowed_hz))}, got {value!r}")
        return value

    return check


def flag(value: object) -> bool:
    """Take true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"need true or false, got {toml_type(value)}: {value!r}")  # noqa: TRY004 - see text
    return value


def flag_or_auto(value: object) -> Setting:
    """Take true, false or `"auto"`."""
    if value != "auto" and not isinstance(value, bool):
        raise ValueError(f'need true, false or "auto", got {toml_type(value)}: {value!r}')
    return cast("Setting", value)


def place(value: object) -> str:
    """Take a path and make it absolute, links kept; empty for none."""
    return os.path.abspath(os.path.expanduser(text(value))) if text(value) else ""  # noqa: PTH100, PTH111 - pathlib has no abspath without resolve


def devices(value: object) -> list[str]:
    """Take `"auto"`, `"cpu"`, `"cuda:N"`, or a list of one kind of them; one alone is a list of one."""
    entries = cast("list[object]", value) if isinstance(value, list) else [value]
    for entry in entries:
        if not _DEVICE.fullmatch(text(entry)):
            raise ValueError(
                f"need 'auto', 'cpu' or 'cuda:N' (as in 'cuda:0'), or a list of them, got {entry!r}"
            )
    if not entries:
        raise ValueError('need at least one device, as in ["cuda:0", "cuda:1"], got an empty list')
    names = [text(entry) for entry in entries]
    if len({name.partition(":")[0] for name in names}) > 1:
        # A CPU and a GPU round differently: one job would have bytes of both, as its segments fell.
        raise ValueError(
            f"need devices of one kind, since their sounds differ, got {names}; name GPUs alone, as in "
            '["cuda:0", "cuda:1"], or "cpu" alone'
        )
    return names


def number(*, least: float, most: float, open_below: bool = False) -> Check:
    """Take a finite number within bounds; `open_below` excludes `least` itself."""

    def check(value: object) -> Setting:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"need a number, got {toml_type(value)}: {value!r}")  # noqa: TRY004 - see text
        low_enough = value <= least if open_below else value < least
        if not math.isfinite(value) or low_enough or value > most:
            bound = "over" if open_below else "at least"
            raise ValueError(f"need a number {bound} {least:g} and at most {most:g}, got {value}")
        return float(value)

    return check


def whole(*, least: int, most: int) -> Check:
    """Take a whole number within bounds."""

    def check(value: object) -> Setting:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"need a whole number, got {toml_type(value)}: {value!r}")  # noqa: TRY004 - see text
        if not least <= value <= most:
            raise ValueError(f"need a whole number from {least} to {most}, got {value}")
        return value

    return check


def mark(value: object) -> str:
    """Take a size or a share, over nothing."""
    if Size.parse(text(value)).of(2**40) <= 0:
        raise ValueError(f"need more than nothing, got {value!r}")
    return text(value)


def amount(value: object) -> str:
    """Take a size; a share has no total here."""
    if Size.parse(text(value)).fixed_bytes is None:
        raise ValueError(f'need a size with a unit ("512MiB"), got the share {value!r}')
    return text(value)


def secret(value: object) -> str:
    """Take what a header can carry, and say nothing of it; empty for none."""
    if not isinstance(value, str):
        raise ValueError(f"need a string, got {toml_type(value)}; put it in quotes")  # noqa: TRY004 - see text
    if any(not "!" <= letter <= "~" for letter in value):
        raise ValueError("need letters, digits and marks of ASCII alone, without spaces")
    return value


def texts(value: object) -> list[str]:
    """Take a list of strings, none of them empty."""
    if not isinstance(value, list):
        raise ValueError(f"need a list of strings, got {toml_type(value)}: {value!r}")  # noqa: TRY004 - see text
    return [words(entry) for entry in cast("list[object]", value)]


def places(value: object) -> list[str]:
    """Take a list of folders and make them absolute, links kept."""
    return [place(entry) for entry in texts(value)]


def hosts(value: object) -> list[str]:
    """Take a list of names that a machine is called by: no scheme, no port."""
    entries = texts(value)
    for entry in entries:
        if not _HOST.fullmatch(entry):
            raise ValueError(f'need names of this machine ("tts.lan"), without scheme or port, got {entry!r}')
    return [entry.lower() for entry in entries]


def synonyms(value: object) -> dict[str, str]:
    """Take a table of name to voice."""
    if not isinstance(value, dict):
        raise ValueError(f'need a table such as {{ "alloy" = "en-us" }}, got {toml_type(value)}: {value!r}')  # noqa: TRY004 - see text
    return {words(name): text(voice) for name, voice in cast("dict[str, object]", value).items()}


def rate_or_own(value: object) -> Setting:
    """Take a sample rate, or 0 for the engine's own."""
    if value == 0 and not isinstance(value, bool):
        return 0
    return whole(least=8_000, most=192_000)(value)


def seconds_or_auto(value: object) -> Setting:
    """Take seconds up to a minute, or `"auto"`."""
    return "auto" if value == "auto" else number(least=0, most=60)(value)


def label(value: object) -> str:
    """Take a name that DNS can carry, one label of it; empty for none."""
    if not text(value).isprintable() or len(text(value).encode()) > 63:  # noqa: PLR2004 - a label, says RFC 1035
        raise ValueError(f"need at most 63 bytes of letters, digits, marks and spaces, got {value!r}")
    return text(value).strip()


def steps(value: object) -> list[str]:
    """Take a list of degrade steps, none twice."""
    known = ", ".join(map(repr, get_args(Step)))
    if not isinstance(value, list):
        raise ValueError(f"need a list of {known}, got {toml_type(value)}: {value!r}")  # noqa: TRY004 - see text
    entries = [text(entry) for entry in cast("list[object]", value)]
    for at, entry in enumerate(entries):
        if entry not in get_args(Step):
            raise ValueError(f"need a list of {known}, got {entry!r} in it")
        if entry in entries[:at]:
            raise ValueError(f"need each step at most once, got {entry!r} twice")
    return entries


def command(value: object) -> list[str]:
    """Take a program with its arguments: a list, or a string that is cut as a shell would; empty for none."""
    if isinstance(value, str):
        import shlex  # noqa: PLC0415 - 1 ms of every start, for one key

        return shlex.split(value)  # raises ValueError with words of its own at an open quotation
    if not isinstance(value, list):
        raise ValueError(f"need a string or a list of strings, got {toml_type(value)}: {value!r}")  # noqa: TRY004 - see text
    entries = [text(entry) for entry in cast("list[object]", value)]
    if entries and not entries[0].strip():
        raise ValueError('need a program first in the list, got ""')
    return entries


def faults(value: object) -> list[str]:
    """Take a list of `"KIND@N"`, N from 1."""
    if not isinstance(value, list):
        raise ValueError(f'need a list such as ["crash@5"], got {toml_type(value)}: {value!r}')  # noqa: TRY004 - see text
    entries = [text(entry) for entry in cast("list[object]", value)]
    for entry in entries:
        if not _FAULT.fullmatch(entry):
            raise ValueError(f"need KIND@N with N from 1 and KIND of {', '.join(FAULT_KINDS)}, got {entry!r}")
    return entries


def poison(value: object) -> dict[str, str]:
    """Take a table of word to kind."""
    if not isinstance(value, dict):
        raise ValueError(f'need a table such as {{ "word" = "crash" }}, got {toml_type(value)}: {value!r}')  # noqa: TRY004 - see text
    table = {word: text(kind) for word, kind in cast("dict[str, object]", value).items()}
    for word, kind in table.items():
        if kind not in FAULT_KINDS or not word:
            raise ValueError(f"need a word and one of {', '.join(FAULT_KINDS)}, got {word!r} = {kind!r}")
    return table


def setting(value: object) -> Setting:
    """Take what an engine of another package may be given; its own checks follow in the child."""
    if isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, list):
        return [text(entry) for entry in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: text(entry) for key, entry in cast("dict[str, object]", value).items()}
    raise ValueError(f"need a string, a number, true, false, a list or a table of strings, got {value!r}")
