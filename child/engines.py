"""Engines by name: the built-in ones, else those that other packages register."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from child.engine import ENTRY_POINT_GROUP, Engine, Preparable, SettingsError, Weighty
from supervisor.wire.messages import Setting

#: Name -> module and class; imported when chosen.
_BUILT_IN = {
    "espeak": ("child.espeak", "EspeakEngine"),
    "glm": ("child.glm", "GlmEngine"),
    "scripted": ("child.scripted", "ScriptedEngine"),
    "glm-upstream": ("child.glm_upstream", "GlmUpstreamEngine"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An engine that a template has made ready to be loaded, and what for."""

    engine: Engine
    name: str
    device: str
    settings: Mapping[str, Setting]

    def is_for(self, name: str, device: str, settings: Mapping[str, Setting]) -> bool:
        """Say whether it was prepared for exactly this."""
        return (self.name, self.device, self.settings) == (name, device, settings)


def prepare_engine(name: str, device: str, settings: Mapping[str, Setting]) -> Prepared:
    """Return an engine with all done that children would do alike.

    Raises:
        EngineError: Or whatever else the engine raises.
    """
    engine = make_engine(name)
    if isinstance(engine, Preparable):
        engine.prepare(settings, device=device)
    return Prepared(engine=engine, name=name, device=device, settings=settings)


def weight_files_of(engine: Engine, settings: Mapping[str, Setting]) -> list[str]:
    """Return the files that the engine says it reads, if it says so."""
    return engine.weight_files(settings) if isinstance(engine, Weighty) else []


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
