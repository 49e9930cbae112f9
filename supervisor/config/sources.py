"""Where values come from, weakest first: shipped defaults, one file, environment, `--set`, options.

Each source is a nested table as TOML has it; `flatten` turns it into dotted keys, and refuses
what is no key of this version.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from supervisor.config.keys import KEYS, engine_table
from supervisor.errors import ConfigError, UsageError
from supervisor.wire.lifeline import LIFE_VARIABLE, PARENT_VARIABLE, STATE_VARIABLE

Table = dict[str, object]

ENV_PREFIX = "TTS_SUPERVISOR_"

#: What the parent hands to its processes; a command run by one of them is not to trip over it.
_OWN_VARIABLES = frozenset({PARENT_VARIABLE, STATE_VARIABLE, LIFE_VARIABLE})

_TABLES = frozenset(key[:end] for key in KEYS for end, char in enumerate(key) if char == ".")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One value as given, unchecked, and where: a file, a variable, `--set`, an option."""

    key: str
    value: object
    origin: str

    def error(self, what: str) -> ConfigError:
        """Make the error that names the key and where its value came from."""
        return ConfigError(f"{self.key} from {self.origin}: {what}")


def shipped_file() -> Path:
    """Return config.toml with the defaults: inside the package, or in the checkout's root."""
    package = Path(__file__).parents[1]
    inside = package / "config.toml"
    return inside if inside.is_file() else package.parent / "config.toml"


def find_file(environ: Mapping[str, str]) -> Path | None:
    """Return the user's file: `./config.toml`, else the one in the XDG configuration folder."""
    base = environ.get("XDG_CONFIG_HOME", "")
    # A relative XDG path is to be ignored, says the XDG specification.
    folder = Path(base) if base.startswith("/") else Path(environ.get("HOME", "/")) / ".config"
    for path in (Path("config.toml"), folder / "tts-supervisor" / "config.toml"):
        if path.is_file():
            return path
    return None


def read_file(path: Path) -> Table:
    """Read a TOML file.

    Raises:
        ConfigError: If it cannot be read or is no TOML; names the file.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); check the path after --config"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from error


def from_environ(environ: Mapping[str, str]) -> Iterator[Given]:
    """Yield what `TTS_SUPERVISOR_TABLE__KEY` variables give.

    Raises:
        ConfigError: If a variable with our prefix names no key.
    """
    for name in sorted(environ):
        if not name.startswith(ENV_PREFIX) or name in _OWN_VARIABLES:
            continue
        path = name.removeprefix(ENV_PREFIX).lower()
        origin = f"the environment variable {name}"
        if "__" in path:
            yield from flatten(nest(path.split("__"), _toml_or_text(environ[name])), origin)
        else:
            raise _no_variable(name, path)


def _no_variable(name: str, path: str) -> ConfigError:
    meant = next((key for key in KEYS if key.replace(".", "_") == path), None)
    if meant is not None:
        written = ENV_PREFIX + meant.replace(".", "__").upper()
        return ConfigError(f"the environment variable {name} is no key: write {written} (two underscores)")
    return ConfigError(
        f"the environment variable {name} is no key: unset it, or write {ENV_PREFIX}TABLE__KEY as for "
        f"TABLE.KEY in {shipped_file()}"
    )


def from_sets(sets: Sequence[str]) -> Iterator[Given]:
    """Yield what `--set table.key=VALUE` options give; a later one wins.

    Raises:
        UsageError: If one has no `=`, or names no key.
    """
    for item in sets:
        yield from flatten(_set_table(item), f"--set {item}")


def _set_table(item: str) -> Table:
    key, equals, value = item.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set {item}: need table.key=VALUE, as in --set child.attempts=5")
    try:
        return tomllib.loads(item)
    except tomllib.TOMLDecodeError:
        # Not TOML: a bare string, so that --set engine.name=scripted needs no quotes within quotes.
        return nest([part.strip() for part in key.split(".")], value.strip())


def _toml_or_text(value: str) -> object:
    try:
        table = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        return value
    return table["value"] if len(table) == 1 else value


def nest(path: Sequence[str], value: object) -> Table:
    """Wrap a value into tables, outermost name first."""
    for name in reversed(path):
        value = {name: value}
    return cast("Table", value)


def flatten(table: Table, origin: str, prefix: str = "") -> Iterator[Given]:
    """Yield the leaves of a nested table under their dotted keys.

    Raises:
        ConfigError: If a key is unknown, or a table is given as a value.
    """
    for name, value in table.items():
        key = prefix + (engine_table(name) if prefix == "engine." else name)
        if key in KEYS:
            yield Given(key=key, value=value, origin=origin)
        elif key in _TABLES:
            if not isinstance(value, dict):
                raise ConfigError(f"{key} from {origin}: is a table, not a value; set one of its keys")
            yield from flatten(cast("Table", value), origin, f"{key}.")
        elif prefix == "engine." and isinstance(value, dict):
            # Another package's engine: whether it is the one in use is known when all is read.
            for inner, entry in cast("Table", value).items():
                yield Given(key=f"{key}.{inner}", value=entry, origin=origin)
        else:
            raise unknown_key(key, origin)


#: Two slips in a word of ten letters; less alike is another word.
_LEAST_LIKENESS = 0.75


def unknown_key(key: str, origin: str) -> ConfigError:
    """Make the error for a key that does not exist, with the nearest that does."""
    table = key.rpartition(".")[0]
    near = _near_in_table(key, table) if table in _TABLES else _near_anywhere(key)
    where = f"the keys of [{table}]" if table in _TABLES else "all keys"
    mend = f"did you mean {near}?" if near else f"{where} are in {shipped_file()}"
    return ConfigError(f"{key} from {origin}: unknown key; {mend}")


def _near_in_table(key: str, table: str) -> str | None:
    known = [k for k in (*KEYS, *_TABLES) if k.rpartition(".")[0] == table]
    # Names alone: the table's own would make all of its keys look alike.
    near = _nearest(key.rpartition(".")[2], [k.rpartition(".")[2] for k in known])
    return near and f"{table}.{near}"


def _near_anywhere(key: str) -> str | None:
    last = key.rpartition(".")[2]
    return _nearest(key, [*KEYS, *_TABLES]) or next((k for k in KEYS if k.endswith(f".{last}")), None)


def _nearest(word: str, known: Sequence[str]) -> str | None:
    import difflib  # noqa: PLC0415 - only to word an error; costs 3 ms of every start otherwise

    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=_LEAST_LIKENESS)), None)
