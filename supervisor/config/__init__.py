"""The configuration: read in one place, checked at once, passed in parts."""

from supervisor.config.load import faults_in_words, load_config
from supervisor.config.sources import Given, shipped_file
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
    "Given",
    "LogConfig",
    "Marks",
    "MemoryConfig",
    "NarrationConfig",
    "Size",
    "faults_in_words",
    "load_config",
    "shipped_file",
]
