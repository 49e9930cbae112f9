"""Where in a TOML file each key stands: the parser of the standard library does not say."""

import tomllib
from collections.abc import Iterator
from typing import cast

from supervisor.config.keys import engine_table

#: A name below another, outermost first.
_Path = tuple[str, ...]


def lines_of(text: str) -> dict[str, int]:
    """Return the line at which each key and each table begins.

    A statement is the fewest lines from where the last one ended that the parser takes: so what a string
    of several lines holds is never taken for a key.

    Args:
        text: A whole file that the parser takes.

    Returns:
        Lines from 1, by dotted keys as `sources.flatten` has them.
    """
    found: dict[str, int] = {}
    header: _Path = ()
    statement: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        statement.append(line)
        table = _parsed("\n".join(statement))
        if table is None:
            continue
        began = number - len(statement) + 1
        if statement[0].lstrip().startswith("["):
            header = _innermost(table)
            _note(found, table, (), began)
        else:
            _note(found, table, header, began)
        statement = []
    return found


def _parsed(statement: str) -> dict[str, object] | None:
    try:
        return tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return None


def _innermost(table: dict[str, object]) -> _Path:
    name = next(iter(table), None)
    if name is None:
        return ()
    inner = table[name]
    return (name, *_innermost(cast("dict[str, object]", inner) if isinstance(inner, dict) else {}))


def _note(found: dict[str, int], table: dict[str, object], above: _Path, line: int) -> None:
    for path in _paths(table, above):
        # A table may be opened again further down: where it stands first is where people look.
        found.setdefault(_dotted(path), line)


def _paths(table: dict[str, object], above: _Path) -> Iterator[_Path]:
    for name, value in table.items():
        yield (path := (*above, name))
        if isinstance(value, dict):
            yield from _paths(cast("dict[str, object]", value), path)


def _dotted(path: _Path) -> str:
    if path[:1] == ("engine",):
        path = ("engine", *map(engine_table, path[1:2]), *path[2:])
    return ".".join(path)
