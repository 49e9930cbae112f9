"""Checked values into one `Config`.

What can be judged only of several values, or of this machine, is judged here.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from supervisor.config.engines import BUILTIN_ENGINES, engines_installed
from supervisor.config.keys import engine_table
from supervisor.config.mistakes import Mistake, Mistaken
from supervisor.config.sources import SHIPPED, Given
from supervisor.config.values import (
    AlertsConfig,
    BatchConfig,
    ChildConfig,
    ChildStart,
    CleanAfter,
    Config,
    DegradeConfig,
    EngineConfig,
    HttpConfig,
    LeakMarks,
    LogConfig,
    LogFormat,
    LogLevel,
    Marks,
    MemoryConfig,
    NarrationConfig,
    PiperConfig,
    QueueConfig,
    Size,
    Step,
    WyomingConfig,
)
from supervisor.wire.messages import FaultPlan, Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Values that passed the check of their key, by key, and who gave each."""

    values: Mapping[str, Setting]
    given: Mapping[str, Given]

    def text(self, key: str) -> str:
        """Return a string."""
        return cast("str", self.values[key])

    def number(self, key: str) -> float:
        """Return a number."""
        return cast("float", self.values[key])

    def whole(self, key: str) -> int:
        """Return a whole number."""
        return cast("int", self.values[key])

    def texts(self, key: str) -> list[str]:
        """Return a list of strings."""
        return cast("list[str]", self.values[key])

    def error(self, key: str, what: str) -> Mistaken:
        """Make the error that names the key and where its value came from."""
        return self.given[key].error(what)

    def table(self, prefix: str) -> dict[str, Setting]:
        """Return what begins with a prefix, without it."""
        return {k.removeprefix(prefix): v for k, v in self.values.items() if k.startswith(prefix)}


def build(checked: Checked) -> Config:
    """Return the configuration.

    Args:
        checked: All keys.

    Raises:
        Mistaken: At the first thing that is impossible though each value is possible by itself.
    """
    return Config(
        engine=_engine(checked),
        child=_child(checked),
        memory=_memory(checked),
        degrade=DegradeConfig(steps=cast("tuple[Step, ...]", tuple(checked.texts("degrade.steps")))),
        batch=BatchConfig(size=checked.whole("batch.size"), rest_s=checked.number("batch.rest_s")),
        narration=NarrationConfig(
            segment_chars=checked.whole("narration.segment_chars"),
            pause_sentence_s=checked.number("narration.pause_sentence_s"),
            pause_paragraph_s=checked.number("narration.pause_paragraph_s"),
            pause_heading_s=checked.number("narration.pause_heading_s"),
        ),
        queue=QueueConfig(
            max_running=checked.whole("queue.max_running"), max_waiting=checked.whole("queue.max_waiting")
        ),
        alerts=AlertsConfig(command=_alerts_command(checked)),
        http=HttpConfig(
            api_key=checked.text("http.api_key"),
            api_key_file=checked.text("http.api_key_file"),
            hosts=tuple(checked.texts("http.hosts")),
            output_folders=tuple(checked.texts("http.output_folders")),
            models=tuple(checked.texts("http.models")),
            voices=cast("dict[str, str]", checked.values["http.voices"]),
            text_chars=checked.whole("http.text_chars"),
            body_bytes=Size.parse(checked.text("http.body_bytes")),
            connections=checked.whole("http.connections"),
            encoders=checked.whole("http.encoders"),
        ),
        wyoming=WyomingConfig(
            sample_rate=checked.whole("wyoming.sample_rate"),
            sentence_silence_s=cast("float | Literal['auto']", checked.values["wyoming.sentence_silence_s"]),
            connections=checked.whole("wyoming.connections"),
            zeroconf=checked.text("wyoming.zeroconf"),
        ),
        piper=PiperConfig(voices=cast("dict[str, str]", checked.values["piper.voices"])),
        log=LogConfig(
            format=cast("LogFormat", checked.text("log.format")),
            level=cast("LogLevel", checked.text("log.level")),
        ),
    )


def _child(checked: Checked) -> ChildConfig:
    return ChildConfig(
        python=_python(checked),
        devices=_devices(checked),
        start=cast("ChildStart", checked.text("child.start")),
        start_timeout_s=checked.number("child.start_timeout_s"),
        term_grace_s=checked.number("child.term_grace_s"),
        stall_s=checked.number("child.stall_s"),
        attempts=checked.whole("child.attempts"),
        idle_unload_s=checked.number("child.idle_unload_s"),
        max_segments=checked.whole("child.max_segments"),
    )


def _memory(checked: Checked) -> MemoryConfig:
    live, other = (Size.parse(checked.text(f"memory.leak.{name}")) for name in ("live", "other"))
    return MemoryConfig(
        poll_s=checked.number("memory.poll_s"),
        device=_device_marks(checked),
        host=_host_marks(checked),
        leak=LeakMarks(live=live, other=other),
        record=_record(checked),
        clean_after=cast("CleanAfter", checked.text("memory.clean_after")),
    )


def _engine(checked: Checked) -> EngineConfig:
    name = _engine_name(checked)
    return EngineConfig(
        name=name,
        settings=checked.table(f"engine.{engine_table(name)}."),
        faults=_faults(checked.table("engine.faults.")),
    )


def _engine_name(checked: Checked) -> str:
    name = checked.text("engine.name")
    # With an interpreter of its own the engine's package is installed there: the child will tell.
    if name in BUILTIN_ENGINES or checked.values.get("child.python"):
        return name
    found = engines_installed()
    if name not in found:
        names = ", ".join([*BUILTIN_ENGINES, *sorted(found)])
        raise checked.error(
            "engine.name",
            f"there is no engine {name!r}; the engines here are {names}. An engine of another package needs "
            "that package installed, here or where child.python points",
        )
    return name


def _faults(table: Mapping[str, Setting]) -> FaultPlan | None:
    plan = FaultPlan(
        peak_bytes=_fixed_bytes(table["peak_bytes"]),
        leak_bytes=_fixed_bytes(table["leak_bytes"]),
        plateau=cast("int", table["plateau"]),
        slowdown=cast("float", table["slowdown"]),
        faults=cast("list[str]", table["faults"]),
        poison=cast("dict[str, str]", table["poison"]),
    )
    return None if plan == FaultPlan() else plan


def _fixed_bytes(value: Setting) -> int:
    return Size.parse(cast("str", value)).of(0)


def _python(checked: Checked) -> str:
    python = checked.text("child.python")
    return _program(checked, "child.python", python) if python else sys.executable


def _devices(checked: Checked) -> tuple[str, ...]:
    return tuple(checked.texts("child.device"))


def _alerts_command(checked: Checked) -> tuple[str, ...]:
    words = checked.texts("alerts.command")
    return (_program(checked, "alerts.command", words[0]), *words[1:]) if words else ()


def _program(checked: Checked, key: str, name: str) -> str:
    """Find a program by its path, or by its name among those that the shell finds."""
    if "/" in name:
        path = _absolute(name)
        found = path if os.access(path, os.X_OK) and Path(path).is_file() else None
    else:
        import shutil  # noqa: PLC0415 - 5 ms, only for a name to be looked up

        found = shutil.which(name)
    if found is None:
        raise checked.error(key, f"{name} is no program that can be run; give its full path")
    return found


def _absolute(path: str) -> str:
    # Links stay: a virtual environment's interpreter finds its packages by its own path.
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - pathlib has no abspath without resolve


def _record(checked: Checked) -> Path | None:
    given = checked.text("memory.record")
    if not given:
        return None
    path = Path(_absolute(given))
    if path.is_dir():
        raise checked.error("memory.record", f"{given} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise checked.error(
            "memory.record", f"there is no folder {path.parent}; make it, or name another file"
        )
    return path


def _host_marks(checked: Checked) -> Marks:
    return _marks(checked, "memory.host", os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _device_marks(checked: Checked) -> Marks:
    return _marks(checked, "memory.device", None)


def _marks(checked: Checked, table: str, total_bytes: int | None) -> Marks:
    soft, hard = (Size.parse(checked.text(f"{table}.{name}")) for name in ("soft", "hard"))
    if total_bytes is None and (soft.share is None) == (hard.share is None):
        # Of one kind: any total will do to compare them.
        total_bytes = 2**40
    if total_bytes is not None and soft.of(total_bytes) > hard.of(total_bytes):
        soft_from, hard_from = (checked.given[f"{table}.{name}"] for name in ("soft", "hard"))
        # The one that somebody set is the one to look at.
        set_by = hard_from if soft_from.origin == SHIPPED else soft_from
        what = (
            f"{table}.soft ({soft.text}, from {soft_from.where}) is above {table}.hard ({hard.text}, from "
            f"{hard_from.where}): set both, soft below hard"
        )
        raise set_by.error(what)
    return Marks(soft=soft, hard=hard)


#: What is judged of several keys, or of this machine, and the keys that it needs.
_JUDGED: tuple[tuple[tuple[str, ...], Callable[[Checked], object]], ...] = (
    (("engine.name",), _engine_name),
    (("child.python",), _python),
    (("child.device",), _devices),
    (("memory.device.soft", "memory.device.hard"), _device_marks),
    (("memory.host.soft", "memory.host.hard"), _host_marks),
    (("memory.record",), _record),
    (("alerts.command",), _alerts_command),
)


def impossible(checked: Checked) -> list[Mistake]:
    """Return all that `build` would raise, one after the other.

    Args:
        checked: Keys that are not there are not judged.
    """
    found: list[Mistake] = []
    for keys, judge in _JUDGED:
        if checked.values.keys() >= set(keys):
            try:
                judge(checked)
            except Mistaken as error:
                found.extend(error.mistakes)
    return found
