"""Where values come from, weakest first: shipped defaults, one file, environment, `--set`, options.

Each source is a nested table as TOML has it; `flatten` turns it into dotted keys, and tells of
what is no key of this version. Nothing is raised at a mistake: all of them are to be known.
"""

import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from supervisor.config.keys import KEYS, SECRETS, engine_table
from supervisor.config.lines import lines_of
from supervisor.config.mistakes import Mistake, Mistaken
from supervisor.errors import UsageError
from supervisor.wire.lifeline import LIFE_VARIABLE, PARENT_VARIABLE, STATE_VARIABLE

Table = dict[str, object]

ENV_PREFIX = "TTS_SUPERVISOR_"

#: What the parent hands to its processes; a command run by one of them is not to trip over it.
_OWN_VARIABLES = frozenset({PARENT_VARIABLE, STATE_VARIABLE, LIFE_VARIABLE})

_TABLES = frozenset(key[:end] for key in KEYS for end, char in enumerate(key) if char == ".")

#: The origin of what nobody has set.
SHIPPED = "the shipped defaults"

_NO_LINES: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One value as given, unchecked, and where: a file (with its line), a variable, `--set`, an option."""

    key: str
    value: object
    origin: str
    line: int | None = None

    @property
    def where(self) -> str:
        """The origin, with the line as editors take it: `config.toml:12`."""
        return self.origin if self.line is None else f"{self.origin}:{self.line}"

    def mistake(self, what: str) -> Mistake:
        """Say what is wrong with this value."""
        in_file = self.line is not None
        return Mistake(key=self.key, origin=self.origin, line=self.line, in_file=in_file, what=what)

    def error(self, what: str) -> Mistaken:
        """Make the error that names the key and where its value came from."""
        return Mistaken(self.mistake(what))


def shipped_file() -> Path:
    """Return config.toml with the defaults: inside the package, or in the checkout's root."""
    package = Path(__file__).parents[1]
    inside = package / "config.toml"
    return inside if inside.is_file() else package.parent / "config.toml"


def find_file(environ: Mapping[str, str]) -> Path | None:
    """Return the user's file: `./config.toml`, else the one in the XDG configuration folder.

    Args:
        environ: `CONFIGURATION_DIRECTORY` is what systemd has for a service (the first of a list);
            it comes before both, for a service runs in whatever folder it was started in.
    """
    places = [Path("config.toml")]
    given = environ.get("CONFIGURATION_DIRECTORY", "").partition(":")[0]
    if given.startswith("/"):
        places.insert(0, Path(given) / "config.toml")
    base = environ.get("XDG_CONFIG_HOME", "")
    # A relative XDG path is to be ignored, says the XDG specification.
    folder = Path(base) if base.startswith("/") else Path(environ.get("HOME", "/")) / ".config"
    places.append(folder / "tts-supervisor" / "config.toml")
    return next((path for path in places if path.is_file()), None)


def from_file(path: Path) -> Iterator[Given | Mistake]:
    """Yield what a TOML file gives, each with its line.

    Raises:
        Mistaken: If it cannot be read or is no TOML; names the file.
    """
    text = _read(path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Mistaken(_no_toml(path, str(error))) from error
    yield from flatten(table, str(path), lines=lines_of(text))


def from_shipped_file() -> Iterator[Given | Mistake]:
    """Yield the defaults."""
    # Read at every start, and never wrong: nobody asks for its lines.
    yield from flatten(tomllib.loads(_read(shipped_file())), SHIPPED)


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        what = f"cannot be read ({error.strerror}); check the path after --config"
        raise Mistaken(Mistake(key="", origin=str(path), in_file=True, what=what)) from error
    try:
        # A line may end as in Windows, and editors there begin a file with a mark of their own.
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        what = f"is not valid TOML: {error.object[error.start]:#04x} is no UTF-8; save it as UTF-8"
        raise Mistaken(Mistake(key="", origin=str(path), line=line, in_file=True, what=what)) from error


def _no_toml(path: Path, said: str) -> Mistake:
    found = re.search(r" \(at line (\d+), column (\d+)\)", said)
    if found is None:
        return Mistake(key="", origin=str(path), in_file=True, what=f"is not valid TOML: {said}")
    what = f"is not valid TOML: {said.replace(found[0], '')} (column {found[2]})"
    return Mistake(key="", origin=str(path), line=int(found[1]), in_file=True, what=what)


def from_environ(environ: Mapping[str, str]) -> Iterator[Given | Mistake]:
    """Yield what `TTS_SUPERVISOR_TABLE__KEY` variables give."""
    for name in sorted(environ):
        if not name.startswith(ENV_PREFIX) or name in _OWN_VARIABLES:
            continue
        path = name.removeprefix(ENV_PREFIX).lower()
        origin = f"the environment variable {name}"
        if "__" in path:
            yield from flatten(nest(path.split("__"), _toml_or_text(environ[name])), origin)
        else:
            yield _no_variable(name, path)


def _no_variable(name: str, path: str) -> Mistake:
    meant = next((key for key in KEYS if key.replace(".", "_") == path), None)
    if meant is not None:
        mend = f"write {ENV_PREFIX}{meant.replace('.', '__').upper()} (two underscores)"
    else:
        mend = f"unset it, or write {ENV_PREFIX}TABLE__KEY as for TABLE.KEY in {shipped_file()}"
    return Mistake(key="", origin=f"the environment variable {name}", what=f"is no key: {mend}")


def from_sets(sets: Sequence[str]) -> Iterator[Given | Mistake]:
    """Yield what `--set table.key=VALUE` options give; a later one wins.

    Raises:
        UsageError: If one has no `=`, or nothing before it.
    """
    for item in sets:
        yield from flatten(_set_table(item), f"--set {_shown(item)}")


def _shown(item: str) -> str:
    """Return an option as it was given, a secret left out."""
    key, equals, _ = item.partition("=")
    plain = re.sub(r"[\s\"']", "", key)
    is_secret = any(f"{secret}.".startswith(f"{plain}.") for secret in SECRETS)
    return f"{key}{equals}…" if is_secret else item


def _set_table(item: str) -> Table:
    key, equals, value = item.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set {item}: need table.key=VALUE, as in --set child.attempts=5")
    try:
        return tomllib.loads(item, parse_float=_float_or_text)
    except tomllib.TOMLDecodeError:
        # Not TOML: a bare string, so that --set engine.name=scripted needs no quotes within quotes.
        return nest([part.strip() for part in key.split(".")], value.strip())


def _toml_or_text(value: str) -> object:
    try:
        table = tomllib.loads(f"value = {value}", parse_float=_float_or_text)
    except tomllib.TOMLDecodeError:
        return value
    return table["value"] if len(table) == 1 else value


def _float_or_text(value: str) -> float | str:
    # A bare nan is a kind of fault; no key takes it as a number.
    number = float(value)
    return number if math.isfinite(number) else value


def nest(path: Sequence[str], value: object) -> Table:
    """Wrap a value into tables, outermost name first."""
    for name in reversed(path):
        value = {name: value}
    return cast("Table", value)


def flatten(
    table: Table, origin: str, prefix: str = "", lines: Mapping[str, int] = _NO_LINES
) -> Iterator[Given | Mistake]:
    """Yield the leaves of a nested table under their dotted keys, and what is no key.

    Args:
        table: As TOML has it.
        origin: Where it came from.
        prefix: Of its keys: tables above it, with a dot after each.
        lines: Where each key stands, if it came from a file.
    """
    for name, value in table.items():
        key = prefix + (engine_table(name) if prefix == "engine." else name)
        one = Given(key=key, value=value, origin=origin, line=lines.get(key))
        if key in KEYS:
            yield one
        elif key in _TABLES:
            if isinstance(value, dict):
                yield from flatten(cast("Table", value), origin, f"{key}.", lines)
            else:
                yield one.mistake("is a table, not a value; set one of its keys")
        elif prefix == "engine." and isinstance(value, dict):
            # Another package's engine: whether there is one of that name is known when all is read.
            for inner, entry in cast("Table", value).items():
                below = f"{key}.{inner}"
                yield Given(key=below, value=entry, origin=origin, line=lines.get(below))
        else:
            yield one.mistake(unknown_key(key))


#: Two slips in a word of ten letters; less alike is another word.
_LEAST_LIKENESS = 0.75


def unknown_key(key: str) -> str:
    """Say that a key does not exist, with the nearest that does."""
    table = key.rpartition(".")[0]
    near = _near_in_table(key, table) if table in _TABLES else _near_anywhere(key)
    where = f"the keys of [{table}]" if table in _TABLES else "all keys"
    mend = f"did you mean {near}?" if near else f"{where} are in {shipped_file()}"
    return f"unknown key; {mend}"


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
