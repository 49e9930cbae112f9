"""The files of the engine glm, told from others by their content: never by where they lie."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from supervisor.edge.checkout import pieces_of
from supervisor.errors import ConfigError
from supervisor.wire.messages import Setting

#: Keys of `[engine.glm]` that name files; they are no part of an identity, what lies there is.
MODEL_PATHS = ("checkpoint", "configs", "lexicon")

_GET = "`tts-supervisor models get glm-tts` downloads it"


def model_fingerprint(settings: Mapping[str, Setting]) -> str:
    """Return what tells the model's files, tables and lexicon from others, 16 hexadecimal digits.

    Args:
        settings: The table `[engine.glm]`.

    Raises:
        ConfigError: If there is no checkpoint, or something that is named is not there.
    """
    if not settings.get("checkpoint"):
        raise ConfigError(f"engine.glm.checkpoint is not set: name the released model's folder; {_GET}")
    whole = hashlib.sha256()
    for key in MODEL_PATHS:
        whole.update(f"{key}\0".encode())
        for name, path in _files(key, str(settings.get(key) or "")):
            whole.update(f"{name}\0".encode("utf-8", "surrogateescape"))
            _add(whole.update, key, path)
    return whole.hexdigest()[:16]


def _files(key: str, place: str) -> Iterator[tuple[str, Path]]:
    """Yield names and paths of what lies there, in an order that does not depend on the file system."""
    if not place:
        return
    root = Path(place)
    if root.is_file():
        yield "", root
    elif root.is_dir():
        paths = [
            path for path in root.rglob("*") if path.is_file() and not _is_hidden(path.relative_to(root))
        ]
        yield from sorted((path.relative_to(root).as_posix(), path) for path in paths)
    else:
        mend = f"; {_GET}" if key == "checkpoint" else ""
        raise ConfigError(f"engine.glm.{key} = {place!r}: there is no such file or folder{mend}")


def _is_hidden(path: Path) -> bool:
    """Say whether it is a downloader's own, or a cache."""
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def _add(update: Callable[[bytes], None], key: str, path: Path) -> None:
    try:
        for piece in pieces_of(path):
            update(piece)
    except OSError as error:
        raise ConfigError(
            f"engine.glm.{key}: {path} cannot be read ({error.strerror}); make it readable"
        ) from error
