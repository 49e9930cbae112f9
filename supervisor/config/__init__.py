"""The configuration: read in one place, checked at once, passed in parts."""

from supervisor.config.values import (
    ChildConfig,
    Config,
    EngineConfig,
    LogConfig,
    Marks,
    MemoryConfig,
    NarrationConfig,
    Size,
)

__all__ = [
    "ChildConfig",
    "Config",
    "EngineConfig",
    "LogConfig",
    "Marks",
    "MemoryConfig",
    "NarrationConfig",
    "Size",
]
