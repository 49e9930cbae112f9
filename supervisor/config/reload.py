"""What a reload changes, key by key, and when each change takes effect.

    now         what the parent does by itself: marks, times, queue, log
    next child  what a child is told when it starts: the one at work is replaced at the next boundary
    next job    what is in the ledger once a job is planned: its cuts and pauses
    restart     what is opened once, when the service starts

Whether a change of the engine makes other bytes is not said here: `supervisor.identity` knows. Where it does,
what was spoken before belongs to another engine, and jobs in hand are to be planned anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Literal, cast

import msgspec

from supervisor.config.keys import SECRETS, engine_table
from supervisor.config.values import Config, Size
from supervisor.config.written import written
from supervisor.wire.messages import FaultPlan

When = Literal["now", "next child", "next job", "restart"]

#: In the order in which people are told.
IN_WORDS: dict[When, str] = {
    "now": "at once",
    "next child": "with the next child, which takes over when the segment in hand is done",
    "next job": "for what is planned from now on",
    "restart": "not before the service is started again",
}

#: Of every key but those below `engine.`: all of them are what a child is told.
_WHEN: dict[str, When] = {
    "child.python": "next child",
    "child.device": "next child",
    "child.start": "next child",
    "child.start_timeout_s": "now",
    "child.term_grace_s": "now",
    "child.stall_s": "now",
    "child.attempts": "now",
    "child.idle_unload_s": "now",
    "child.max_segments": "now",
    "memory.poll_s": "now",
    "memory.device.soft": "now",
    "memory.device.hard": "now",
    "memory.host.soft": "now",
    "memory.host.hard": "now",
    "memory.leak.live": "now",
    "memory.leak.other": "now",
    # A trace is one file from the first reading to the last.
    "memory.record": "restart",
    "memory.clean_after": "now",
    # Chapters that are begun keep the step that they were begun with.
    "degrade.steps": "now",
    "batch.size": "now",
    "batch.rest_s": "now",
    "narration.segment_chars": "next job",
    "narration.pause_sentence_s": "next job",
    "narration.pause_paragraph_s": "next job",
    "narration.pause_heading_s": "next job",
    "queue.max_running": "now",
    "queue.max_waiting": "now",
    # What is opened at the start stays open.
    "http.api_key": "restart",
    "http.api_key_file": "restart",
    "http.hosts": "restart",
    "http.output_folders": "restart",
    "http.models": "restart",
    "http.voices": "restart",
    "http.text_chars": "restart",
    "http.body_bytes": "restart",
    "http.connections": "restart",
    "http.encoders": "restart",
    "wyoming.sample_rate": "restart",
    "wyoming.sentence_silence_s": "restart",
    "wyoming.connections": "restart",
    "wyoming.zeroconf": "restart",
    "piper.voices": "restart",
    "alerts.command": "restart",
    "log.format": "restart",
    "log.level": "restart",
}

#: Where a part of the configuration has another name than its key.
_KEYS_OF_PARTS = {"child.devices": "child.device"}


def when(key: str) -> When:
    """Say when a change of a key takes effect.

    Raises:
        KeyError: If it is no key.
    """
    return "next child" if key.startswith("engine.") else _WHEN[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One key that has another value now.

    Attributes:
        key: Dotted.
        before: As TOML; None where the engine of before had no such key.
        after: Likewise.
        when: It takes effect.
    """

    key: str
    before: str | None
    after: str | None
    when: When

    def __str__(self) -> str:
        """Say it in one line."""
        if self.key in SECRETS:
            return f"{self.key}: another one, {IN_WORDS[self.when]}"
        return f"{self.key}: {self.before or 'not set'} -> {self.after or 'not set'}, {IN_WORDS[self.when]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """All that a reload changes, in the order of the keys."""

    changes: tuple[Change, ...]

    def at(self, when: When) -> tuple[Change, ...]:
        """Return the changes that take effect then."""
        return tuple(change for change in self.changes if change.when == when)

    @property
    def recycles(self) -> bool:
        """Whether the child must be replaced."""
        return bool(self.at("next child"))

    def in_words(self) -> list[str]:
        """Return a line for each change, what takes effect first coming first; one line if there is none."""
        lines = [str(change) for when in IN_WORDS for change in self.at(when)]
        return lines or ["nothing has changed"]


def compare(before: Config, after: Config) -> Reload:
    """Say what changes from one configuration to another.

    The settings of an engine are compared where it is the same engine; that it is another says it all.
    """
    old, new = values_of(before), values_of(after)
    if old["engine.name"] != new["engine.name"]:
        tables = tuple(f"engine.{engine_table(config.engine.name)}." for config in (before, after))
        old, new = _without(old, tables), _without(new, tables)
    return Reload(
        changes=tuple(
            Change(key=key, before=old.get(key), after=new.get(key), when=when(key))
            for key in {**old, **new}
            if old.get(key) != new.get(key)
        )
    )


def _without(values: dict[str, str], tables: tuple[str, ...]) -> dict[str, str]:
    return {key: value for key, value in values.items() if not key.startswith(tables)}


def values_of(config: Config) -> dict[str, str]:
    """Return what a configuration holds as TOML by key; of engines' tables that of the engine in use."""
    engine = config.engine
    table = f"engine.{engine_table(engine.name)}"
    faults = msgspec.structs.asdict(engine.faults or FaultPlan())
    found: dict[str, object] = {"engine.name": engine.name}
    found |= {f"{table}.{name}": value for name, value in engine.settings.items()}
    found |= {f"engine.faults.{name}": value for name, value in faults.items()}
    for part in fields(config):
        if part.name != "engine":
            found |= _below(part.name, getattr(config, part.name))
    return {_KEYS_OF_PARTS.get(key, key): written(_plain(value)) for key, value in found.items()}


def told_values(config: Config) -> dict[str, str]:
    """Return what others may know of it: all but what is secret."""
    return {key: value for key, value in values_of(config).items() if key not in SECRETS}


def _below(key: str, part: object) -> dict[str, object]:
    return dict(_leaves(key, part))


def _leaves(key: str, part: object) -> Iterator[tuple[str, object]]:
    if isinstance(part, Size) or not is_dataclass(part):
        yield key, part
        return
    for field in fields(part):
        yield from _leaves(f"{key}.{field.name}", getattr(part, field.name))


def _plain(value: object) -> object:
    match value:
        case Size():
            return value.text
        case Path():
            return str(value)
        case None:
            return ""
        case tuple():
            return list(cast("tuple[object, ...]", value))
        case _:
            return value
