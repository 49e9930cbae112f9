"""The configuration: read in one place, checked at once, passed in parts."""

from supervisor.config.load import Loaded, Reading, faults_in_words, load, load_config, mistakes_of, read
from supervisor.config.mistakes import Mistake, Mistaken
from supervisor.config.sources import Given, shipped_file
from supervisor.config.values import (
    AlertsConfig,
    BatchConfig,
    ChildConfig,
    Config,
    DegradeConfig,
    EngineConfig,
    HttpConfig,
    LeakMarks,
    LogConfig,
    Marks,
    MemoryConfig,
    NarrationConfig,
    PiperConfig,
    QueueConfig,
    Size,
    WyomingConfig,
)

__all__ = [
    "AlertsConfig",
    "BatchConfig",
    "ChildConfig",
    "Config",
    "DegradeConfig",
    "EngineConfig",
    "Given",
    "HttpConfig",
    "LeakMarks",
    "Loaded",
    "LogConfig",
    "Marks",
    "MemoryConfig",
    "Mistake",
    "Mistaken",
    "NarrationConfig",
    "PiperConfig",
    "QueueConfig",
    "Reading",
    "Size",
    "WyomingConfig",
    "faults_in_words",
    "load",
    "load_config",
    "mistakes_of",
    "read",
    "shipped_file",
]
