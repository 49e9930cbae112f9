"""Every key of config.toml with the values it may take.

A check takes the TOML value and returns what is kept, or raises ValueError with what was
needed and what was seen; who called it adds the key and where the value came from.
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

#: Engines that ship with this package; any other name is looked up among the entry points.
BUILTIN_ENGINES = ("espeak", "scripted", "glm", "glm-upstream")


def engine_table(name: str) -> str:
    """Return the name of an engine's table below `[engine]`: its own, an underscore for each hyphen.

    So that the environment can name it too (`TTS_SUPERVISOR_ENGINE__GLM_UPSTREAM__PATH`): variables have no
    hyphens. A table that is written with hyphens is the same table.
    """
    return name.replace("-", "_")


#: Scripts that an eSpeak voice can be chosen for; what belongs to which is in child/scripts.py.
ESPEAK_SCRIPTS = (
    "latin", "han", "kana", "hangul", "cyrillic", "greek", "arabic", "hebrew", "devanagari", "bengali",
    "gujarati", "gurmukhi", "oriya", "tamil", "telugu", "kannada", "malayalam", "sinhala", "thai",
    "myanmar", "georgian", "armenian", "ethiopic", "cherokee", "shavian",
)  # fmt: skip

Check = Callable[[object], Setting]

_FAULT = re.compile(rf"({'|'.join(FAULT_KINDS)})@([1-9]\d*)")
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


def device(value: object) -> str:
    """Take `"auto"`, `"cpu"` or `"cuda:N"`."""
    if not _DEVICE.fullmatch(text(value)):
        raise ValueError(f"need 'auto', 'cpu' or 'cuda:N' (as in 'cuda:0'), got {value!r}")
    return text(value)


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


#: An hour: longer waits and pauses are surely a slip of the unit.
_HOUR_S = 3600.0
_DAY_S = 86400.0
_seconds = number(least=0, most=_HOUR_S)
_some_seconds = number(least=0, most=_HOUR_S, open_below=True)

#: Every key that this version knows. The table of another package's engine is checked by `setting`.
KEYS: dict[str, Check] = {
    "engine.name": words,
    **{f"engine.espeak.voice_{script}": words for script in ESPEAK_SCRIPTS},
    # The limits of [engine.espeak] and [engine.scripted] are those of child/espeak.py and child/scripted.py.
    "engine.espeak.rate_wpm": whole(least=80, most=450),
    "engine.espeak.pitch": whole(least=0, most=99),
    "engine.scripted.seconds_per_char": number(least=0.0001, most=60),
    "engine.scripted.wall_per_char_s": _seconds,
    "engine.scripted.load_s": number(least=0, most=86400),
    "engine.scripted.load_bytes": amount,
    "engine.glm.checkpoint": place,
    "engine.glm.configs": place,
    "engine.glm.lexicon": place,
    "engine.glm.sample_rate": one_rate_of(24_000, 32_000),
    "engine.glm.precision": one_of("auto", "bf16", "fp32"),
    "engine.glm.kv_cache": flag_or_auto,
    "engine.glm.phonemes": flag,
    "engine.glm.history": flag,
    "engine.glm.threads": whole(least=1, most=256),
    "engine.glm_upstream.path": place,
    "engine.glm_upstream.sample_rate": one_rate_of(24_000, 32_000),
    "engine.glm_upstream.phonemes": flag,
    "engine.glm_upstream.history": flag,
    "engine.glm_upstream.sample_method": one_of("ras", "topk"),
    "engine.faults.peak_bytes": amount,
    "engine.faults.leak_bytes": amount,
    "engine.faults.plateau": whole(least=0, most=10**9),
    "engine.faults.slowdown": number(least=0, most=100),
    "engine.faults.faults": faults,
    "engine.faults.poison": poison,
    "child.python": text,
    "child.device": device,
    "child.start": one_of("template", "cold"),
    # A day: loading weights over a slow network takes long, and nothing else waits for it.
    "child.start_timeout_s": number(least=0, most=_DAY_S, open_below=True),
    "child.term_grace_s": _seconds,
    "child.stall_s": number(least=0, most=_DAY_S, open_below=True),
    "child.attempts": whole(least=1, most=1000),
    "child.idle_unload_s": number(least=0, most=_DAY_S),
    "child.max_segments": whole(least=0, most=10**9),
    "memory.poll_s": _some_seconds,
    "memory.device.soft": mark,
    "memory.device.hard": mark,
    "memory.host.soft": mark,
    "memory.host.hard": mark,
    "memory.leak.live": mark,
    "memory.leak.other": mark,
    "memory.record": text,
    "memory.clean_after": one_of("never", "segment", "job"),
    "degrade.steps": steps,
    "batch.size": whole(least=0, most=10**9),
    "batch.rest_s": _seconds,
    # 10,000 characters are ten minutes of speech in one piece: more is no segment any more.
    "narration.segment_chars": whole(least=1, most=10_000),
    "narration.pause_sentence_s": _seconds,
    "narration.pause_paragraph_s": _seconds,
    "narration.pause_heading_s": _seconds,
    "alerts.command": command,
    "log.format": one_of("text", "json"),
    "log.level": one_of("debug", "info", "warning", "error"),
}
