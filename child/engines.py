"""Engines by name: the built-in ones, else those that other packages register."""

from importlib import import_module

from child.engine import ENTRY_POINT_GROUP, Engine, SettingsError

#: Name -> module and class; imported when chosen.
_BUILT_IN = {
    "espeak": ("child.espeak", "EspeakEngine"),
    "scripted": ("child.scripted", "ScriptedEngine"),
}


def make_engine(name: str) -> Engine:
    """Return a fresh engine, not loaded yet. Built-in names cannot be taken by another package.

    Raises:
        SettingsError: If no engine has that name; lists those that are known.
    """
    if name not in _BUILT_IN:
        return _registered(name)
    module, kind = _BUILT_IN[name]
    engine: Engine = getattr(import_module(module), kind)()
    return engine


def _registered(name: str) -> Engine:
    from importlib.metadata import entry_points  # noqa: PLC0415 -- 20 ms that the built-in engines need not pay

    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        engine: Engine = point.load()()
        return engine
    known = sorted({*_BUILT_IN, *entry_points(group=ENTRY_POINT_GROUP).names})
    raise SettingsError(
        f"engine.name = {name!r}: there is no such engine here; known are {', '.join(known)}. "
        f"A package brings one by an entry point in group {ENTRY_POINT_GROUP}"
    )
