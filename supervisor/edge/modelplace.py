"""Where downloaded models lie unless it is said otherwise."""

from collections.abc import Mapping
from pathlib import Path

FOLDER_NAME = "tts-supervisor"


def default_model_path(environ: Mapping[str, str], name: str) -> Path:
    """Return a model's folder.

    Args:
        environ: `XDG_DATA_HOME` counts when it is an absolute path, as its standard wants.
        name: Of the model.
    """
    configured = environ.get("XDG_DATA_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path.home() / ".local" / "share"
    return base / FOLDER_NAME / "models" / name
