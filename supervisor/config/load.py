"""All sources together, each value checked, into one `Config`."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from supervisor.config.building import Checked, build, impossible
from supervisor.config.checks import Check, setting
from supervisor.config.engines import engines_installed
from supervisor.config.keys import KEYS, engine_table
from supervisor.config.mistakes import Mistake, Mistaken
from supervisor.config.sources import (
    SHIPPED,
    Given,
    find_file,
    from_environ,
    from_file,
    from_sets,
    from_shipped_file,
    unknown_key,
)
from supervisor.config.values import Config
from supervisor.errors import ConfigError, SupervisorError
from supervisor.wire.messages import FaultPlan, Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that the sources say.

    Attributes:
        file: The user's file; None where there is none.
        given: Unchecked, the weakest first.
        mistakes: What could not be read, or is no key.
    """

    file: Path | None
    given: tuple[Given, ...]
    mistakes: tuple[Mistake, ...]

    def strongest(self) -> dict[str, Given]:
        """Return what counts of each key."""
        found: dict[str, Given] = {}
        for one in self.given:
            found[one.key] = _over(found.get(one.key), one)
        return found


def read(
    *,
    file: Path | None = None,
    sets: Sequence[str] = (),
    options: Iterable[Given] = (),
    environ: Mapping[str, str] | None = None,
) -> Reading:
    """Read all sources, and judge no value yet.

    Args:
        file: As after `--config`; None looks in the usual places.
        sets: As after each `--set`.
        options: What options of the command line stand for, `--engine` for `engine.name`; they win.
        environ: Default `os.environ`.

    Raises:
        UsageError: If a `--set` is none.
    """
    environ = os.environ if environ is None else environ
    path = file or find_file(environ)
    said = [*from_shipped_file(), *_of_file(path), *from_environ(environ), *from_sets(sets), *options]
    return Reading(
        file=path,
        given=tuple(one for one in said if isinstance(one, Given)),
        mistakes=tuple(one for one in said if isinstance(one, Mistake)),
    )


def _of_file(path: Path | None) -> list[Given | Mistake]:
    try:
        return [] if path is None else list(from_file(path))
    except Mistaken as error:
        return list(error.mistakes)


def _over(weaker: Given | None, one: Given) -> Given:
    """Put a value over a weaker one: a table's words are added, and an empty one clears it."""
    below, above = _words(weaker.value if weaker else None), _words(one.value)
    return replace(one, value=below | above) if below and above else one


def _words(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration, and where it comes from.

    Attributes:
        config: Ready to be used.
        given: What counts of each key, as it was given.
        defaults: The shipped value of each key that has one, as it stands there.
        file: The user's file; None where there is none.
    """

    config: Config
    given: Mapping[str, Given]
    defaults: Mapping[str, object]
    file: Path | None

    def placed(self, error: SupervisorError) -> SupervisorError:
        """Return an error with the place of the key that it begins with, where somebody set that.

        Some values only a child can judge; what it says of them knows no files.
        """
        key, _, what = str(error).partition(": ")
        one = self.given.get(key)
        if not isinstance(error, ConfigError) or one is None or one.origin == SHIPPED:
            return error
        return ConfigError(f"{key} from {one.where}: {what}")


def load(reading: Reading) -> Loaded:
    """Check what was read, each key by what counts of it, and make the configuration.

    Raises:
        Mistaken: If a key is unknown, has the wrong type or an impossible value; the message
            names the key, where its value came from, and the mend.
    """
    given = reading.strongest()
    checked, wrong = _check(given.values(), given)
    if mistakes := [*reading.mistakes, *wrong]:
        raise Mistaken(*mistakes)
    defaults = {one.key: one.value for one in reading.given if one.origin == SHIPPED}
    return Loaded(config=build(checked), given=given, defaults=defaults, file=reading.file)


def load_config(
    *,
    file: Path | None = None,
    sets: Sequence[str] = (),
    options: Iterable[Given] = (),
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Read and check the whole configuration.

    Args:
        file: See `read`.
        sets: See `read`.
        options: See `read`.
        environ: See `read`.

    Raises:
        Mistaken: See `load`.
        UsageError: See `read`.
    """
    return load(read(file=file, sets=sets, options=options, environ=environ)).config


def mistakes_of(reading: Reading) -> list[Mistake]:
    """Return all that is wrong, of replaced values too: the file's by line, then the rest."""
    counting = reading.strongest()
    _, wrong = _check(reading.given, counting)
    checked, _ = _check(counting.values(), counting)
    found = [*reading.mistakes, *wrong, *impossible(checked)]
    return sorted(found, key=lambda one: (not one.in_file, one.line or 0))


def _check(judged: Iterable[Given], counting: Mapping[str, Given]) -> tuple[Checked, list[Mistake]]:
    known = _Keys(engine_table(str(counting["engine.name"].value)))
    values: dict[str, Setting] = {}
    mistakes: list[Mistake] = []
    for one in judged:
        try:
            values[one.key] = known.check_of(one.key)(one.value)
        except ValueError as error:
            mistakes.append(one.mistake(str(error)))
    return Checked(values=values, given=counting), mistakes


class _Keys:
    """The keys of this version and those of other packages' engines.

    Args:
        table: Of the engine in use: it may be installed where only the child can see it.
    """

    def __init__(self, table: str) -> None:
        self._tables = {table}
        self._looked = False

    def check_of(self, key: str) -> Check:
        """Return the check of a key.

        Raises:
            ValueError: If there is no such key; the words say which there is.
        """
        if key in KEYS:
            return KEYS[key]
        if not self._knows(key.split(".")[1]):
            raise ValueError(unknown_key(key))
        return setting

    def _knows(self, table: str) -> bool:
        if table not in self._tables and not self._looked:
            self._looked = True
            self._tables |= {engine_table(name) for name in engines_installed()}
        return table in self._tables


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
