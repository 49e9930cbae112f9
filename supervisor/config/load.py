"""All sources together, each value checked, into one `Config`."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from supervisor.config.keys import BUILTIN_ENGINES, KEYS, engine_table, setting
from supervisor.config.sources import (
    Given,
    find_file,
    flatten,
    from_environ,
    from_sets,
    read_file,
    shipped_file,
    unknown_key,
)
from supervisor.config.values import (
    AlertsConfig,
    BatchConfig,
    ChildConfig,
    ChildStart,
    CleanAfter,
    Config,
    DegradeConfig,
    EngineConfig,
    LeakMarks,
    LogConfig,
    LogFormat,
    LogLevel,
    Marks,
    MemoryConfig,
    NarrationConfig,
    Size,
    Step,
)
from supervisor.errors import ConfigError
from supervisor.wire.messages import FaultPlan, Setting

ENTRY_POINT_GROUP = "tts_supervisor.engines"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """Checked values by key, and who gave each."""

    values: Mapping[str, Setting]
    given: Mapping[str, Given]

    def text(self, key: str) -> str:
        return cast("str", self.values[key])

    def number(self, key: str) -> float:
        return cast("float", self.values[key])

    def whole(self, key: str) -> int:
        return cast("int", self.values[key])

    def texts(self, key: str) -> list[str]:
        return cast("list[str]", self.values[key])

    def error(self, key: str, what: str) -> ConfigError:
        return self.given[key].error(what)

    def table(self, prefix: str) -> dict[str, Setting]:
        return {k.removeprefix(prefix): v for k, v in self.values.items() if k.startswith(prefix)}


def load_config(
    *,
    file: Path | None = None,
    sets: Sequence[str] = (),
    options: Iterable[Given] = (),
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Read and check the whole configuration.

    Args:
        file: As after `--config`; None looks in the usual places.
        sets: As after each `--set`.
        options: What options of the command line stand for, `--engine` for `engine.name`; they win.
        environ: Default `os.environ`.

    Raises:
        ConfigError: If a key is unknown, has the wrong type or an impossible value; the message
            names the key, where its value came from, and the mend.
    """
    environ = os.environ if environ is None else environ
    path = file or find_file(environ)
    given = {one.key: one for one in flatten(read_file(shipped_file()), "the shipped defaults")}
    for source in (
        flatten(read_file(path), str(path)) if path else (),
        from_environ(environ),
        from_sets(sets),
        options,
    ):
        given |= {one.key: one for one in source}
    return _config(_check(given))


def _check(given: Mapping[str, Given]) -> _Checked:
    values: dict[str, Setting] = {}
    table = engine_table(str(given["engine.name"].value))
    for key, one in given.items():
        if key not in KEYS and not key.startswith(f"engine.{table}."):
            raise unknown_key(key, one.origin)
        try:
            values[key] = KEYS.get(key, setting)(one.value)
        except ValueError as error:
            raise one.error(str(error)) from error
    return _Checked(values=values, given=given)


def _config(checked: _Checked) -> Config:
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
        alerts=AlertsConfig(command=_alerts_command(checked)),
        log=LogConfig(
            format=cast("LogFormat", checked.text("log.format")),
            level=cast("LogLevel", checked.text("log.level")),
        ),
    )


def _child(checked: _Checked) -> ChildConfig:
    return ChildConfig(
        python=_python(checked),
        device=checked.text("child.device"),
        start=cast("ChildStart", checked.text("child.start")),
        start_timeout_s=checked.number("child.start_timeout_s"),
        term_grace_s=checked.number("child.term_grace_s"),
        stall_s=checked.number("child.stall_s"),
        attempts=checked.whole("child.attempts"),
        idle_unload_s=checked.number("child.idle_unload_s"),
        max_segments=checked.whole("child.max_segments"),
    )


def _memory(checked: _Checked) -> MemoryConfig:
    live, other = (Size.parse(checked.text(f"memory.leak.{name}")) for name in ("live", "other"))
    return MemoryConfig(
        poll_s=checked.number("memory.poll_s"),
        device=_marks(checked, "memory.device", None),
        host=_marks(checked, "memory.host", _machine_bytes()),
        leak=LeakMarks(live=live, other=other),
        record=_record(checked),
        clean_after=cast("CleanAfter", checked.text("memory.clean_after")),
    )


def _engine(checked: _Checked) -> EngineConfig:
    name = checked.text("engine.name")
    # With an interpreter of its own the engine's package is installed there: the child will tell.
    if name not in BUILTIN_ENGINES and not checked.values["child.python"]:
        _find_entry_point(checked.given["engine.name"], name)
    return EngineConfig(
        name=name,
        settings=checked.table(f"engine.{engine_table(name)}."),
        faults=_faults(checked.table("engine.faults.")),
    )


def _find_entry_point(given: Given, name: str) -> None:
    from importlib.metadata import entry_points  # noqa: PLC0415 - 20 ms, only for foreign engines

    found = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name in found:
        return
    names = ", ".join([*BUILTIN_ENGINES, *sorted(found)])
    raise given.error(
        f"there is no engine {name!r}; the engines here are {names}. An engine of another package needs "
        "that package installed, here or where child.python points"
    )


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


def _python(checked: _Checked) -> str:
    python = checked.text("child.python")
    return _program(checked, "child.python", python) if python else sys.executable


def _alerts_command(checked: _Checked) -> tuple[str, ...]:
    words = checked.texts("alerts.command")
    return (_program(checked, "alerts.command", words[0]), *words[1:]) if words else ()


def _program(checked: _Checked, key: str, name: str) -> str:
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


def _record(checked: _Checked) -> Path | None:
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


def _machine_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _marks(checked: _Checked, table: str, total_bytes: int | None) -> Marks:
    soft, hard = (Size.parse(checked.text(f"{table}.{name}")) for name in ("soft", "hard"))
    if total_bytes is None and (soft.share is None) == (hard.share is None):
        # Of one kind: any total will do to compare them.
        total_bytes = 2**40
    if total_bytes is not None and soft.of(total_bytes) > hard.of(total_bytes):
        origin = checked.given[f"{table}.soft"].origin
        other = checked.given[f"{table}.hard"].origin
        raise ConfigError(
            f"{table}.soft ({soft.text}, from {origin}) is above {table}.hard ({hard.text}, from {other}): "
            "set both, soft below hard"
        )
    return Marks(soft=soft, hard=hard)


def faults_in_words(plan: FaultPlan) -> str:
    """Name what is rehearsed, for logs: `leak_bytes=20971520 faults=crash@5`."""
    parts = {
        "peak_bytes": plan.peak_bytes,
        "leak_bytes": plan.leak_bytes,
        "plateau": plan.plateau,
        "slowdown": plan.slowdown,
        "faults": ",".join(plan.faults),
        "poison": ",".join(sorted(set(plan.poison.values()))),
    }
    return " ".join(f"{name}={value}" for name, value in parts.items() if value)
