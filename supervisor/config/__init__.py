"""The configuration: read in one place, checked at once, passed in parts."""

from supervisor.config.load import faults_in_words, load_config
from supervisor.config.sources import Given, shipped_file
from supervisor.config.values import (
    AlertsConfig,
    BatchConfig,
    ChildConfig,
    Config,
    DegradeConfig,
    EngineConfig,
    LeakMarks,
    LogConfig,
    Marks,
    MemoryConfig,
    NarrationConfig,
    Size,
)

__all__ = [
    "AlertsConfig",
    "BatchConfig",
    "ChildConfig",
    "Config",
    "DegradeConfig",
    "EngineConfig",
    "Given",
    "LeakMarks",
    "LogConfig",
    "Marks",
    "MemoryConfig",
    "NarrationConfig",
    "Size",
    "faults_in_words",
    "load_config",
    "shipped_file",
]
