"""`config show|check`: what holds and where it comes from; what is wrong, all of it."""

from supervisor.cli.parser import Arguments
from supervisor.cli.request import reading
from supervisor.cli.words import emit, emit_json, table, tell
from supervisor.config import Given, Loaded, Mistake, load, mistakes_of
from supervisor.config.keys import SECRETS
from supervisor.config.sources import SHIPPED
from supervisor.config.written import written
from supervisor.display.words import count
from supervisor.errors import ConfigError

#: In the place of what is nobody's business.
_HIDDEN = "(set, and not shown)"


def config(args: Arguments) -> int:
    """Show the configuration, or look for mistakes; return the exit code."""
    return _show(args) if args.looking == "show" else _check(args)


def _show(args: Arguments) -> int:
    loaded = load(reading(args))
    if args.json:
        emit_json({key: _json(loaded, one) for key, one in loaded.given.items()})
    else:
        emit("\n".join(lines(loaded)))
    return 0


def _json(loaded: Loaded, one: Given) -> dict[str, object]:
    if one.key in SECRETS:
        return {"value": _HIDDEN if one.value else "", "origin": _origin(one), "default": ""}
    return {"value": one.value, "origin": _origin(one), "default": loaded.defaults.get(one.key)}


def lines(loaded: Loaded) -> list[str]:
    """Return every key for people: its value as TOML, where it comes from, and what it would be else."""
    return table([(one.key, _value(one), _from(loaded, one)) for one in loaded.given.values()])


def _value(one: Given) -> str:
    return _HIDDEN if one.key in SECRETS and one.value else written(one.value)


def _from(loaded: Loaded, one: Given) -> str:
    if one.origin == SHIPPED:
        return _origin(one)
    # Of an engine of another package nobody here knows a default.
    default = f" (default {written(loaded.defaults[one.key])})" if one.key in loaded.defaults else ""
    return _origin(one) + default


def _origin(one: Given) -> str:
    return "default" if one.origin == SHIPPED else one.where.removeprefix("the ")


def _check(args: Arguments) -> int:
    found = reading(args, file=args.file)
    mistakes = mistakes_of(found)
    file = None if found.file is None else str(found.file)
    if args.json:
        emit_json({"ok": not mistakes, "file": file, "mistakes": [_mistake_json(one) for one in mistakes]})
    else:
        emit("\n".join([mistake_line(one) for one in mistakes] or [_fine(file)]))
    if not mistakes:
        return 0
    tell(f"tts-supervisor: {count(len(mistakes), 'mistake', 'mistakes')} in the configuration")
    return ConfigError.exit_code


def _fine(file: str | None) -> str:
    return "fine: there is no file, the shipped defaults hold" if file is None else f"{file} is fine"


def _mistake_json(one: Mistake) -> dict[str, object]:
    return {
        "key": one.key or None,
        "file": one.origin if one.in_file else None,
        "line": one.line,
        "origin": one.where.removeprefix("the "),
        "message": one.what,
    }


def mistake_line(one: Mistake) -> str:
    """Return a mistake as compilers write theirs, so that editors jump to it."""
    return f"{one.where}: {one.key}: {one.what}" if one.key else str(one)
