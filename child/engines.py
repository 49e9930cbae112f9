"""Engines by name: the built-in ones, else those that other packages register."""

from importlib.metadata import EntryPoint, entry_points

from child.engine import ENTRY_POINT_GROUP, Engine, SettingsError

_BUILT_IN = {
    "espeak": EntryPoint(name="espeak", value="child.espeak:EspeakEngine", group=ENTRY_POINT_GROUP),
    "scripted": EntryPoint(name="scripted", value="child.scripted:ScriptedEngine", group=ENTRY_POINT_GROUP),
}


def make_engine(name: str) -> Engine:
    """Return a fresh engine, not loaded yet. Built-in names cannot be taken by another package.

    Raises:
        SettingsError: If no engine has that name; lists those that are known.
    """
    point = _BUILT_IN.get(name) or _registered(name)
    engine: Engine = point.load()()
    return engine


def _registered(name: str) -> EntryPoint:
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        return point
    known = sorted({*_BUILT_IN, *entry_points(group=ENTRY_POINT_GROUP).names})
    raise SettingsError(
        f"engine.name = {name!r}: there is no such engine here; known are {', '.join(known)}. "
        f"A package brings one by an entry point in group {ENTRY_POINT_GROUP}"
    )
