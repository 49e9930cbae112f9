"""Engines that other packages bring."""

from supervisor.config.keys import BUILTIN_ENGINES

__all__ = ["BUILTIN_ENGINES", "ENTRY_POINT_GROUP", "engines_installed"]

ENTRY_POINT_GROUP = "tts_supervisor.engines"


def engines_installed() -> set[str]:
    """Return the names of the engines of other packages that are installed here."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - 20 ms, only for foreign engines

    return {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
